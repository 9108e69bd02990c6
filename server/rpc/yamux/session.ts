import { must } from '../../model/assert.ts'
import {
  FrameReader,
  MalformedFrame,
  encodeHeader,
  frameFlag,
  frameType,
  goAwayCode,
} from './frame.ts'
import type { FrameHeader } from './frame.ts'

/** What a session wants done, in this order. */
export type SessionOutput =
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  /** The other side opened a stream. */
  | { readonly kind: 'opened'; readonly streamId: number }
  | { readonly kind: 'data'; readonly streamId: number; readonly bytes: Buffer }
  /** The other side will send no more on the stream. */
  | { readonly kind: 'ended'; readonly streamId: number }
  | { readonly kind: 'reset'; readonly streamId: number }
  /** All that was given to `send` for the stream has gone out. */
  | { readonly kind: 'drained'; readonly streamId: number }
  | { readonly kind: 'pong'; readonly value: number }
  /** The other side takes no more streams. Those that are open go on. */
  | { readonly kind: 'goAway' }
  /** The connection is of no use any more: close it once what was sent before is out. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface SessionLimits {
  /** Streams that the other side may have open; one more is reset. */
  readonly streamsMax: number
}

export const defaultSessionLimits: SessionLimits = { streamsMax: 1024 }

/** What the spec gives every stream to begin with, in each direction. We never ask for more. */
export const windowSizeBytes = 256 * 1024

/** A long write is cut into frames of this size, so that the streams take turns. */
const framePayloadMaxBytes = 32 * 1024

interface Stream {
  readonly id: number
  /** What we may still send. */
  sendWindowBytes: number
  /** What the other side may still send. */
  receiveWindowBytes: number
  /** Consumed here, but not yet given back to the other side's window. */
  consumedBytes: number
  /** Given to send, not yet sent: for want of a window, or of room in the connection. */
  readonly waiting: Uint8Array[]
  finishing: boolean
  finSent: boolean
  finReceived: boolean
}

/**
 * One side of a yamux connection, as a state machine: bytes and wishes go in, bytes and news come out of `outputs()`. It has no
 * socket and no clock.
 *
 * Invariants: what a stream has received and not consumed is at most `windowSizeBytes`; a stream is forgotten once both sides
 * finished it or either reset it; frames of streams that are not there are skipped, for they may have crossed our reset.
 */
export class YamuxSession {
  readonly #limits: SessionLimits
  /** The parity of the streams that we open: clients odd, servers even. */
  readonly #ownParity: number
  readonly #reader = new FrameReader()
  readonly #streams = new Map<number, Stream>()
  /** Streams with something in `waiting` and window to send it. */
  readonly #ready = new Set<Stream>()
  #outputs: SessionOutput[] = []
  #nextStreamId: number
  #inbound = 0
  #held = false
  #failed = false
  #goAwaySent = false
  #goAwayReceived = false
  /** Where the payload being read belongs; `undefined` where it is to be skipped. */
  #receiving: Stream | undefined
  #receivingFlags = 0

  constructor(role: 'client' | 'server', limits: SessionLimits = defaultSessionLimits) {
    this.#limits = limits
    this.#nextStreamId = role === 'client' ? 1 : 2
    this.#ownParity = this.#nextStreamId % 2
  }

  /** Streams that are open, whoever opened them. */
  get streams(): number {
    return this.#streams.size
  }

