import type { Rpc } from '../server/model/methods.ts'
import type { Chance } from '../server/runtime/chance.ts'
import type { Clock } from '../server/runtime/clock.ts'
import type { Log } from '../server/runtime/log.ts'
import type { Metrics } from '../server/runtime/metrics.ts'
import type { Exchange } from './exchange.ts'

/**
 * What DNS asks of the node it runs on. Everything about the cluster goes through `rpc`, the servers' own names and addresses
 * too: they are the instances of the service `consul`.
 *
 * `rpc.read` should give the identical `value` for as long as nothing it depends on has changed. Answers are then kept encoded
 * (kept.ts); where it doesn't, every question is merely answered the long way.
 */
export interface DnsPorts {
  readonly rpc: Pick<Rpc, 'read'>
  readonly datacenter: string
  /** Labels the metrics, as Consul does. */
  readonly nodeName: string
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
}

/** And what answering is given beside that by the sockets (server.ts). */
export interface AnswerPorts extends DnsPorts {
  readonly exchange: Exchange
}
