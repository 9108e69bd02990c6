import { isUtf8 } from 'node:buffer'

import { assert } from '../model/assert.ts'
import { narrow } from '../model/unsigned.ts'

/**
 * MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), the one binary form that the log, the RPC wire and gossip
 * share. Go's net/rpc and memberlist speak the spec of before 2013, which has no `bin` and no `str 8`: text and bytes are both
 * `raw`. `oldSpec` writes that, and reading takes either.
 *
 * Maps become plain objects with string keys, integers beyond 2^53 bigints, `bin` bytes that are copies, nil null. An undefined
 * field is left out.
 */
export interface EncodeOptions {
  readonly oldSpec?: boolean
}

export function encodeMsgpack(value: unknown, options: EncodeOptions = {}): Uint8Array {
  const encoder = new Encoder(options.oldSpec === true)
  encoder.value(value)
  return encoder.finish()
}

/** Bytes of a shape that msgpack doesn't allow, or that ends too early. */
export class MalformedMsgpack extends Error {
  override readonly name = 'MalformedMsgpack'
}

/** The one value in the bytes; throws MalformedMsgpack, also when bytes are left over. */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  const decoder = new Decoder(bytes)
  const value = decoder.value(0)
  if (decoder.offset !== bytes.length) throw new MalformedMsgpack('bytes after the value')
  return value
}

export interface DecodeOptions {
  /**
   * In the old spec text and bytes look alike. Then a `raw` that isn't UTF-8 becomes bytes, so that nothing is lost: whoever
   * expects bytes makes them of text too, and gets exactly what was sent.
   */
  readonly exactRaw?: boolean
}

/** The first value in the bytes and where it ends: for streams. */
export function decodeMsgpackPrefix(
  bytes: Uint8Array,
  offset = 0,
  options: DecodeOptions = {},
): { readonly value: unknown; readonly end: number } {
  const decoder = new Decoder(bytes, offset, options.exactRaw === true)
  const value = decoder.value(0)
  return { value, end: decoder.offset }
}

/** Deeper nesting than any message of ours is an attack on the stack. */
const depthMax = 64

class Encoder {
  #buffer = Buffer.allocUnsafe(256)
  #length = 0
  readonly #oldSpec: boolean

  constructor(oldSpec: boolean) {
    this.#oldSpec = oldSpec
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.#string(value)
      case 'number':
        return Number.isInteger(value) && Number.isSafeInteger(value)
          ? this.#integer(value)
          : this.#double(value)
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2)
      case 'bigint':
        return this.#bigint(value)
      case 'undefined':
        return this.#byte(0xc0)
      case 'object':
        if (value === null) return this.#byte(0xc0)
        if (value instanceof Uint8Array) return this.#bytes(value)
        if (Array.isArray(value)) return this.#array(value)
        return this.#map(value as Record<string, unknown>)
      default:
        throw new TypeError(`msgpack has no ${typeof value}`)
    }
  }

  #room(sizeBytes: number): number {
    const at = this.#length
    this.#length += sizeBytes
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    return at
  }

  #byte(byte: number): void {
    const at = this.#room(1)
    this.#buffer[at] = byte
  }

  #head8(code: number, value: number): void {
    const at = this.#room(2)
    this.#buffer[at] = code
    this.#buffer[at + 1] = value
  }

  #head16(code: number, value: number): void {
    const at = this.#room(3)
    this.#buffer[at] = code
    this.#buffer.writeUInt16BE(value, at + 1)
  }

  #head32(code: number, value: number): void {
    const at = this.#room(5)
    this.#buffer[at] = code
    this.#buffer.writeUInt32BE(value, at + 1)
  }

  #integer(value: number): void {
    if (value >= 0) {
      if (value < 0x80) this.#byte(value)
      else if (value < 0x100) this.#head8(0xcc, value)
      else if (value < 0x10000) this.#head16(0xcd, value)
      else if (value < 0x100000000) this.#head32(0xce, value)
      else this.#bigint(BigInt(value))
    } else if (value >= -32) this.#byte(value & 0xff)
    else if (value >= -0x80) this.#head8(0xd0, value & 0xff)
    else if (value >= -0x8000) this.#head16(0xd1, value & 0xffff)
    else if (value >= -0x80000000) this.#head32(0xd2, value >>> 0)
    else this.#bigint(BigInt(value))
  }

  #bigint(value: bigint): void {
    const at = this.#room(9)
    this.#buffer[at] = value < 0n ? 0xd3 : 0xcf
    if (value < 0n) this.#buffer.writeBigInt64BE(value, at + 1)
    else this.#buffer.writeBigUInt64BE(value, at + 1)
  }

  #double(value: number): void {
    const at = this.#room(9)
    this.#buffer[at] = 0xcb
    this.#buffer.writeDoubleBE(value, at + 1)
  }

  #string(text: string): void {
    const sizeBytes = Buffer.byteLength(text)
    if (sizeBytes < 32) this.#byte(0xa0 | sizeBytes)
    else if (sizeBytes < 0x100 && !this.#oldSpec) this.#head8(0xd9, sizeBytes)
    else if (sizeBytes < 0x10000) this.#head16(0xda, sizeBytes)
    else this.#head32(0xdb, sizeBytes)
    const at = this.#room(sizeBytes)
    this.#buffer.write(text, at, sizeBytes, sizeBytes === text.length ? 'latin1' : 'utf8')
  }

  #bytes(bytes: Uint8Array): void {
    const sizeBytes = bytes.length
    if (this.#oldSpec) {
      if (sizeBytes < 32) this.#byte(0xa0 | sizeBytes)
      else if (sizeBytes < 0x10000) this.#head16(0xda, sizeBytes)
      else this.#head32(0xdb, sizeBytes)
    } else if (sizeBytes < 0x100) this.#head8(0xc4, sizeBytes)
    else if (sizeBytes < 0x10000) this.#head16(0xc5, sizeBytes)
    else this.#head32(0xc6, sizeBytes)
    const at = this.#room(sizeBytes)
    this.#buffer.set(bytes, at)
  }

  #array(items: readonly unknown[]): void {
    if (items.length < 16) this.#byte(0x90 | items.length)
    else if (items.length < 0x10000) this.#head16(0xdc, items.length)
    else this.#head32(0xdd, items.length)
    for (const item of items) this.value(item)
  }

  #map(map: Readonly<Record<string, unknown>>): void {
    let size = 0
    for (const key in map) if (map[key] !== undefined) size += 1
    if (size < 16) this.#byte(0x80 | size)
    else if (size < 0x10000) this.#head16(0xde, size)
    else this.#head32(0xdf, size)
    for (const key in map) {
      const value = map[key]
      if (value === undefined) continue
      this.#string(key)
      this.value(value)
    }
  }
}

