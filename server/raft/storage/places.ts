import { assert, must } from '../../model/assert.ts'
import type { Entry, Index } from '../types.ts'
import { decodeBatchHeader, decodeRecords } from './format.ts'
import type { Segment } from './segment.ts'

/** Where a batch lies that holds entries, the lowest of which is `firstIndex`. */
export interface BatchPlace {
  readonly segment: Segment
  readonly offset: number
  readonly sizeBytes: number
  readonly firstIndex: Index
}

/** Every batch with entries that are still in the log, so that those no longer in memory are found again. */
export class Places {
  /** By rising `firstIndex`. */
  #places: BatchPlace[] = []

  /** Later batches replace what they rewrite. */
  note(place: BatchPlace): void {
    while ((this.#places.at(-1)?.firstIndex ?? 0) >= place.firstIndex) this.#places.pop()
    this.#places.push(place)
  }

  /** Nothing before `index` will be asked for. */
  forgetBefore(index: Index): void {
    const start = this.#search(index)
    if (start > 0) this.#places.splice(0, start)
  }

  /**
   * Reads entries back, from `from` to at most `through`, until `bytesMax` of payload are exceeded; at least one. Each batch is
   * checked again: a disk may have forgotten since.
   */
  read(from: Index, through: Index, bytesMax: number): readonly Entry[] {
    const entries: Entry[] = []
    let sizeBytes = 0
    for (let at = this.#search(from); at < this.#places.length; at += 1) {
      const place = must(this.#places[at], 'a batch')
      const end = this.#places[at + 1]?.firstIndex ?? Infinity
      for (const entry of readBatch(place)) {
        if (entry.index < from || entry.index >= end) continue
        sizeBytes += entry.payload.length
        if (entry.index > through || (entries.length > 0 && sizeBytes > bytesMax)) return entries
        entries.push(entry)
      }
    }
    return entries
  }

  /** The last batch that begins at or before `index`; -1 if none does. */
  #search(index: Index): number {
    let [low, high] = [0, this.#places.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (must(this.#places[middle], 'a batch').firstIndex <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** A batch's entries as it leaves them: where it rewrites its own, the later ones. */
function readBatch({ offset, segment, sizeBytes }: BatchPlace): readonly Entry[] {
  const bytes = new Uint8Array(sizeBytes)
  const read = segment.file.read(bytes, offset)
  const header = decodeBatchHeader(bytes, 0, segment.sequence)
  assert(
    read === sizeBytes && typeof header !== 'string',
    `${segment.path} is damaged at offset ${offset}: it was written whole and reads otherwise`,
  )
  const entries: Entry[] = []
  for (const { record } of decodeRecords(bytes, 0, header)) {
    if (record.kind === 'entry') entries.push(record.entry)
    if (record.kind !== 'truncate') continue
    while ((entries.at(-1)?.index ?? 0) >= record.from) entries.pop()
  }
  return entries
}
