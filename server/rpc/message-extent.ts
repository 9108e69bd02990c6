import { formOf } from '../wire/msgpack-forms.ts'

/**
 * Finds where msgpack values end, in bytes that come in pieces. Calls have no length in front of them, so this is what tells a
 * whole message from the beginning of one; it looks at each byte that isn't payload once, keeps a few numbers, and never runs
 * out of stack: how deep values nest does not matter to where they end.
 */
export class MessageExtent {
  readonly #valuesPerMessage: number
  #valuesLeft: number
  /** Of the present string, bytes or number: bytes that need no looking at. */
  #skipBytes = 0
  /** Of the present value's length: bytes still to be read, and what those before them say. */
  #lengthBytesLeft = 0
  #length = 0
  /** What the length counts. */
  #counts: 'bytes' | 'items' | 'pairs' = 'bytes'

  constructor(valuesPerMessage: number) {
    this.#valuesPerMessage = valuesPerMessage
    this.#valuesLeft = valuesPerMessage
  }

  /**
   * Goes on from `from`: the offset behind the message's end, or undefined when it isn't in these bytes. Throws MalformedMessage
   * for a byte that begins no value, and for more values than `valuesMax`.
   */
  scan(bytes: Uint8Array, from: number, valuesMax: number): number | undefined {
    let at = from
    while (at < bytes.length) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length - at)
        this.#skipBytes -= skipped
        at += skipped
      } else if (this.#lengthBytesLeft > 0) {
        this.#length = this.#length * 256 + (bytes[at] ?? 0)
        at += 1
        this.#lengthBytesLeft -= 1
        if (this.#lengthBytesLeft === 0) this.#begin(this.#counts, this.#length)
      } else {
        this.#code(bytes[at] ?? 0)
        at += 1
      }
      if (this.#valuesLeft > valuesMax) throw new MalformedMessage('too many values')
      if (this.#valuesLeft === 0 && this.#skipBytes === 0 && this.#lengthBytesLeft === 0) {
        this.#valuesLeft = this.#valuesPerMessage
        return at
      }
    }
    return undefined
  }

  #code(code: number): void {
    this.#valuesLeft -= 1
    if (code < 0x80 || code >= 0xe0) return
    if (code < 0x90) return this.#begin('pairs', code & 0x0f)
    if (code < 0xa0) return this.#begin('items', code & 0x0f)
    if (code < 0xc0) return this.#begin('bytes', code & 0x1f)
    const form = formOf(code)
    if (form === undefined)
      throw new MalformedMessage(`no value begins with 0x${code.toString(16)}`)
    const [counts, sizeBytes] = form
    if (counts === 'fixed') {
      this.#skipBytes = sizeBytes
      return
    }
    this.#counts = counts
    this.#lengthBytesLeft = sizeBytes
    this.#length = 0
  }

  #begin(counts: 'bytes' | 'items' | 'pairs', length: number): void {
    if (counts === 'bytes') this.#skipBytes = length
    else this.#valuesLeft += counts === 'items' ? length : 2 * length
  }
}

/** Bytes that are no message, or a larger one than is taken. The connection they came on is of no use any more. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}
