import { assert } from '../model/assert.ts'

/** What a page of rows of usual size holds; a row that is larger has a page for itself. */
export const pageBytes = 32 << 10

/** Before a record's key: how long the rest is, and how long the key, in 32 bits each, little endian. */
export const recordHeadBytes = 8

/** What a record takes of a page besides itself: where it begins, and a sample of its key, in 32 bits each. */
const slotBytes = 8

/**
 * Records in a buffer, in whatever order they came, and from its end downwards a slot for each, in the order of their keys:
 *
 *     ┌───────────┬──────────┬─────┬─────┬──────────────────────┬ ─ ─ ─ ─ ┬────────────┬───────────────────┐
 *     │ rest size │ key size │ key │ row │ the next, and so on  │  room   │ and so on  │ start │ sample    │
 *     └───────────┴──────────┴─────┴─────┴──────────────────────┴ ─ ─ ─ ─ ┴────────────┴───────────────────┘
 *
 * What was removed or has outgrown its place lies between the records, unused. All keys begin with the page's prefix; a sample is
 * the four bytes after it, so that a search reads slots, which lie side by side, and hardly a record but the one it looks for:
 * among millions each is a miss of the processor's caches.
 */
export class Page {
  /** Whose it is to change; anybody else copies it. */
  readonly mark: object
  bytes: Buffer
  count = 0
  /** With their slots, without what is unused. */
  liveBytes = 0
  /** The same bytes as words; those at its end are the slots. */
  #words: Uint32Array
  #usedBytes = 0
  #prefix = ''

  constructor(mark: object, bytes: Buffer = nothing) {
    this.mark = mark
    this.bytes = bytes
    this.#words = wordsOf(bytes)
  }

  /** The key of a record; undefined for what is none. */
  static keyOf(record: Buffer): string | undefined {
    if (record.length < recordHeadBytes) return undefined
    const keyEnd = recordHeadBytes + record.readUInt32LE(4)
    if (record.readUInt32LE(0) + 4 !== record.length || keyEnd > record.length) return undefined
    return record.toString('latin1', recordHeadBytes, keyEnd)
  }

  /** Whether so little is left in it that it may go together with another. */
  get isSparse(): boolean {
    return this.liveBytes * 4 < this.bytes.length
  }

  /** Where the record with this key is, or `~` where it would be. */
  search(key: string): number {
    const prefix = this.#prefix
    if (!key.startsWith(prefix)) return ~(key < prefix ? 0 : this.count)
    const words = this.#words
    const sample = sampleOf(key, prefix.length)
    let low = 0
    let high = this.count - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const at = words.length - 2 * middle
      const order = (words[at - 1] ?? 0) - sample || this.#compare(words[at - 2] ?? 0, key)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return ~low
  }

  keyAt(place: number): string {
    const at = this.#startAt(place) + recordHeadBytes
    return this.bytes.toString('latin1', at, at + this.bytes.readUInt32LE(at - 4))
  }

  /** Where the row begins in `bytes`, and where it ends. */
  rowAt(place: number): number {
    const start = this.#startAt(place)
    return start + recordHeadBytes + this.bytes.readUInt32LE(start + 4)
  }

  endAt(place: number): number {
    return this.#startAt(place) + this.sizeAt(place)
  }

