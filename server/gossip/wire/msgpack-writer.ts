/**
 * Writes MessagePack as Go's memberlist does, field by field, with nothing allocated in between: the spec of before 2013, where
 * text and bytes are both `raw`, numbers as short as they can be, and an empty byte string nil, as Go's is.
 *
 * Pings and acks are most of what a node says; a general encoder takes several times as long over them.
 */
export class MsgpackWriter {
  #bytes: Buffer
  #length = 0

  /** The size is a guess, and a good one saves growing: this one holds most messages. */
  constructor(sizeBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes)
  }

  /** What was written. The writer is done with. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  byte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length] = byte
    this.#length += 1
  }

  nil(): void {
    this.byte(0xc0)
  }

  boolean(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2)
  }

  /** A map's head: this many fields follow, each a text and a value. */
  map(size: number): void {
    this.#head(size, 0x80, 16, 0xde)
  }

  array(size: number): void {
    this.#head(size, 0x90, 16, 0xdc)
  }

  /** An integer from 0 to 2^53. */
  uint(value: number): void {
    if (value < 0x80) return this.byte(value)
    this.#reserve(9)
    const bytes = this.#bytes
    let at = this.#length
    if (value < 0x100) {
      bytes[at++] = 0xcc
      bytes[at++] = value
    } else if (value < 0x10000) {
      bytes[at++] = 0xcd
      bytes[at++] = value >>> 8
      bytes[at++] = value & 0xff
    } else if (value < 0x1_0000_0000) {
      bytes[at++] = 0xce
      at = bytes.writeUInt32BE(value, at)
    } else {
      bytes[at++] = 0xcf
      at = bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
      at = bytes.writeUInt32BE(value % 0x1_0000_0000, at)
    }
    this.#length = at
  }

  /** Always eight bytes, whole numbers too: the other side's field is a float64. */
  double(value: number): void {
    this.#reserve(9)
    this.#bytes[this.#length] = 0xcb
    this.#length = this.#bytes.writeDoubleBE(value, this.#length + 1)
  }

  text(text: string): void {
    const size = text.length
    if (size >= 32) return this.#longText(text)
    this.#reserve(1 + size)
    const bytes = this.#bytes
    let at = this.#length
    bytes[at++] = 0xa0 | size
    // For the few letters of a name a loop is quicker than a call out of JavaScript.
    for (let index = 0; index < size; index += 1) {
      const code = text.charCodeAt(index)
      if (code >= 0x80) return this.#longText(text)
      bytes[at++] = code
    }
    this.#length = at
  }

  raw(value: Uint8Array): void {
    if (value.length === 0) return this.nil()
    this.rawHead(value.length)
    this.append(value)
  }

  /** This many bytes follow. */
  rawHead(sizeBytes: number): void {
    this.#head(sizeBytes, 0xa0, 32, 0xda)
  }

  /** Bytes as they are. */
  append(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  #longText(text: string): void {
    const sizeBytes = Buffer.byteLength(text)
    this.rawHead(sizeBytes)
    this.#reserve(sizeBytes)
    this.#length += this.#bytes.write(text, this.#length, sizeBytes, 'utf8')
  }

  #head(size: number, fixed: number, fixedSizes: number, code16: number): void {
    this.#reserve(5)
    const bytes = this.#bytes
    let at = this.#length
    if (size < fixedSizes) bytes[at++] = fixed | size
    else if (size < 0x10000) {
      bytes[at++] = code16
      bytes[at++] = size >>> 8
      bytes[at++] = size & 0xff
    } else {
      bytes[at++] = code16 + 1
      at = bytes.writeUInt32BE(size, at)
    }
    this.#length = at
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#length + sizeBytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
