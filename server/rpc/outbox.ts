import type { Writable } from 'node:stream'

/**
 * Gathers what is written in one turn of the event loop into one write: a system call costs more than a message. It copies small
 * messages into a page of its own, so that whoever wrote may use his memory again, and passes large ones on as they are.
 */
export class Outbox {
  readonly #transport: Writable
  #page = Buffer.allocUnsafeSlow(pageSizeBytes)
  /** What waits for the end of the turn is the page's part from here … */
  #start = 0
  /** … to here. */
  #end = 0
  #scheduled = false

  constructor(transport: Writable) {
    this.#transport = transport
  }

  /** Bytes that the transport has not taken yet. */
  get unsentBytes(): number {
    return this.#end - this.#start + this.#transport.writableLength
  }

  /** Whether writers should wait for the transport's `drain`. */
  get isFull(): boolean {
    return this.#transport.writableNeedDrain
  }

  put(bytes: Uint8Array): void {
    if (bytes.length > copiedMaxBytes) {
      this.flush()
      this.#write(bytes)
      return
    }
    if (this.#end + bytes.length > pageSizeBytes) {
      this.flush()
      this.#page = Buffer.allocUnsafeSlow(pageSizeBytes)
      this.#start = 0
      this.#end = 0
    }
    this.#page.set(bytes, this.#end)
    this.#end += bytes.length
    if (this.#scheduled) return
    this.#scheduled = true
    // After the promises that are settled now have gone on: their messages are of the same turn.
    process.nextTick(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  flush(): void {
    if (this.#start === this.#end) return
    // The transport keeps this part of the page until it is sent; what comes next goes behind it.
    const bytes = this.#page.subarray(this.#start, this.#end)
    this.#start = this.#end
    this.#write(bytes)
  }

  #write(bytes: Uint8Array): void {
    if (!this.#transport.destroyed && !this.#transport.writableEnded) this.#transport.write(bytes)
  }
}

const pageSizeBytes = 64 * 1024
const copiedMaxBytes = 16 * 1024
