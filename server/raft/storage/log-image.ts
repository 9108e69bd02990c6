import { assert } from '../../model/assert.ts'
import type { AppendBatch } from '../core/output.ts'
import {
  emptyHardState,
  type Entry,
  type HardState,
  type Index,
  type SnapshotMeta,
  type Term,
} from '../types.ts'
import { EntryTail } from './entry-tail.ts'
import type { RecoveredLog } from './port.ts'
import { TermRanges } from './term-ranges.ts'

/**
 * What a log says once everything written to it is taken together. The same steps make it from batches as they are appended and
 * from records as they are read back, so that what is recovered is what was meant.
 *
 * Invariant: first <= tail.firstIndex <= tail.nextIndex; entries before the tail's first are kept elsewhere, or nowhere.
 */
export class LogImage {
  readonly tail: EntryTail
  readonly #terms = new TermRanges()
  #hardState: HardState = emptyHardState
  #snapshot: SnapshotMeta | null = null
  #memberships: Entry[] = []
  #first: Index

  /** Begins empty; `nextIndex` is 1, or what a log goes on with whose beginning was compacted away. */
  constructor(nextIndex: Index) {
    this.#first = nextIndex
    this.tail = new EntryTail(nextIndex)
  }

  get firstIndex(): Index {
    return this.#first
  }

  get lastIndex(): Index {
    return this.tail.nextIndex - 1
  }

  get snapshot(): SnapshotMeta | null {
    return this.#snapshot
  }

  get hardState(): HardState {
    return this.#hardState
  }

  term(index: Index): Term {
    assert(index >= this.#first && index <= this.lastIndex, `entry ${index} is in the log`)
    return this.#terms.at(index)
  }

  recovered(): RecoveredLog {
    const { commit, term, vote } = this.#hardState
    // The commit index is a hint that may have been written before the entries it speaks of.
    return {
      hardState: { term, vote, commit: Math.min(commit, this.lastIndex) },
      snapshot: this.#snapshot,
      memberships: this.#memberships,
    }
  }

  append(batch: AppendBatch): void {
    if (batch.hardState !== null) this.setHardState(batch.hardState)
    if (batch.truncateFrom !== null) this.truncateFrom(batch.truncateFrom)
    if (batch.snapshot !== null) this.setSnapshot(batch.snapshot)
    for (const entry of batch.entries) this.push(entry)
  }

  setHardState(hardState: HardState): void {
    assert(hardState.term >= this.#hardState.term, 'a term never goes back')
    this.#hardState = hardState
  }

  /** Entries up to it may stay; if it lies beyond the last, none do, and the log goes on after it. */
  setSnapshot(snapshot: SnapshotMeta): void {
    this.carrySnapshot(snapshot)
    if (snapshot.index <= this.lastIndex) return
    this.tail.reset(snapshot.index + 1)
    this.#terms.truncateFrom(0)
    this.#first = snapshot.index + 1
  }

  /** The snapshot that a log with a compacted beginning begins with. Says nothing about its entries. */
  carrySnapshot(snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot
    this.#memberships = this.#memberships.filter(({ index }) => index > snapshot.index)
  }

  push(entry: Entry): void {
    this.tail.push(entry)
    this.#terms.note(entry.index, entry.term)
    if (entry.kind === 'membership') this.#memberships.push(entry)
  }

  truncateFrom(index: Index): void {
    assert(index <= this.tail.nextIndex, `a log that ends at ${this.lastIndex} is cut at ${index}`)
    this.tail.truncateFrom(index)
    this.#terms.truncateFrom(index)
    this.#memberships = this.#memberships.filter((entry) => entry.index < index)
    this.#first = Math.min(this.#first, index)
  }

  compact(through: Index): void {
    if (through < this.#first) return
    this.#first = Math.min(through, this.lastIndex) + 1
    this.tail.forgetThrough(through)
    this.#terms.forgetBefore(this.#first)
  }
}
