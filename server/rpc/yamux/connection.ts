import type { Duplex } from 'node:stream'

import type { Clock, Timer } from '../../runtime/clock.ts'
import { Outbox } from '../outbox.ts'
import { YamuxSession, defaultSessionLimits } from './session.ts'
import type { SessionLimits, SessionOutput } from './session.ts'
import { YamuxStream } from './stream.ts'

export interface YamuxConfig {
  readonly role: 'client' | 'server'
  readonly clock: Clock
  /** Takes the streams that the other side opens. */
  readonly onStream: (stream: YamuxStream) => void
  readonly limits?: SessionLimits
  /** How often a silent connection is asked whether it lives, and how long it may think. The figures are HashiCorp's. */
  readonly keepAliveMs?: number
  readonly pongMs?: number
}

const keepAliveDefaultMs = 30_000
const pongDefaultMs = 10_000
/** Data waits while the connection is full, so only answers to pings and openings can pile up to this. */
const unsentMaxBytes = 8 * 1024 * 1024

/** A connection that carries many streams: the thin part, around session.ts. It ends with its transport, and ends that. */
export class YamuxConnection {
  readonly #transport: Duplex
  readonly #config: YamuxConfig
  readonly #session: YamuxSession
  readonly #outbox: Outbox
  readonly #streams = new Map<number, YamuxStream>()
  #carryingOut = false
  #pings = 0
  #timer: Timer | undefined
  #closed = false
  #refusing = false

  constructor(transport: Duplex, config: YamuxConfig) {
    this.#transport = transport
    this.#config = config
    this.#session = new YamuxSession(config.role, config.limits ?? defaultSessionLimits)
    this.#outbox = new Outbox(transport)
    transport.on('data', (chunk: Buffer) => {
      this.#session.receive(chunk)
      this.#carryOut()
    })
    transport.on('drain', () => {
      this.#session.hold(false)
      this.#carryOut()
    })
    transport.on('error', (error: Error) => this.#close(error.message))
    transport.once('end', () => this.#close('EOF'))
    transport.once('close', () => this.#close('EOF'))
    this.#keepAlive()
  }

  /** Whether new streams can be opened. */
  get isOpen(): boolean {
    return !this.#closed && !this.#refusing
  }

  get streams(): number {
    return this.#streams.size
  }

  /** A new stream; `undefined` where the connection gives no more. */
  open(): YamuxStream | undefined {
    const streamId = this.#closed ? undefined : this.#session.open()
    if (streamId === undefined) return undefined
    const stream = this.#adopt(streamId)
    this.#carryOut()
    return stream
  }

  /** Takes no more streams; those that are open go on. */
  goAway(): void {
    this.#session.goAway()
    this.#carryOut()
  }

  destroy(reason = 'session shutdown'): void {
    this.#close(reason)
  }

  #adopt(streamId: number): YamuxStream {
    const carryOut = (change: () => void): void => {
      if (this.#closed) return
      change()
      this.#carryOut()
    }
    const stream = new YamuxStream(streamId, {
      send: (id, bytes) => carryOut(() => this.#session.send(id, bytes)),
      consumed: (id, sizeBytes) => carryOut(() => this.#session.consumed(id, sizeBytes)),
      finish: (id) => carryOut(() => this.#session.finish(id)),
      reset: (id) => carryOut(() => this.#session.reset(id)),
    })
    this.#streams.set(streamId, stream)
    // Who reads the stream hears of its end by `close`; an error without a listener would end the process.
    stream.on('error', () => undefined)
    stream.once('close', () => this.#streams.delete(streamId))
    return stream
  }

  /** Does what the session wants. What is done may make it want more; that is done in turn, not within. */
  #carryOut(): void {
    if (this.#carryingOut) return
    this.#carryingOut = true
    try {
      for (;;) {
        const outputs = this.#session.outputs()
        if (outputs.length === 0) break
        for (const output of outputs) this.#do(output)
      }
    } finally {
      this.#carryingOut = false
    }
    if (this.#outbox.isFull) this.#session.hold(true)
    if (this.#outbox.unsentBytes > unsentMaxBytes) this.#close('the other side reads nothing')
  }

  #do(output: SessionOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#outbox.put(output.bytes)
      case 'opened':
        return this.#config.onStream(this.#adopt(output.streamId))
      case 'data':
        return this.#streams.get(output.streamId)?.deliver(output.bytes)
      case 'ended':
        return this.#streams.get(output.streamId)?.deliverEnd()
      case 'reset':
        return this.#streams.get(output.streamId)?.gone('stream reset')
      case 'drained':
        return this.#streams.get(output.streamId)?.drained()
      case 'pong':
        this.#timer?.cancel()
        return this.#keepAlive()
      case 'goAway':
        this.#refusing = true
        return undefined
      default:
        return this.#close(output.reason)
    }
  }

  #keepAlive(): void {
    const { clock, keepAliveMs = keepAliveDefaultMs, pongMs = pongDefaultMs } = this.#config
    if (this.#closed) return
    this.#timer = clock.after(keepAliveMs, () => {
      this.#pings = (this.#pings + 1) >>> 0
      this.#timer = clock.after(pongMs, () => this.#close('keepalive timeout'))
      this.#session.ping(this.#pings)
      this.#carryOut()
    })
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.#outbox.flush()
    for (const stream of this.#streams.values()) stream.gone(reason)
    this.#transport.end(() => this.#transport.destroy())
  }
}