  /** Takes what there is to do. */
  outputs(): SessionOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  receive(chunk: Buffer): void {
    if (this.#failed) return
    try {
      for (const part of this.#reader.read(chunk)) {
        if (part.kind === 'header') this.#header(part.header)
        else this.#payload(part.bytes, part.last)
        if (this.#failed) return
      }
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.#fail(error.message)
    }
  }

  /** A new stream's id; `undefined` where the session takes no more. */
  open(): number | undefined {
    if (this.#failed || this.#goAwayReceived || this.#nextStreamId > 0xffff_fffd) return undefined
    const streamId = this.#nextStreamId
    this.#nextStreamId += 2
    this.#streams.set(streamId, newStream(streamId))
    this.#frame(frameType.window, frameFlag.syn, streamId, 0)
    return streamId
  }

  /** Sends as the windows allow; `drained` follows when all is out. To a stream that is gone it sends nothing. */
  send(streamId: number, bytes: Uint8Array): void {
    const stream = this.#streams.get(streamId)
    if (!stream || stream.finishing || bytes.length === 0) return
    stream.waiting.push(bytes)
    if (stream.sendWindowBytes > 0) this.#ready.add(stream)
    this.#flush()
  }

  /** The stream's reader has taken so many bytes: they are given back to the sender's window, half a window at a time. */
  consumed(streamId: number, sizeBytes: number): void {
    const stream = this.#streams.get(streamId)
    if (!stream) return
    stream.consumedBytes += sizeBytes
    if (stream.consumedBytes < windowSizeBytes / 2 || stream.finReceived) return
    this.#frame(frameType.window, 0, streamId, stream.consumedBytes)
    stream.receiveWindowBytes += stream.consumedBytes
    stream.consumedBytes = 0
  }

  /** Sends no more on the stream, after what is waiting. */
  finish(streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (!stream || stream.finishing) return
    stream.finishing = true
    if (stream.waiting.length === 0) this.#sendFin(stream)
  }

  /** Ends the stream in both directions at once. */
  reset(streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (!stream) return
    this.#frame(frameType.window, frameFlag.rst, streamId, 0)
    this.#forget(stream)
  }

  ping(value: number): void {
    if (!this.#failed) this.#frame(frameType.ping, frameFlag.syn, 0, value)
  }

  /** Takes no more streams from the other side. */
  goAway(): void {
    if (this.#failed || this.#goAwaySent) return
    this.#goAwaySent = true
    this.#frame(frameType.goAway, 0, 0, goAwayCode.normal)
  }

  /** While held, no data is cut into frames: the connection is full. What keeps the session alive still goes out. */
  hold(held: boolean): void {
    this.#held = held
    this.#flush()
  }

  #header(header: FrameHeader): void {
    switch (header.type) {
      case frameType.ping:
        return this.#ping(header)
      case frameType.goAway:
        if (header.length !== goAwayCode.normal)
          return this.#end(`the other side went away with code ${header.length}`)
        this.#goAwayReceived = true
        return this.#put({ kind: 'goAway' })
      default:
        return this.#streamFrame(header)
    }
  }

  #ping({ flags, length }: FrameHeader): void {
    if (flags & frameFlag.syn) this.#frame(frameType.ping, frameFlag.ack, 0, length)
    else this.#put({ kind: 'pong', value: length })
  }

  #streamFrame({ type, flags, streamId, length }: FrameHeader): void {
    if (flags & frameFlag.syn && !this.#accept(streamId)) return
    const stream = this.#streams.get(streamId)
    if (type === frameType.data) {
      this.#receiving = stream
      this.#receivingFlags = flags
      if (stream && length > stream.receiveWindowBytes)
        return this.#fail(`stream ${streamId} overran its window`)
      if (stream && stream.finReceived && length > 0)
        return this.#fail(`data on stream ${streamId} after its end`)
      if (length === 0) this.#endOfFrame()
      return
    }
    if (!stream) return
    stream.sendWindowBytes += length
    // A window of more than the other side could ever hold is a lie, and one day a number that is not exact.
    if (stream.sendWindowBytes > 0xffff_ffff)
      return this.#fail(`stream ${streamId} was given an impossible window`)
    if (stream.waiting.length > 0 && stream.sendWindowBytes > 0) this.#ready.add(stream)
    this.#closing(stream, flags)
    this.#flush()
  }

  #payload(bytes: Buffer, last: boolean): void {
    const stream = this.#receiving
    if (stream) {
      stream.receiveWindowBytes -= bytes.length
      this.#put({ kind: 'data', streamId: stream.id, bytes })
    }
    if (last) this.#endOfFrame()
  }

  #endOfFrame(): void {
    const stream = this.#receiving
    this.#receiving = undefined
    if (stream && this.#streams.has(stream.id)) this.#closing(stream, this.#receivingFlags)
  }

  /** Whether the rest of a frame that opens a stream should be heeded. */
  #accept(streamId: number): boolean {
    if (streamId === 0 || streamId % 2 === this.#ownParity || this.#streams.has(streamId)) {
      this.#fail(`stream ${streamId} can't be opened by the other side`)
      return false
    }
    if (this.#goAwaySent || this.#inbound >= this.#limits.streamsMax) {
      this.#frame(frameType.window, frameFlag.rst, streamId, 0)
      return true
    }
    this.#inbound += 1
    this.#streams.set(streamId, newStream(streamId))
    this.#frame(frameType.window, frameFlag.ack, streamId, 0)
    this.#put({ kind: 'opened', streamId })
    return true
  }

  #closing(stream: Stream, flags: number): void {
    if (flags & frameFlag.rst) {
      this.#forget(stream)
      this.#put({ kind: 'reset', streamId: stream.id })
    } else if (flags & frameFlag.fin && !stream.finReceived) {
      stream.finReceived = true
      this.#put({ kind: 'ended', streamId: stream.id })
      if (stream.finSent) this.#forget(stream)
    }
  }