  /** Of the whole record. */
  sizeAt(place: number): number {
    return 4 + this.bytes.readUInt32LE(this.#startAt(place))
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#usedBytes + sizeBytes + (this.count + 1) * slotBytes <= this.bytes.length
  }

  /** Puts a record there, all but its row. */
  insert(place: number, key: string, sizeBytes: number): void {
    const start = this.#usedBytes
    this.bytes.writeUInt32LE(sizeBytes - 4, start)
    this.bytes.writeUInt32LE(key.length, start + 4)
    this.bytes.write(key, start + recordHeadBytes, key.length, 'latin1')
    this.#addSlot(place, key, sizeBytes)
  }

  /** Puts a whole record, with this key, behind the last. */
  append(record: Uint8Array, key: string): void {
    this.bytes.set(record, this.#usedBytes)
    this.#addSlot(this.count, key, record.length)
  }

  remove(place: number): void {
    this.liveBytes -= this.sizeAt(place) + slotBytes
    const end = this.#words.length - 2 * this.count
    this.#words.copyWithin(end + 2, end, this.#words.length - 2 * place - 2)
    this.count -= 1
  }

  copy(mark: object): Page {
    const { length } = this.bytes
    const page = new Page(mark, Buffer.allocUnsafeSlow(length))
    this.bytes.copy(page.bytes, 0, 0, this.#usedBytes)
    const slots = length - this.count * slotBytes
    this.bytes.copy(page.bytes, slots, slots)
    page.count = this.count
    page.liveBytes = this.liveBytes
    page.#usedBytes = this.#usedBytes
    page.#prefix = this.#prefix
    return page
  }

  /** Moves the records together, in their order, in a buffer that has room for so much more. */
  compact(roomBytes: number): void {
    const tidy = this.#part(0, this.count, roomBytes)
    this.bytes = tidy.bytes
    this.#words = tidy.#words
    this.#usedBytes = tidy.#usedBytes
    this.#prefix = tidy.#prefix
  }

  /** Keeps what is before the place; the rest is in the page it gives. */
  split(place: number): Page {
    const right = this.#part(place, this.count, 0)
    this.count = place
    this.liveBytes -= right.liveBytes
    if (right.count > 0) this.compact(0)
    return right
  }

  /** The place with about half of the bytes before it; one record goes to the right. */
  middle(): number {
    let leftBytes = 0
    let place = 0
    while (place < this.count - 1) {
      leftBytes += this.sizeAt(place) + slotBytes
      place += 1
      if (leftBytes * 2 >= this.liveBytes) break
    }
    return place
  }

  /** Takes the records of the page after it, too. */
  take(next: Page): void {
    this.compact(next.liveBytes)
    this.#gather(next, 0, next.count)
  }

  /** The records in their order, in as few pieces as they lie in. */
  *runs(): Generator<Buffer> {
    let from = 0
    let to = 0
    for (let place = 0; place < this.count; place += 1) {
      const start = this.#startAt(place)
      if (start !== to) {
        if (to > from) yield this.bytes.subarray(from, to)
        from = start
      }
      to = start + this.sizeAt(place)
    }
    if (to > from) yield this.bytes.subarray(from, to)
  }

  #part(from: number, to: number, roomBytes: number): Page {
    let sizeBytes = 0
    for (let place = from; place < to; place += 1) sizeBytes += this.sizeAt(place) + slotBytes
    const neededBytes = sizeBytes + roomBytes + slotBytes
    const length = Math.max(pageBytes, Math.ceil(neededBytes / slotBytes) * slotBytes)
    const part = new Page(this.mark, Buffer.allocUnsafeSlow(length))
    part.#gather(this, from, to)
    return part
  }

  /** Puts records of another page behind its own, and gives all of them their samples. */
  #gather(source: Page, from: number, to: number): void {
    for (let place = from; place < to; place += 1) {
      const start = source.#startAt(place)
      const sizeBytes = source.sizeAt(place)
      source.bytes.copy(this.bytes, this.#usedBytes, start, start + sizeBytes)
      this.#words[this.#words.length - 2 * this.count - 2] = this.#usedBytes
      this.#grow(sizeBytes)
    }
    if (this.count === 0) return
    const first = this.keyAt(0)
    this.#sample(first.slice(0, commonLength(first, this.keyAt(this.count - 1))))
  }

  #addSlot(place: number, key: string, sizeBytes: number): void {
    if (this.count === 0) this.#prefix = key
    else if (!key.startsWith(this.#prefix))
      this.#sample(this.#prefix.slice(0, commonLength(this.#prefix, key)))
    const words = this.#words
    const end = words.length - 2 * this.count
    const at = words.length - 2 * place
    if (at > end) words.copyWithin(end - 2, end, at)
    words[at - 2] = this.#usedBytes
    words[at - 1] = sampleOf(key, this.#prefix.length)
    this.#grow(sizeBytes)
  }

  /** Makes this the prefix, which all keys begin with, and takes every sample anew. */
  #sample(prefix: string): void {
    this.#prefix = prefix
    for (let place = 0; place < this.count; place += 1)
      this.#words[this.#words.length - 2 * place - 1] = sampleOf(this.keyAt(place), prefix.length)
  }

  #grow(sizeBytes: number): void {
    this.count += 1
    this.#usedBytes += sizeBytes
    this.liveBytes += sizeBytes + slotBytes
  }

  #startAt(place: number): number {
    assert(place < this.count, 'a record of the page')
    return this.#words[this.#words.length - 2 * place - 2] ?? 0
  }

  /** Below 0 where the key of the record that begins there comes before the one given, above 0 where it comes after. */
  #compare(start: number, key: string): number {
    const { bytes } = this
    const sizeBytes = bytes.readUInt32LE(start + 4)
    const at = start + recordHeadBytes
    const common = Math.min(sizeBytes, key.length)
    for (let offset = this.#prefix.length; offset < common; offset += 1) {
      const order = (bytes[at + offset] ?? 0) - key.charCodeAt(offset)
      if (order !== 0) return order
    }
    return sizeBytes - key.length
  }
}

/** Four bytes of a key from there on, as a number that is greater where they come later; zeros where it ends before. */
function sampleOf(key: string, from: number): number {
  let sample = 0
  for (let at = from; at < from + 4; at += 1)
    sample = (sample << 8) | (at < key.length ? key.charCodeAt(at) : 0)
  return sample >>> 0
}

function commonLength(one: string, other: string): number {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one.charCodeAt(length) === other.charCodeAt(length)) length += 1
  return length
}

function wordsOf({ buffer, length }: Buffer): Uint32Array {
  return new Uint32Array(buffer, 0, length / 4)
}

const nothing = Buffer.alloc(0)
