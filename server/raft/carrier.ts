import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Applier } from './applier.ts'
import type { AppendBatch, RaftEvent, RaftOutput, Settlement, Ticket } from './core/output.ts'
import type { Waiter } from './future.ts'
import type { Leading } from './leading.ts'
import type { RaftOptions } from './options.ts'
import { whyNot, type Proposals } from './proposals.ts'
import type { Reads } from './reads.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'
import type { Entry } from './types.ts'

export interface CarrierOptions<Result> extends Pick<
  RaftOptions<Result>,
  'logStore' | 'snapshots' | 'send' | 'onMembership'
> {
  readonly applier: Applier<Result>
  readonly keeper: SnapshotKeeper<Result>
  readonly proposals: Proposals<Result>
  readonly reads: Reads
  readonly leading: Leading
  readonly clock: Clock
  readonly metrics: Metrics
  readonly emit: (event: RaftEvent) => void
}

/**
 * Carries out what a turn amounts to, in the order that core/output.ts asks for. Messages leave before the disk is asked for
 * anything, so that followers write while this server does (thesis §10.2.1).
 */
export class Carrier<Result> {
  readonly #options: CarrierOptions<Result>
  readonly #changing = new Map<Ticket, Waiter<void>>()
  #isStopped = false

  constructor(options: CarrierOptions<Result>) {
    this.#options = options
  }

  /** Who waits for the change of members that goes under this ticket. */
  awaitChange(ticket: Ticket, waiter: Waiter<void>): void {
    this.#changing.set(ticket, waiter)
  }

  carryOut(output: RaftOutput): void {
    const { applier, keeper, leading, logStore, onMembership, reads, send, snapshots } =
      this.#options
    if (output.role !== null) leading.enter(output.role)
    // First, so that there is a way to whom the first message goes.
    if (output.membership !== null) onMembership?.(output.membership)
    if (output.send.length > 0) send?.(output.send)
    if (output.append !== null) this.#append(output.append)
    for (const settlement of output.settled) this.#settle(settlement)
    for (const read of output.reads) reads.settle(read, applier.shift)
    if (output.restore !== null) applier.replace(snapshots.read(output.restore), output.restore)
    if (output.apply.length > 0) this.#apply(output.apply)
    for (const order of output.snapshots) keeper.carryOut(order)
    if (output.compactThrough !== null) logStore.compact(output.compactThrough)
    applier.run()
    leading.note(applier.appliedTerm)
    keeper.takeIfDue()
  }

  /** Nothing that comes back from the disk matters any more. */
  stop(error: Error): void {
    this.#isStopped = true
    for (const { reject } of this.#changing.values()) reject(error)
    this.#changing.clear()
  }

  #append(batch: AppendBatch): void {
    const { clock, emit, keeper, logStore, metrics } = this.#options
    const startMs = clock.monotonicMs()
    logStore.append(batch, () => {
      if (this.#isStopped) return
      metrics.sample('raft.leader.dispatchLog', clock.monotonicMs() - startMs)
      metrics.sample('raft.leader.dispatchNumLogs', batch.entries.length)
      if (batch.snapshot !== null) keeper.retain(batch.snapshot)
      emit({ kind: 'appendDone', seq: batch.seq })
    })
  }

  #apply(entries: readonly Entry[]): void {
    const { applier, keeper, metrics } = this.#options
    let bytes = 0
    for (const entry of entries) bytes += entry.payload.length
    metrics.sample('raft.commitNumLogs', entries.length)
    applier.enqueue(entries)
    keeper.noteEntries(entries.length, bytes)
  }

  #settle(settlement: Settlement): void {
    const waiter = this.#changing.get(settlement.ticket)
    if (waiter === undefined) return this.#options.proposals.settle(settlement)
    this.#changing.delete(settlement.ticket)
    if (settlement.outcome === 'committed') waiter.resolve()
    else waiter.reject(whyNot(settlement))
  }
}
