import { assert } from '../../model/assert.ts'
import type { EntryId, Index } from '../types.ts'
import { Inflights } from './inflights.ts'

/**
 * What a leader believes of one follower, and how fast it dares to send.
 *
 *                  accepted                      refused, or unreachable
 *        ┌─────────────────────────► replicate ─────────────────┐
 *      probe ◄────────────────────────────────────────────────────┘
 *        │  ▲
 *        │  └──────── the log reaches the follower again ────┐
 *        └── the entry it needs is compacted ──► snapshot ───┘
 *
 * - probe: where the logs fork is unknown. One message, then silence until an answer or a heartbeat's answer.
 * - replicate: appends are pipelined up to the inflight window; `next` runs ahead of the answers.
 * - snapshot: nothing is appended until the follower has installed what is being streamed.
 *
 * Invariant: 0 <= match < next. Transitions are methods; nobody else writes these fields.
 */
export class Progress {
  state: 'probe' | 'replicate' | 'snapshot' = 'probe'
  /** The newest entry known to be the follower's too, durably. Never goes back within a term. */
  match: Index = 0
  next: Index
  /** The highest commit index sent, so that a commit that moved is told, and told once. */
  sentCommit: Index = 0
  /** A probe was sent and not answered, or a pipelined send found the window full. */
  paused = false
  readonly inflights: Inflights
  /** The stream in state `snapshot`. */
  stream: SnapshotStream | null = null
  /** Since when it could have answered, so that a new follower is not doubted at once. */
  sinceMs: number
  /** When the last message of it came in; -Infinity before. */
  heardMs = -Infinity
  /** The send instant of the newest heartbeat it answered; -Infinity before. What a lease may count on. */
  ackedSentMs = -Infinity
  /** The newest read round it answered. */
  ackedRound = -Infinity

  constructor(init: {
    readonly next: Index
    readonly nowMs: number
    readonly inflight: { readonly messagesMax: number; readonly bytesMax: number }
  }) {
    this.next = init.next
    this.sinceMs = init.nowMs
    this.inflights = new Inflights(init.inflight)
  }

  becomeProbe(): void {
    this.#reset('probe')
    this.next = this.match + 1
  }

  becomeReplicate(): void {
    this.#reset('replicate')
    this.next = this.match + 1
  }

  becomeSnapshot(nowMs: number): void {
    this.#reset('snapshot')
    this.stream = { snapshot: null, offsetBytes: 0, orderedMs: nowMs }
  }

  /** Gives up what was being tried, until the follower answers a heartbeat. */
  pause(): void {
    this.becomeProbe()
    this.paused = true
  }

  /** Its connection broke: what was pipelined is probably lost. */
  unreachable(): void {
    if (this.state === 'replicate') this.becomeProbe()
  }

  /** It answered: a probe may be sent again. */
  resume(): void {
    this.paused = false
  }

  /** Whether nothing but a heartbeat may be sent now. */
  blocked(): boolean {
    if (this.state === 'probe') return this.paused
    return this.state === 'snapshot' || this.inflights.full()
  }

  /** An append of entries through `last` left; `last` is `next - 1` when it carried none. */
  sent(last: Index, bytes: number, commit: Index): void {
    this.sentCommit = Math.max(this.sentCommit, Math.min(commit, last))
    if (this.state === 'replicate') {
      if (last < this.next) return
      this.next = last + 1
      this.inflights.add(last, bytes)
    } else {
      this.paused = true
    }
  }

  /** The follower has everything through `index`. An answer that was overtaken by a newer one changes nothing. */
  accepted(index: Index): void {
    this.next = Math.max(this.next, index + 1)
    this.inflights.freeThrough(index)
    if (index <= this.match) return
    this.match = index
    this.paused = false
  }

  /**
   * The follower refused an append after `refused`, and could agree at `hint` at best. Returns false for an answer that is
   * older than what is known, which must change nothing (it may be a duplicate, or overtaken).
   */
  rejected(refused: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (refused <= this.match) return false
      this.becomeProbe()
      return true
    }
    if (this.state === 'snapshot' || this.next - 1 !== refused) return false
    this.next = Math.max(Math.min(refused, hint + 1), this.match + 1)
    this.sentCommit = Math.min(this.sentCommit, this.next - 1)
    this.paused = false
    return true
  }

  #reset(state: Progress['state']): void {
    assert(this.match < this.next, `match ${this.match} is below next ${this.next}`)
    this.state = state
    this.paused = false
    this.stream = null
    this.inflights.clear()
    this.sentCommit = Math.min(this.sentCommit, this.match)
  }
}

export interface SnapshotStream {
  /** Which snapshot, once the driver has chosen. */
  snapshot: EntryId | null
  /** The chunk that is on its way begins here. */
  offsetBytes: number
  /** When it was ordered, so that a lost one is ordered again. */
  orderedMs: number
}
