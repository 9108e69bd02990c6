import { Duplex } from 'node:stream'

/** What a stream asks of its connection. */
export interface StreamOwner {
  send(streamId: number, bytes: Uint8Array): void
  consumed(streamId: number, sizeBytes: number): void
  finish(streamId: number): void
  reset(streamId: number): void
}

/**
 * One yamux stream as Node knows streams. What the reader leaves lying is bounded by the window, since the window grows again
 * only by what was read; a write is done once all of it is out, so writers feel the other side's pace.
 */
export class YamuxStream extends Duplex {
  readonly id: number
  readonly #owner: StreamOwner
  #receivedBytes = 0
  #written: (() => void) | undefined
  #gone = false

  constructor(id: number, owner: StreamOwner) {
    super({ allowHalfOpen: true })
    this.id = id
    this.#owner = owner
  }

  /** Bytes came from the other side. */
  deliver(bytes: Buffer): void {
    this.#receivedBytes += bytes.length
    this.push(bytes)
  }

  /** The other side sends no more. */
  deliverEnd(): void {
    this.push(null)
  }

  /** All that was written has gone out. */
  drained(): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }

  /** The stream, or its connection, is no more. */
  gone(reason: string): void {
    this.#gone = true
    this.destroy(new Error(reason))
  }

  override _read(): void {
    const consumed = this.#receivedBytes - this.readableLength
    if (consumed <= 0) return
    this.#receivedBytes -= consumed
    this.#owner.consumed(this.id, consumed)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: () => void): void {
    if (chunk.length === 0) return written()
    this.#written = written
    this.#owner.send(this.id, chunk)
  }

  override _final(done: () => void): void {
    this.#owner.finish(this.id)
    done()
  }

  /** Asks for no more than is true: a stream that both sides finished is not there to be reset. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#gone) this.#owner.reset(this.id)
    this.#written = undefined
    done(error)
  }
}
