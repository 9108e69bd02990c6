/**
 * Yamux frames (https://github.com/hashicorp/yamux/blob/master/spec.md). Twelve bytes, all numbers big endian; only data frames
 * have more behind them:
 *
 *     0         1        2          4                8              12
 *     ├─version─┼──type──┼──flags───┼───stream id────┼────length────┤ payload …
 *     │   0     │        │          │ 0: the session │ bytes, delta, │
 *     │         │        │          │                │ opaque, code  │
 */
export const frameType = { data: 0, window: 1, ping: 2, goAway: 3 } as const
export const frameFlag = { syn: 1, ack: 2, fin: 4, rst: 8 } as const
export const headerSizeBytes = 12

/** Why a session ends. */
export const goAwayCode = { normal: 0, protocolError: 1, internalError: 2 } as const

export interface FrameHeader {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  /** What it counts depends on the type: payload bytes, a window's growth, a ping's opaque value, a reason to go. */
  readonly length: number
}

export function encodeHeader({ type, flags, streamId, length }: FrameHeader): Buffer {
  const bytes = Buffer.allocUnsafe(headerSizeBytes)
  bytes[0] = 0
  bytes[1] = type
  bytes.writeUInt16BE(flags, 2)
  bytes.writeUInt32BE(streamId, 4)
  bytes.writeUInt32BE(length, 8)
  return bytes
}

/** A stream of bytes that is not yamux. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame'
}

export type FramePart =
  | { readonly kind: 'header'; readonly header: FrameHeader }
  /** Some of the present data frame's payload, in the chunk's own memory; `last` with the end of it. */
  | { readonly kind: 'payload'; readonly bytes: Buffer; readonly last: boolean }

/**
 * Finds frames in bytes as they come. A payload is passed on in the pieces in which it arrives, so nothing is kept here but a
 * header cut in two. Throws MalformedFrame, after which the stream makes no sense any more.
 */
export class FrameReader {
  readonly #partial = Buffer.allocUnsafe(headerSizeBytes)
  #partialBytes = 0
  #payloadLeftBytes = 0;

  *read(chunk: Buffer): Generator<FramePart, void, undefined> {
    let at = 0
    while (at < chunk.length) {
      if (this.#payloadLeftBytes > 0) {
        const end = Math.min(chunk.length, at + this.#payloadLeftBytes)
        const bytes = chunk.subarray(at, end)
        this.#payloadLeftBytes -= bytes.length
        at = end
        yield { kind: 'payload', bytes, last: this.#payloadLeftBytes === 0 }
        continue
      }
      const wanted = headerSizeBytes - this.#partialBytes
      const copied = chunk.copy(this.#partial, this.#partialBytes, at, at + wanted)
      this.#partialBytes += copied
      at += copied
      if (copied < wanted) return
      this.#partialBytes = 0
      const header = decodeHeader(this.#partial)
      if (header.type === frameType.data) this.#payloadLeftBytes = header.length
      yield { kind: 'header', header }
    }
  }
}

function decodeHeader(bytes: Buffer): FrameHeader {
  const version = bytes.readUInt8(0)
  if (version !== 0) throw new MalformedFrame(`yamux version ${version}`)
  const type = bytes.readUInt8(1)
  if (type > frameType.goAway) throw new MalformedFrame(`yamux frame of type ${type}`)
  return {
    type,
    flags: bytes.readUInt16BE(2),
    streamId: bytes.readUInt32BE(4),
    length: bytes.readUInt32BE(8),
  }
}