  /** Sends a frame for each stream that can, in turn, until none can or the connection is full. */
  #flush(): void {
    while (!this.#held && this.#ready.size > 0) {
      for (const stream of this.#ready) {
        const bytes = must(stream.waiting[0], 'a ready stream has something to send')
        const sizeBytes = Math.min(bytes.length, stream.sendWindowBytes, framePayloadMaxBytes)
        this.#frame(frameType.data, 0, stream.id, sizeBytes)
        this.#put({ kind: 'send', bytes: bytes.subarray(0, sizeBytes) })
        stream.sendWindowBytes -= sizeBytes
        if (sizeBytes < bytes.length) stream.waiting[0] = bytes.subarray(sizeBytes)
        else stream.waiting.shift()
        if (stream.waiting.length > 0 && stream.sendWindowBytes > 0) continue
        this.#ready.delete(stream)
        if (stream.waiting.length > 0) continue
        this.#put({ kind: 'drained', streamId: stream.id })
        if (stream.finishing) this.#sendFin(stream)
      }
    }
  }

  #sendFin(stream: Stream): void {
    stream.finSent = true
    this.#frame(frameType.window, frameFlag.fin, stream.id, 0)
    if (stream.finReceived) this.#forget(stream)
  }

  #forget(stream: Stream): void {
    if (!this.#streams.delete(stream.id)) return
    this.#ready.delete(stream)
    if (stream.id % 2 !== this.#ownParity) this.#inbound -= 1
    if (this.#receiving === stream) this.#receiving = undefined
  }

  #fail(reason: string): void {
    if (this.#failed) return
    this.#frame(frameType.goAway, 0, 0, goAwayCode.protocolError)
    this.#end(reason)
  }

  #end(reason: string): void {
    this.#failed = true
    this.#put({ kind: 'failed', reason })
  }

  #frame(type: number, flags: number, streamId: number, length: number): void {
    this.#put({ kind: 'send', bytes: encodeHeader({ type, flags, streamId, length }) })
  }

  #put(output: SessionOutput): void {
    this.#outputs.push(output)
  }
}

function newStream(id: number): Stream {
  return {
    id,
    sendWindowBytes: windowSizeBytes,
    receiveWindowBytes: windowSizeBytes,
    consumedBytes: 0,
    waiting: [],
    finishing: false,
    finSent: false,
    finReceived: false,
  }
}
