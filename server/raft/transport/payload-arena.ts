/**
 * Where payloads that came in are kept. What a socket gives is a piece of a 64 KiB block that a kept part would hold on to;
 * so payloads are copied once, close together, since they come and go in the order of the log.
 */
export class PayloadArena {
  #block = new Uint8Array(0)
  #at = 0

  /** A copy, for as long as anybody holds it. */
  keep(bytes: Uint8Array): Uint8Array {
    if (bytes.length > ownBytesMin) {
      const own = new Uint8Array(Buffer.allocUnsafeSlow(bytes.length).buffer)
      own.set(bytes)
      return own
    }
    if (this.#at + bytes.length > this.#block.length) {
      this.#block = new Uint8Array(Buffer.allocUnsafeSlow(blockBytes).buffer)
      this.#at = 0
    }
    const kept = this.#block.subarray(this.#at, this.#at + bytes.length)
    kept.set(bytes)
    this.#at += bytes.length
    return kept
  }
}

const blockBytes = 64 << 10
const ownBytesMin = 16 << 10
