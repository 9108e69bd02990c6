import type { GossipPort } from '../../api/ports.ts'
import { compilePattern } from '../../server/filter/pattern.ts'
import { operatePools } from '../../server/gossip/pool-keyrings.ts'
import type { KeyedPool } from '../../server/gossip/pool-keyrings.ts'
import type { KeyOutcome } from '../../server/gossip/serf/events.ts'
import type { Listener } from '../../server/gossip/user-events/audience.ts'
import { UserEvents } from '../../server/gossip/user-events/user-events.ts'
import { Keyring } from '../../server/gossip/wire/keyring.ts'
import { must } from '../../server/model/assert.ts'
import { origin } from '../../server/model/coordinate.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { KeyVerb } from '../../server/model/keyring.ts'
import { systemChance } from '../../server/runtime/chance.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { heard, SerfPool } from './serf-pool.ts'
import type { SerfNode } from './serf-pool.ts'

/** A node's pools in memory: it is alone in its data centre's, called n1, and in that of the servers, called n1.dc1. */
export function memoryGossip(
  given: {
    readonly keys?: readonly [Uint8Array, ...Uint8Array[]]
    readonly services?: Listener['services']
  } = {},
): GossipPort & { readonly events: UserEvents } {
  const pool = new SerfPool()
  const lan = pool.add('n1', keyringOf(given.keys))
  const wan = new SerfPool().add('n1.dc1', keyringOf(given.keys))
  const events = new UserEvents({
    clock: systemClock,
    chance: systemChance,
    datacenter: 'dc1',
    compilePattern,
    listener: () => ({ nodeName: 'n1', services: given.services ?? [] }),
    broadcast({ name, payload }) {
      lan.events.splice(0)
      pool.command(lan, { kind: 'fire', name, payload, coalesce: false })
      for (const event of heard(lan, 'userEvent')) events.hear(event, event.time)
    },
  })
  return {
    events,
    keyring: {
      operate({ localOnly, ...operation }) {
        const pools = [keyed(wan, true), keyed(lan, false)].filter(
          ({ isWan }) => !(localOnly && isWan),
        )
        return operatePools(pools, 'dc1', operation)
      },
    },
    datacenterCoordinates: async () => [
      {
        Datacenter: 'dc1',
        AreaID: 'wan',
        Coordinates: [{ Node: 'n1', Segment: '', Coord: origin }],
      },
    ],
  }
}

function keyed(node: SerfNode, isWan: boolean): KeyedPool {
  return {
    isWan,
    async operate(verb, key, relayFactor) {
      node.events.splice(0)
      node.pool.command(node, { kind: 'keyring', ticket: 1, verb, key, relayFactor })
      return must(heard(node, 'keyringDone')[0], 'all answered').tally
    },
  }
}

function keyringOf(keys: readonly [Uint8Array, ...Uint8Array[]] | undefined) {
  if (keys === undefined) return {}
  let ring = Keyring.of(...keys)
  const keyring = (verb: KeyVerb, key: Uint8Array): KeyOutcome => {
    try {
      if (verb === 'list') return { kind: 'listed', keys: ring.keys, primary: ring.primary }
      if (verb === 'install') ring = ring.with(key)
      else ring = verb === 'use' ? ring.using(key) : ring.without(key)
      return { kind: 'done' }
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      return { kind: 'failed', message: error.message }
    }
  }
  return { keyring }
}
