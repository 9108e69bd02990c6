import { bounds } from '../types.ts'
import { ByteReader, MalformedFrame, type ByteWriter } from './bytes.ts'

/**
 * A connection is a stream of frames: a length (u32, of what follows), a kind (u8), and a body of fixed layout for its kind.
 * README.md draws them.
 */
export const frameKinds = {
  hello: 1,
  welcome: 2,
  refusal: 3,
  ping: 4,
  pong: 5,
  /** The messages of Raft; codec.ts has their bodies. */
  preVote: 16,
  preVoteResponse: 17,
  vote: 18,
  voteResponse: 19,
  append: 20,
  appendResponse: 21,
  heartbeat: 22,
  heartbeatResponse: 23,
  snapshotChunk: 24,
  snapshotChunkResponse: 25,
  timeoutNow: 26,
} as const

/** Largest frame: a full append or chunk, and what stands before its payload. */
export const frameBytesMax =
  Math.max(bounds.appendBytesMax, bounds.payloadBytesMax, bounds.chunkBytesMax) + (128 << 10)

export const frameHeaderBytes = 5

/** Begins a frame whose body will have this size. */
export function beginFrame(writer: ByteWriter, kind: number, bodyBytes: number): void {
  writer.u32(1 + bodyBytes)
  writer.u8(kind)
}

export type FrameHandler = (kind: number, body: ByteReader) => void

/** Cuts what comes in into frames. Memory for a frame grows with what has arrived of it, not with what it claims to be. */
export class FrameReader {
  readonly #onFrame: FrameHandler
  #bytesMax: number
  readonly #body = new ByteReader()
  /** The beginning of a frame whose rest is still to come. */
  #held = new Uint8Array(0)
  #heldBytes = 0

  /** No frame is larger until `widen`. */
  constructor(onFrame: FrameHandler, bytesMax = frameBytesMax) {
    this.#onFrame = onFrame
    this.#bytesMax = bytesMax
  }

  /** Who is there is known by now, so frames may be as large as they get. */
  widen(): void {
    this.#bytesMax = frameBytesMax
  }

  /** Memory held for a frame that is not whole. */
  get capacityBytes(): number {
    return this.#held.length
  }

  /** Throws MalformedFrame; nothing may be pushed after that. */
  push(chunk: Uint8Array): void {
    let at = this.#heldBytes > 0 ? this.#complete(chunk) : 0
    if (at === chunk.length) return
    this.#body.load(chunk)
    while (chunk.length - at >= 4) {
      const sizeBytes = 4 + this.#lengthAt(chunk, at)
      if (chunk.length - at < sizeBytes) break
      this.#deliver(at, at + sizeBytes)
      at += sizeBytes
    }
    if (at < chunk.length) this.#hold(chunk, at, chunk.length)
  }

  /** Completes the frame that was begun, as far as the chunk goes; returns how much of it that took. */
  #complete(chunk: Uint8Array): number {
    let at = 0
    if (this.#heldBytes < 4) {
      at = Math.min(4 - this.#heldBytes, chunk.length)
      this.#hold(chunk, 0, at)
      if (this.#heldBytes < 4) return at
    }
    const sizeBytes = 4 + this.#lengthAt(this.#held, 0)
    const end = Math.min(at + sizeBytes - this.#heldBytes, chunk.length)
    this.#hold(chunk, at, end)
    if (this.#heldBytes < sizeBytes) return end
    this.#body.load(this.#held)
    this.#heldBytes = 0
    this.#deliver(0, sizeBytes)
    return end
  }

  #deliver(start: number, end: number): void {
    this.#body.limit(start + 4, end)
    this.#onFrame(this.#body.u8(), this.#body)
  }

  #hold(chunk: Uint8Array, start: number, end: number): void {
    const neededBytes = this.#heldBytes + end - start
    if (neededBytes > this.#held.length) {
      const larger = new Uint8Array(Math.max(heldBytesMin, neededBytes * 2))
      larger.set(this.#held.subarray(0, this.#heldBytes))
      this.#held = larger
    }
    this.#held.set(chunk.subarray(start, end), this.#heldBytes)
    this.#heldBytes = neededBytes
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
    const length = (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
    if (length === 0 || length > this.#bytesMax)
      throw new MalformedFrame(`a frame of ${length} bytes`)
    return length
  }
}

const heldBytesMin = 4096
