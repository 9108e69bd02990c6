import { must } from '../model/assert.ts'

/** What a page of rows of usual size holds; a row that is larger has a page for itself. */
export const pageBytes = 8192

/** Before a record's key: how long the rest is, and how long the key, in 32 bits each, little endian. */
export const recordHeadBytes = 8

/**
 * Records in a buffer, in whatever order they came, and where each begins in the order of their keys:
 *
 *     ┌───────────┬──────────┬─────┬─────┐
 *     │ rest size │ key size │ key │ row │   and so on; what was removed or has outgrown its place lies between, unused
 *     └───────────┴──────────┴─────┴─────┘
 */
export class Page {
  /** Whose it is to change; anybody else copies it. */
  readonly mark: object
  bytes: Buffer
  #starts: number[]
  #usedBytes = 0
  /** Without what is unused. */
  liveBytes = 0

  constructor(mark: object, bytes: Buffer = nothing, starts: number[] = []) {
    this.mark = mark
    this.bytes = bytes
    this.#starts = starts
  }

  /** The key of a record; undefined for what is none. */
  static keyOf(record: Buffer): string | undefined {
    if (record.length < recordHeadBytes) return undefined
    const keyEnd = recordHeadBytes + record.readUInt32LE(4)
    if (record.readUInt32LE(0) + 4 !== record.length || keyEnd > record.length) return undefined
    return record.toString('latin1', recordHeadBytes, keyEnd)
  }

  get count(): number {
    return this.#starts.length
  }

  /** Whether so little is left in it that it may go together with another. */
  get isSparse(): boolean {
    return this.liveBytes * 4 < this.bytes.length
  }

  /** Where the record with this key is, or `~` where it would be. */
  search(key: string): number {
    const starts = this.#starts
    let low = 0
    let high = starts.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = this.#compare(starts[middle] ?? 0, key)
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
    return this.#usedBytes + sizeBytes <= this.bytes.length
  }

  /** Puts a record there, all but its row. */
  insert(place: number, key: string, sizeBytes: number): void {
    const start = this.#usedBytes
    this.bytes.writeUInt32LE(sizeBytes - 4, start)
    this.bytes.writeUInt32LE(key.length, start + 4)
    this.bytes.write(key, start + recordHeadBytes, key.length, 'latin1')
    if (place === this.#starts.length) this.#starts.push(start)
    else this.#starts.splice(place, 0, start)
    this.#grow(sizeBytes)
  }

  /** Puts a whole record behind the last. */
  append(record: Uint8Array): void {
    this.bytes.set(record, this.#usedBytes)
    this.#starts.push(this.#usedBytes)
    this.#grow(record.length)
  }

  remove(place: number): void {
    this.liveBytes -= this.sizeAt(place)
    this.#starts.splice(place, 1)
  }

  copy(mark: object): Page {
    const page = new Page(mark, Buffer.allocUnsafeSlow(this.bytes.length), [...this.#starts])
    this.bytes.copy(page.bytes, 0, 0, this.#usedBytes)
    page.#usedBytes = this.#usedBytes
    page.liveBytes = this.liveBytes
    return page
  }

  /** Moves the records together, in their order, in a buffer that has room for so much more. */
  compact(roomBytes: number): void {
    const tidy = this.#part(0, this.count, roomBytes)
    this.bytes = tidy.bytes
    this.#starts = tidy.#starts
    this.#usedBytes = tidy.#usedBytes
  }

  /** Keeps what is before the place; the rest is in the page it gives. */
  split(place: number): Page {
    const right = this.#part(place, this.count, 0)
    this.#starts.length = place
    this.liveBytes -= right.liveBytes
    if (right.count > 0) this.compact(0)
    return right
  }

  /** The place with about half of the bytes before it; one record goes to the right. */
  middle(): number {
    let leftBytes = 0
    let place = 0
    while (place < this.count - 1) {
      leftBytes += this.sizeAt(place)
      place += 1
      if (leftBytes * 2 >= this.liveBytes) break
    }
    return place
  }

  /** Takes the records of the page after it, too. */
  take(next: Page): void {
    this.compact(next.liveBytes)
    for (const run of next.runs()) {
      const offset = this.#usedBytes
      this.bytes.set(run, offset)
      for (let at = 0; at < run.length; at += 4 + run.readUInt32LE(at))
        this.#starts.push(offset + at)
      this.#grow(run.length)
    }
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
    for (let place = from; place < to; place += 1) sizeBytes += this.sizeAt(place)
    const bytes = Buffer.allocUnsafeSlow(Math.max(pageBytes, sizeBytes + roomBytes))
    const part = new Page(this.mark, bytes)
    for (let place = from; place < to; place += 1) {
      const start = this.#startAt(place)
      const length = this.sizeAt(place)
      this.bytes.copy(bytes, part.#usedBytes, start, start + length)
      part.#starts.push(part.#usedBytes)
      part.#grow(length)
    }
    return part
  }

  #grow(sizeBytes: number): void {
    this.#usedBytes += sizeBytes
    this.liveBytes += sizeBytes
  }

  #startAt(place: number): number {
    return must(this.#starts[place], 'a record of the page')
  }

  /** Below 0 where the key of the record that begins there comes before the one given, above 0 where it comes after. */
  #compare(start: number, key: string): number {
    const { bytes } = this
    const sizeBytes = bytes.readUInt32LE(start + 4)
    const at = start + recordHeadBytes
    const common = Math.min(sizeBytes, key.length)
    for (let offset = 0; offset < common; offset += 1) {
      const order = (bytes[at + offset] ?? 0) - key.charCodeAt(offset)
      if (order !== 0) return order
    }
    return sizeBytes - key.length
  }
}

const nothing = Buffer.alloc(0)
