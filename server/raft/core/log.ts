import { assert, must } from '../../model/assert.ts'
import { origin } from '../types.ts'
import type { Entry, EntryId, Index, LogView, Term } from '../types.ts'

/**
 * The log as the core sees it: the durable part through a LogView, and the entries that are not durable yet in memory.
 *
 *      base       firstIndex                durable   window                     lastIndex
 *   ─────┼────────────┼────────────────────────┼─────────┼───────────┼──────────────┤
 *   compacted         │    read through the LogView      │ in a batch│ for the next
 *                                                          being written      batch
 *
 * Invariants: base.index <= applied <= handed <= committed <= lastIndex (a restore moves `handed` first and `applied` when
 * the state machine is there); durable <= lastIndex; nothing at or below `committed` is ever truncated.
 */
export class RaftLog {
  readonly #view: LogView
  /** What stands just before the first entry that can be read. */
  #base: EntryId
  #window: Entry[] = []
  #windowFirst: Index
  #last: EntryId
  #durable: Index
  #committed: Index
  /** Everything through here was handed to the state machine. */
  #handed: Index
  #applied: Index
  /** Everything through here is in a batch. */
  #batched: Index
  /** The lowest truncation that the next batch must carry. */
  #truncateFrom: Index | null = null
  /** Batches being written, and how far each makes the present log durable. */
  #writing: { readonly seq: number; through: Index }[] = []