class Decoder {
  readonly #buffer: Buffer
  readonly #exactRaw: boolean
  offset: number

  constructor(bytes: Uint8Array, offset = 0, exactRaw = false) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#exactRaw = exactRaw
    this.offset = offset
  }

  value(depth: number): unknown {
    if (depth > depthMax) throw new MalformedMsgpack('nested too deeply')
    const code = this.#unsigned(1)
    if (code < 0x80) return code
    if (code < 0x90) return this.#map(code & 0x0f, depth)
    if (code < 0xa0) return this.#array(code & 0x0f, depth)
    if (code < 0xc0) return this.#text(code & 0x1f)
    if (code >= 0xe0) return code - 0x100
    switch (code) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#bytes(this.#unsigned(1))
      case 0xc5:
        return this.#bytes(this.#unsigned(2))
      case 0xc6:
        return this.#bytes(this.#unsigned(4))
      case 0xca:
        return this.#buffer.readFloatBE(this.#take(4))
      case 0xcb:
        return this.#buffer.readDoubleBE(this.#take(8))
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        return narrow(this.#buffer.readBigUInt64BE(this.#take(8)))
      case 0xd0:
        return this.#buffer.readInt8(this.#take(1))
      case 0xd1:
        return this.#buffer.readInt16BE(this.#take(2))
      case 0xd2:
        return this.#buffer.readInt32BE(this.#take(4))
      case 0xd3:
        return narrowSigned(this.#buffer.readBigInt64BE(this.#take(8)))
      case 0xd9:
        return this.#text(this.#unsigned(1))
      case 0xda:
        return this.#text(this.#unsigned(2))
      case 0xdb:
        return this.#text(this.#unsigned(4))
      case 0xdc:
        return this.#array(this.#unsigned(2), depth)
      case 0xdd:
        return this.#array(this.#unsigned(4), depth)
      case 0xde:
        return this.#map(this.#unsigned(2), depth)
      case 0xdf:
        return this.#map(this.#unsigned(4), depth)
      default:
        throw new MalformedMsgpack(`no value begins with 0x${code.toString(16)}`)
    }
  }

  #take(sizeBytes: number): number {
    const at = this.offset
    if (at + sizeBytes > this.#buffer.length) throw new MalformedMsgpack('the value is cut short')
    this.offset += sizeBytes
    return at
  }

  #unsigned(sizeBytes: 1 | 2 | 4): number {
    return this.#buffer.readUIntBE(this.#take(sizeBytes), sizeBytes)
  }

  #text(sizeBytes: number): string | Uint8Array {
    const at = this.#take(sizeBytes)
    if (this.#exactRaw && !isUtf8(this.#buffer.subarray(at, at + sizeBytes)))
      return new Uint8Array(this.#buffer.subarray(at, at + sizeBytes))
    return this.#buffer.toString('utf8', at, at + sizeBytes)
  }

  #bytes(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes)
    return new Uint8Array(this.#buffer.subarray(at, at + sizeBytes))
  }

  #array(size: number, depth: number): unknown[] {
    this.#checkSize(size)
    const items: unknown[] = []
    for (let count = 0; count < size; count += 1) items.push(this.value(depth + 1))
    return items
  }

  #map(size: number, depth: number): Record<string, unknown> {
    this.#checkSize(size)
    const map: Record<string, unknown> = {}
    for (let count = 0; count < size; count += 1) {
      const key = this.value(depth + 1)
      if (typeof key !== 'string') throw new MalformedMsgpack('a map key that is no text')
      // A key from outside must not reach the prototype.
      if (key === '__proto__')
        Object.defineProperty(map, key, {
          value: this.value(depth + 1),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      else map[key] = this.value(depth + 1)
    }
    return map
  }

  /** Every item takes a byte at least, so a larger count is a lie that must not become an allocation. */
  #checkSize(size: number): void {
    if (size > this.#buffer.length - this.offset)
      throw new MalformedMsgpack('the value is cut short')
  }
}

function narrowSigned(value: bigint): number | bigint {
  assert(typeof value === 'bigint', 'a 64-bit read gives a bigint')
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
