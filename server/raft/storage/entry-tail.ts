import { assert, must } from '../../model/assert.ts'
import type { Entry, Index } from '../types.ts'

/**
 * The newest entries, consecutive and in memory. Both log stores keep one: the memory store as its whole log, the WAL as what
 * it need not read back. Forgetting the oldest is O(1) amortised.
 */
export class EntryTail {
  /** Entries before `#start` are forgotten; the array is cut when they are the greater part of it. */
  #entries: Entry[] = []
  #start = 0
  #nextIndex: Index
  #sizeBytes = 0

  constructor(nextIndex: Index) {
    this.#nextIndex = nextIndex
  }

  /** The oldest entry's index; `nextIndex` when there is none. */
  get firstIndex(): Index {
    return this.#nextIndex - (this.#entries.length - this.#start)
  }

  get nextIndex(): Index {
    return this.#nextIndex
  }

  /** Payload bytes held, with a flat charge for each entry. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  at(index: Index): Entry {
    return must(this.#entries[this.#start + index - this.firstIndex], `no entry ${index} in memory`)
  }

  push(entry: Entry): void {
    assert(entry.index === this.#nextIndex, `entry ${entry.index} follows ${this.#nextIndex - 1}`)
    this.#entries.push(entry)
    this.#nextIndex += 1
    this.#sizeBytes += chargeBytes(entry)
  }

  /** Entries `from` up to and including `through`, within `bytesMax` of payload, and always one. */
  slice(from: Index, through: Index, bytesMax: number): readonly Entry[] {
    assert(
      from >= this.firstIndex && from <= through && through < this.#nextIndex,
      `entries ${from} to ${through} of ${this.firstIndex} to ${this.#nextIndex - 1}`,
    )
    let sizeBytes = this.at(from).payload.length
    let end = from + 1
    while (end <= through) {
      sizeBytes += this.at(end).payload.length
      if (sizeBytes > bytesMax) break
      end += 1
    }
    const base = this.#start - this.firstIndex
    return this.#entries.slice(base + from, base + end)
  }

  /** Forgets `index` and all after it. */
  truncateFrom(index: Index): void {
    while (this.#nextIndex > index && this.#entries.length > this.#start) {
      this.#sizeBytes -= chargeBytes(must(this.#entries.pop(), 'an entry to truncate'))
      this.#nextIndex -= 1
    }
    if (this.#nextIndex > index) this.reset(index)
  }

  /** Forgets entries up to and including `index`. */
  forgetThrough(index: Index): void {
    while (this.firstIndex <= index && this.#start < this.#entries.length) this.#forgetOldest()
    this.#cut()
  }

  /** Forgets the oldest until the rest is charged at most `sizeBytesMax`, but none after `through`. */
  shrink(sizeBytesMax: number, through: Index): void {
    while (this.#sizeBytes > sizeBytesMax && this.firstIndex <= through) this.#forgetOldest()
    this.#cut()
  }

  /** Forgets everything; the next entry is `nextIndex`. */
  reset(nextIndex: Index): void {
    this.#entries = []
    this.#start = 0
    this.#sizeBytes = 0
    this.#nextIndex = nextIndex
  }

  #forgetOldest(): void {
    this.#sizeBytes -= chargeBytes(must(this.#entries[this.#start], 'an entry to forget'))
    this.#start += 1
  }

  #cut(): void {
    if (this.#start * 2 <= this.#entries.length) return
    this.#entries = this.#entries.slice(this.#start)
    this.#start = 0
  }
}

/** What an entry costs in memory beside its payload: the object, its fields, the view on its bytes. */
const overheadBytes = 160

function chargeBytes(entry: Entry): number {
  return entry.payload.length + overheadBytes
}
