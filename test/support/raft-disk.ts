import { assert, must } from '../../server/model/assert.ts'
import { decodeMembership } from '../../server/raft/core/membership.ts'
import type { AppendBatch } from '../../server/raft/core/output.ts'
import { emptyHardState } from '../../server/raft/types.ts'
import type {
  Entry,
  HardState,
  Index,
  LogView,
  Recovered,
  SnapshotMeta,
} from '../../server/raft/types.ts'

/** A log store in memory, as strict as a file: it accepts only what the contract of AppendBatch allows. */
export class MemoryDisk implements LogView {
  hardState: HardState = emptyHardState
  snapshot: SnapshotMeta | null = null
  #entries: Entry[]
  #before: Index = 0

  constructor(entries: readonly Entry[] = []) {
    this.#entries = [...entries]
  }

  firstIndex(): Index {
    return this.#before + 1
  }

  lastIndex(): Index {
    return this.#before + this.#entries.length
  }

  term(index: Index): number {
    return this.entry(index).term
  }

  entry(index: Index): Entry {
    return must(this.#entries[index - this.#before - 1], `entry ${index} is not on this disk`)
  }

  entries(from: Index, through: Index, bytesMax: number): readonly Entry[] {
    assert(from > this.#before && through <= this.lastIndex() && from <= through, 'a range we have')
    const found: Entry[] = []
    let bytes = 0
    for (let index = from; index <= through; index += 1) {
      const entry = this.entry(index)
      bytes += entry.payload.byteLength
      if (found.length > 0 && bytes > bytesMax) break
      found.push(entry)
    }
    return found
  }

  write(batch: AppendBatch): void {
    if (batch.hardState !== null) this.hardState = batch.hardState
    if (batch.truncateFrom !== null) {
      const kept = Math.max(0, batch.truncateFrom - this.#before - 1)
      this.#entries = this.#entries.slice(0, kept)
    }
    if (batch.snapshot !== null) {
      this.snapshot = batch.snapshot
      if (batch.snapshot.index > this.lastIndex()) {
        this.#entries = []
        this.#before = batch.snapshot.index
      }
    }
    for (const entry of batch.entries) {
      assert(entry.index === this.lastIndex() + 1, `${entry.index} leaves a gap`)
      this.#entries.push(entry)
    }
    assert(this.hardState.commit <= this.lastIndex(), 'a commit is never ahead of its log')
  }

  compactThrough(index: Index): void {
    const dropped = Math.min(index, this.lastIndex()) - this.#before
    if (dropped <= 0) return
    this.#entries = this.#entries.slice(dropped)
    this.#before += dropped
  }

  recover(): Recovered {
    const { hardState, snapshot } = this
    const covered = snapshot?.index ?? 0
    const memberships = this.#entries
      .filter(({ kind, index }) => kind === 'membership' && index > covered)
      .map(({ index, payload }) => ({ index, membership: decodeMembership(payload) }))
    return { hardState, snapshot, memberships, log: this }
  }
}
