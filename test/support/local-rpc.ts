import { LocalRpc } from '../../server/endpoints/call.ts'
import { endpoints } from '../../server/endpoints/table.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'
import { Leader } from './leader.ts'

/** A server's whole Rpc over a state in memory: a leader of one, always sure of it, in real time. */
export function localRpc(): { readonly rpc: LocalRpc; readonly leader: Leader } {
  const leader = new Leader()
  const rpc = new LocalRpc({
    endpoints,
    store: leader.log.store,
    consensus: {
      leaseValid: () => true,
      confirm: () => Promise.resolve(),
      knownLeader: () => true,
      lastContactMs: () => 0,
      awaitLeader: () => Promise.resolve(true),
    },
    writeContext: leader.context,
    clock: systemClock,
    chance: seededChance(1),
    metrics: noMetrics,
    datacenter: 'dc1',
    defaultQueryTimeMs: 300_000,
    maxQueryTimeMs: 600_000,
    holdMs: 7_000,
  })
  return { rpc, leader }
}
