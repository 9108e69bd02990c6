import type { Clock } from '../../runtime/clock.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { RaftMessage } from '../core/messages.ts'
import type { Index, NodeId } from '../types.ts'

/**
 * What Consul's Raft says of replication to each follower, from the messages that pass: `raft.replication.appendEntries.logs.ID`
 * counts entries, `….rpc.ID` takes the milliseconds until they are durable there, and `raft.replication.heartbeat.ID` those of a
 * heartbeat. Appends overlap, so one at a time is timed.
 */
export class ReplicationMetrics {
  readonly #metrics: Metrics
  readonly #clock: Clock
  readonly #id: NodeId
  #timed: { readonly lastIndex: Index; readonly sentMs: number } | null = null

  constructor(metrics: Metrics, clock: Clock, id: NodeId) {
    this.#metrics = metrics
    this.#clock = clock
    this.#id = id
  }

  sent(message: RaftMessage): void {
    if (message.kind !== 'append' || message.entries.length === 0) return
    const { entries, previous } = message
    this.#metrics.count(`raft.replication.appendEntries.logs.${this.#id}`, entries.length)
    const nowMs = this.#clock.monotonicMs()
    if (this.#timed !== null && nowMs - this.#timed.sentMs < lostMs) return
    this.#timed = { lastIndex: previous.index + entries.length, sentMs: nowMs }
  }

  received(message: RaftMessage): void {
    if (message.kind === 'heartbeatResponse') {
      const tookMs = this.#clock.monotonicMs() - message.sentAtMs
      return this.#metrics.sample(`raft.replication.heartbeat.${this.#id}`, tookMs)
    }
    if (message.kind !== 'appendResponse' || this.#timed === null) return
    if (!message.accepted || message.index < this.#timed.lastIndex) return
    const tookMs = this.#clock.monotonicMs() - this.#timed.sentMs
    this.#metrics.sample(`raft.replication.appendEntries.rpc.${this.#id}`, tookMs)
    this.#timed = null
  }
}

/** An append that was not answered for so long never will be. */
const lostMs = 10_000
