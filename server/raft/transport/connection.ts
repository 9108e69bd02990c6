import type { Duplex } from 'node:stream'

import { describeError } from '../../model/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ByteWriter, MalformedFrame, type ByteReader } from './bytes.ts'
import { FrameReader, frameKinds } from './frame.ts'
import { decodeBeat, encodeBeat } from './handshake.ts'

/** What becomes of a connection. Others take over when it is known who is at the other end. */
export interface ConnectionHandlers {
  /** Every frame but pings and pongs. The body is read before this returns, or is lost. */
  readonly onFrame: (kind: number, body: ByteReader) => void
  /** There is room again for what did not fit. */
  readonly onDrain: () => void
  /** Once, when it can not be used any more, with the reason as a clause. */
  readonly onClose: (reason: string) => void
}

export interface Traffic {
  bytesIn: number
  bytesOut: number
}

/**
 * One stream of frames, in both directions, which knows whether anybody is still there. Who dialed asks; who was dialed answers,
 * and says now and then that something arrives even if it is not what was asked: so a long queue on a slow way is not mistaken
 * for silence.
 */
export class PeerConnection {
  readonly writer = new ByteWriter()
  /** When anything came in last. */
  heardMs: number
  /** Round trip of the last ping, if one came back. */
  rttMs: number | null = null
  readonly #stream: Duplex
  readonly #clock: Clock
  readonly #side: 'dialed' | 'accepted'
  readonly #reader = new FrameReader((kind, body) => this.#deliver(kind, body), greetingBytesMax)
  #handlers: ConnectionHandlers
  #traffic: Traffic = { bytesIn: 0, bytesOut: 0 }
  #pongMs = -Infinity
  #isClosed = false

  constructor(
    stream: Duplex,
    side: 'dialed' | 'accepted',
    clock: Clock,
    handlers: ConnectionHandlers,
  ) {
    this.#stream = stream
    this.#clock = clock
    this.#side = side
    this.#handlers = handlers
    this.heardMs = clock.monotonicMs()
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('drain', () => this.#drained())
    stream.on('error', (error) => this.close(describeError(error)))
    stream.on('end', () => this.close('the other side closed it'))
    stream.on('close', () => this.close('the other side closed it'))
    stream.resume()
  }

  /** Whether more may be written into `writer` now; what does not fit waits outside, where it can still be dropped. */
  get hasRoom(): boolean {
    return this.#stream.writableLength + this.writer.sizeBytes < backlogBytesMax
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sends what `writer` holds, with one system call if the socket takes it. */
  flush(): void {
    this.#traffic.bytesOut += this.writer.sizeBytes
    const pieces = this.writer.take()
    const [first] = pieces
    if (this.#isClosed || first === undefined) return
    const stream = this.#stream
    if (pieces.length === 1) stream.write(first)
    else {
      stream.cork()
      for (const piece of pieces) stream.write(piece)
      stream.uncork()
    }
    if (stream.writableLength === 0) this.writer.reuse()
  }

  /** Who is there is known: frames of any size may come, and go to others. */
  admit(traffic: Traffic, handlers: ConnectionHandlers): void {
    this.#reader.widen()
    this.#traffic = traffic
    this.#handlers = handlers
  }

  /** To be called several times a silence: asks whether anybody is there, and gives up when nothing ever comes. */
  beat(nowMs: number): void {
    if (nowMs - this.heardMs > silenceMs) return this.close(`nothing was heard for ${silenceMs} ms`)
    if (this.#side === 'accepted') return
    encodeBeat(this.writer, 'ping', nowMs)
    this.flush()
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stream.destroy()
    this.#handlers.onClose(reason)
  }

  /** Closes when what was written has left. */
  end(): void {
    if (this.#isClosed) return
    this.flush()
    this.#isClosed = true
    this.#stream.end(() => this.#stream.destroy())
  }

  #take(chunk: Buffer): void {
    if (this.#isClosed) return
    this.heardMs = this.#clock.monotonicMs()
    this.#traffic.bytesIn += chunk.length
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      return this.close(`it sent ${error.message}`)
    }
    if (this.#side === 'accepted' && this.heardMs - this.#pongMs > pongMs) this.#answer(0)
  }

  #deliver(kind: number, body: ByteReader): void {
    if (this.#isClosed) return
    if (kind === frameKinds.ping) return this.#answer(decodeBeat(body))
    if (kind !== frameKinds.pong) return this.#handlers.onFrame(kind, body)
    const sentMs = decodeBeat(body)
    if (sentMs > 0) this.rttMs = Math.max(0, this.heardMs - sentMs)
  }

  #answer(dialerMs: number): void {
    this.#pongMs = this.heardMs
    encodeBeat(this.writer, 'pong', dialerMs)
    this.flush()
  }

  #drained(): void {
    if (this.#isClosed) return
    this.writer.reuse()
    this.#handlers.onDrain()
  }
}

/** Bytes given to the stream and not yet taken by the system, beyond which the rest waits where it may be dropped. */
const backlogBytesMax = 1 << 20
/** A greeting is a few names. */
const greetingBytesMax = 1024
/** Without a byte for so long the connection is dead, whatever TCP believes. Several `beat`s fit in it. */
export const silenceMs = 3000
const pongMs = 500
