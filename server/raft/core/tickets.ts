import type { Entry, Index, NodeId, Term } from '../types.ts'
import type { Settlement, Ticket } from './output.ts'

/**
 * Which proposal waits for which entry. A proposal's fate is that of its (index, term), not of the leadership it was made
 * under: if the entry is handed to the state machine it was committed, if another term's entry takes its place it was lost,
 * and only when neither can be known in time is it unknown.
 */
export class Tickets {
  readonly #waiting = new Map<Index, { readonly ticket: Ticket; readonly term: Term }>()
  readonly #settled: Settlement[] = []
  /** When tickets of an ended leadership stop waiting; Infinity while we lead. */
  #deadlineMs = Infinity

  get waiting(): number {
    return this.#waiting.size
  }

  track(index: Index, term: Term, ticket: Ticket): void {
    this.#waiting.set(index, { ticket, term })
  }

  settle(settlement: Settlement): void {
    this.#settled.push(settlement)
  }

  handed(entries: readonly Entry[]): void {
    if (this.#waiting.size === 0) return
    for (const { index, term } of entries) {
      const found = this.#waiting.get(index)
      if (found === undefined) continue
      this.#waiting.delete(index)
      const { ticket } = found
      if (found.term === term) this.#settled.push({ ticket, outcome: 'committed', index, term })
      else this.#settled.push({ ticket, outcome: 'lost', leader: null })
    }
  }

  truncatedFrom(index: Index, leader: NodeId | null): void {
    for (const [at, { ticket }] of this.#waiting) {
      if (at < index) continue
      this.#waiting.delete(at)
      this.#settled.push({ ticket, outcome: 'lost', leader })
    }
  }

  /** The log was replaced by a snapshot: whether our entries are in it can not be seen. */
  replaced(leader: NodeId | null): void {
    this.#giveUp(leader)
  }

  leadershipEnded(deadlineMs: number): void {
    this.#deadlineMs = Math.min(this.#deadlineMs, deadlineMs)
  }

  tick(nowMs: number, leader: NodeId | null): void {
    if (nowMs >= this.#deadlineMs) this.#giveUp(leader)
  }

  take(): readonly Settlement[] {
    return this.#settled.splice(0)
  }

  #giveUp(leader: NodeId | null): void {
    for (const { ticket } of this.#waiting.values())
      this.#settled.push({ ticket, outcome: 'unknown', leader })
    this.#waiting.clear()
    this.#deadlineMs = Infinity
  }
}
