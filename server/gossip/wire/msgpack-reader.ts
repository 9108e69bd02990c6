import { isUtf8 } from 'node:buffer'

import { formOf } from '../../wire/msgpack-forms.ts'
import { Refused } from './refusal.ts'

/** More fields than any message of memberlist's or Serf's has. */
const fieldsMax = 32

/**
 * Reads MessagePack, old spec and new, into what the caller expects there and nothing else: no object is made of what nobody asked
 * for, and no length or count is believed before the bytes are there. As in Go, nil stands for the zero of any type, and any
 * integer form for a number.
 *
 * Every method throws Refused: `truncated` where the bytes end too soon, which in a stream only means that more must come.
 */
export class MsgpackReader {
  readonly #bytes: Buffer
  readonly #end: number
  readonly #skippedMax: number
  #at: number

  /** `skippedMax` is how many values an unknown field may hold: in a stream they are gone through again with each piece that comes. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length, skippedMax = Infinity) {
    this.#bytes = asBuffer(bytes)
    this.#at = start
    this.#end = end
    this.#skippedMax = skippedMax
  }

  /** Where the next value begins. */
  get offset(): number {
    return this.#at
  }

  /** How many fields a message has; for each follow `field` and its value. */
  fields(): number {
    const count = this.#size(0x80, 0xde)
    if (count > fieldsMax) throw new Refused('tooManyFields')
    return count
  }