  constructor(view: LogView, snapshot: EntryId | null, committed: Index) {
    this.#view = view
    const before = snapshot ?? origin
    const first = view.firstIndex()
    const last = view.lastIndex()
    assert(
      first <= before.index + 1 && last >= before.index,
      'the log has a gap after its snapshot',
    )
    // The term before the first entry is known only from a snapshot; else the first entry itself serves as the base.
    if (first > before.index) this.#base = { term: before.term, index: before.index }
    else this.#base = { term: view.term(first), index: first }
    this.#last =
      last > this.#base.index ? { term: view.term(last), index: last } : { ...this.#base }
    this.#windowFirst = last + 1
    this.#durable = last
    this.#batched = last
    this.#handed = before.index
    this.#applied = before.index
    this.#committed = Math.max(committed, before.index)
    assert(this.#committed <= last, `commit ${this.#committed} is beyond the log's end ${last}`)
  }

  get base(): EntryId {
    return this.#base
  }
  get firstIndex(): Index {
    return this.#base.index + 1
  }
  get last(): EntryId {
    return this.#last
  }
  get durable(): Index {
    return this.#durable
  }
  get committed(): Index {
    return this.#committed
  }
  get handed(): Index {
    return this.#handed
  }
  get applied(): Index {
    return this.#applied
  }

  /** Undefined outside of what is kept. The base's term is known. */
  term(index: Index): Term | undefined {
    if (index === this.#base.index) return this.#base.term
    if (index === this.#last.index) return this.#last.term
    if (index < this.#base.index || index > this.#last.index) return undefined
    const held = this.#window[index - this.#windowFirst]
    return held === undefined ? this.#view.term(index) : held.term
  }

  has(id: EntryId): boolean {
    return this.term(id.index) === id.term
  }

  /** Raft §5.4.1: the later last term wins; in one term, the longer log. */
  isUpToDate(other: EntryId): boolean {
    const { term, index } = this.#last
    return other.term > term || (other.term === term && other.index >= index)
  }

  /** As many entries as fit, at least one if there is one. What is not durable yet comes from memory. */
  entries(from: Index, through: Index, limits: ReadLimits): readonly Entry[] {
    assert(from > this.#base.index, `entry ${from} is compacted`)
    const end = Math.min(through, this.#last.index, from + limits.entriesMax - 1)
    if (from > end) return []
    const durableEnd = Math.min(end, this.#windowFirst - 1)
    const durable = from <= durableEnd ? this.#view.entries(from, durableEnd, limits.bytesMax) : []
    if (from + durable.length <= durableEnd || durableEnd === end) return durable
    let bytes = sizeOf(durable)
    const begin = from + durable.length - this.#windowFirst
    let count = 0
    while (from + durable.length + count <= end) {
      bytes += must(this.#window[begin + count], 'the window has no holes').payload.byteLength
      if (durable.length + count > 0 && bytes > limits.bytesMax) break
      count += 1
    }
    const fresh = this.#window.slice(begin, begin + count)
    return durable.length === 0 ? fresh : [...durable, ...fresh]
  }

  /** Adds a leader's own entry. */
  append(entry: Entry): void {
    assert(entry.index === this.#last.index + 1, `entry ${entry.index} does not follow the log`)
    assert(entry.term >= this.#last.term, 'terms never decrease along a log')
    this.#window.push(entry)
    this.#last = { term: entry.term, index: entry.index }
  }

  /**
   * Takes over a leader's entries that follow an entry we have. Truncates at the first real conflict only: an append that is
   * shorter than the log, or older than it, says nothing about what follows (Raft §5.3, figure 2, step 3).
   */
  merge(entries: readonly Entry[]): Merged {
    const fork = entries.findIndex((entry) => entry.index > this.#base.index && !this.has(entry))
    if (fork === -1) return { truncatedFrom: null, appended: [] }
    const appended = entries.slice(fork)
    const { index } = must(appended[0], 'a fork has an entry')
    const truncatedFrom = index <= this.#last.index ? index : null
    if (truncatedFrom !== null) this.#truncate(truncatedFrom)
    for (const entry of appended) this.append(entry)
    return { truncatedFrom, appended }
  }

  /**
   * The newest entry at or below `index` whose term is at most `term`: where a log that has `term` at `index` could at best
   * agree with this one. Skips a term per question, not an entry (the end of Raft §5.3). Below the base nothing is known.
   */
  latestNotAfter(index: Index, term: Term): EntryId {
    for (let at = Math.min(index, this.#last.index); at >= this.#base.index; at -= 1) {
      const own = must(this.term(at), 'the log has no holes')
      if (own <= term) return { term: own, index: at }
    }
    return { term: 0, index: Math.max(0, Math.min(index, this.#base.index - 1)) }
  }

  commitThrough(index: Index): boolean {
    if (index <= this.#committed) return false
    assert(index <= this.#last.index, `commit ${index} is beyond the log's end ${this.#last.index}`)
    this.#committed = index
    return true
  }

  /** The next committed entries for the state machine. */
  handOver(limits: ReadLimits): readonly Entry[] {
    if (this.#handed >= this.#committed) return []
    const entries = this.entries(this.#handed + 1, this.#committed, limits)
    this.#handed += entries.length
    return entries
  }

  appliedThrough(index: Index): void {
    assert(index <= this.#handed, `${index} was applied before it was handed over`)
    this.#applied = Math.max(this.#applied, index)
  }

  /** The log is now exactly this snapshot, which is committed. Everything it held is discarded. */
  reset(snapshot: EntryId): void {
    assert(snapshot.index > this.#committed, 'a snapshot never goes back')
    if (this.#batched > this.#base.index) this.#truncateFrom = this.#base.index + 1
    for (const batch of this.#writing) batch.through = 0
    this.#durable = Math.min(this.#durable, this.#base.index)
    this.#base = { term: snapshot.term, index: snapshot.index }
    this.#last = this.#base
    this.#window = []
    this.#windowFirst = snapshot.index + 1
    this.#batched = snapshot.index
    this.#committed = snapshot.index
    this.#handed = snapshot.index
  }

  /** Entries through `index` are not read again. */
  compactThrough(index: Index): boolean {
    const end = Math.min(index, this.#applied, this.#durable)
    if (end <= this.#base.index) return false
    this.#base = { term: must(this.term(end), 'the log has no holes'), index: end }
    return true
  }

  /** What was appended and truncated since the last batch. */
  takeUnwritten(): { truncateFrom: Index | null; entries: readonly Entry[] } {
    const truncateFrom = this.#truncateFrom
    const entries = this.#window.slice(this.#batched + 1 - this.#windowFirst)
    this.#truncateFrom = null
    this.#batched = this.#last.index
    return { truncateFrom, entries }
  }

  writing(seq: number): void {
    this.#writing.push({ seq, through: this.#last.index })
  }

  /**
   * Batches through `seq` are on disk. What a later truncation took back counts only as far as it was left, so a completion
   * can not vouch for entries that came in its entries' place and are still being written (etcd's ABA case).
   */
  written(seq: number): void {
    for (const batch of this.#writing) {
      if (batch.seq > seq) break
      this.#durable = Math.max(this.#durable, batch.through)
    }
    this.#writing = this.#writing.filter((batch) => batch.seq > seq)
    const kept = this.#durable + 1 - this.#windowFirst
    if (kept <= 0) return
    this.#window = this.#window.slice(kept)
    this.#windowFirst += kept
  }

  #truncate(from: Index): void {
    assert(from > this.#committed, `entry ${from} is committed and can not be truncated`)
    this.#last = { term: must(this.term(from - 1), 'the log has no holes'), index: from - 1 }
    if (from >= this.#windowFirst) {
      this.#window = this.#window.slice(0, from - this.#windowFirst)
    } else {
      this.#window = []
      this.#windowFirst = from
    }
    this.#durable = Math.min(this.#durable, from - 1)
    for (const batch of this.#writing) batch.through = Math.min(batch.through, from - 1)
    if (this.#batched < from) return
    this.#batched = from - 1
    this.#truncateFrom = Math.min(this.#truncateFrom ?? from, from)
  }
}

export interface ReadLimits {
  readonly entriesMax: number
  readonly bytesMax: number
}

export interface Merged {
  /** The first entry that was taken back, if any was. */
  readonly truncatedFrom: Index | null
  readonly appended: readonly Entry[]
}

export function sizeOf(entries: readonly Entry[]): number {
  let bytes = 0
  for (const { payload } of entries) bytes += payload.byteLength
  return bytes
}