  /** The field's name if it is among these, else undefined: then `skip` its value. */
  field<Name extends string>(names: readonly Name[]): Name | undefined {
    const size = this.#rawSize()
    const at = this.#take(size)
    for (const name of names) if (name.length === size && this.#says(name, at)) return name
    return undefined
  }

  /** How many pairs a map has, at most `max`. */
  pairs(max: number): number {
    const count = this.#size(0x80, 0xde)
    if (count > max) throw new Refused('tooManyItems')
    this.#believe(2 * count)
    return count
  }

  /** How many items an array has, at most `max`. */
  items(max: number): number {
    const count = this.#size(0x90, 0xdc)
    if (count > max) throw new Refused('tooManyItems')
    this.#believe(count)
    return count
  }

  /** An integer from 0 to `max`. */
  uint(max: number): number {
    const code = this.#code()
    let value
    if (code < 0x80) value = code
    else if (code === 0xcc) value = this.#unsigned(1)
    else if (code === 0xcd) value = this.#unsigned(2)
    else if (code === 0xce) value = this.#unsigned(4)
    else if (code === 0xc0) value = 0
    else value = this.#rareInteger(code)
    if (value < 0 || value > max) throw new Refused('outOfRange')
    return value
  }

  boolean(): boolean {
    const code = this.#code()
    if (code === 0xc3) return true
    if (code === 0xc2 || code === 0xc0) return false
    throw mistaken(code)
  }

  double(): number {
    const code = this.#code()
    if (code === 0xcb) return this.#bytes.readDoubleBE(this.#take(8))
    if (code === 0xca) return this.#bytes.readFloatBE(this.#take(4))
    return code === 0xc0 ? 0 : this.#rareInteger(code)
  }

  text(): string {
    const size = this.#rawSize()
    const at = this.#take(size)
    return size === 0 ? '' : textOf(this.#bytes, at, at + size)
  }

  /** A view of the bytes read from. */
  raw(): Buffer {
    const size = this.#rawSize()
    const at = this.#take(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** A copy, for what is kept. */
  bytes(): Uint8Array {
    return new Uint8Array(this.raw())
  }

  /** Everything behind the last value read: a copy. */
  rest(): Uint8Array {
    const at = this.#at
    this.#at = this.#end
    return new Uint8Array(this.#bytes.subarray(at, this.#end))
  }

  /** Goes over one value, whatever it is. */
  skip(): void {
    let left = 1
    let skipped = 0
    while (left > 0) {
      left += this.#skipOne() - 1
      skipped += 1
      if (skipped > this.#skippedMax) throw new Refused('tooLarge')
    }
  }

  /** Goes over a value's own bytes, and says how many values it holds. */
  #skipOne(): number {
    const code = this.#code()
    if (code < 0x80 || code >= 0xe0) return 0
    if (code < 0x90) return 2 * (code & 0x0f)
    if (code < 0xa0) return code & 0x0f
    if (code < 0xc0) {
      this.#take(code & 0x1f)
      return 0
    }
    const form = formOf(code)
    if (form === undefined) throw new Refused('malformed')
    const [size, sizeBytes] = form
    if (size === 'fixed') {
      this.#take(sizeBytes)
      return 0
    }
    const count = this.#unsigned(sizeBytes)
    if (size === 'bytes') this.#take(count)
    else this.#believe(size === 'items' ? count : 2 * count)
    if (size === 'bytes') return 0
    return size === 'items' ? count : 2 * count
  }

  #code(): number {
    const code = this.#at < this.#end ? this.#bytes[this.#at] : undefined
    if (code === undefined) throw new Refused('truncated')
    this.#at += 1
    return code
  }

  #take(sizeBytes: number): number {
    const at = this.#at
    if (sizeBytes > this.#end - at) throw new Refused('truncated')
    this.#at = at + sizeBytes
    return at
  }

  /** Every value takes a byte at least: a larger count has not come yet, or never will. */
  #believe(values: number): void {
    if (values > this.#end - this.#at) throw new Refused('truncated')
  }

  #unsigned(sizeBytes: number): number {
    const at = this.#take(sizeBytes)
    let value = 0
    for (let index = 0; index < sizeBytes; index += 1)
      value = value * 256 + (this.#bytes[at + index] ?? 0)
    return value
  }

  /** The size of a map or an array. */
  #size(fixed: number, code16: number): number {
    const code = this.#code()
    if ((code & 0xf0) === fixed) return code & 0x0f
    if (code === code16) return this.#unsigned(2)
    if (code === code16 + 1) return this.#unsigned(4)
    if (code === 0xc0) return 0
    throw mistaken(code)
  }

  #rawSize(): number {
    const code = this.#code()
    if (code >= 0xa0 && code < 0xc0) return code & 0x1f
    switch (code) {
      case 0xc0:
        return 0
      case 0xc4:
      case 0xd9:
        return this.#unsigned(1)
      case 0xc5:
      case 0xda:
        return this.#unsigned(2)
      case 0xc6:
      case 0xdb:
        return this.#unsigned(4)
      default:
        throw mistaken(code)
    }
  }

  #rareInteger(code: number): number {
    if (code < 0x80) return code
    if (code >= 0xe0) return code - 0x100
    switch (code) {
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        return Number(this.#bytes.readBigUInt64BE(this.#take(8)))
      case 0xd0:
        return this.#bytes.readInt8(this.#take(1))
      case 0xd1:
        return this.#bytes.readInt16BE(this.#take(2))
      case 0xd2:
        return this.#bytes.readInt32BE(this.#take(4))
      case 0xd3:
        return Number(this.#bytes.readBigInt64BE(this.#take(8)))
      default:
        throw mistaken(code)
    }
  }

  #says(name: string, at: number): boolean {
    for (let index = 0; index < name.length; index += 1)
      if (this.#bytes[at + index] !== name.charCodeAt(index)) return false
    return true
  }
}

/** What is not UTF-8 is refused: it could not be told on as it came, and the names of two members could become one. */
export function textOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const buffer = asBuffer(bytes)
  const text = buffer.toString('utf8', start, end)
  if (text.includes('\uFFFD') && !isUtf8(buffer.subarray(start, end))) throw new Refused('notText')
  return text
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function mistaken(code: number): Refused {
  const isCode = code < 0xc0 || code >= 0xe0 || formOf(code) !== undefined
  return new Refused(isCode ? 'wrongType' : 'malformed')
}
