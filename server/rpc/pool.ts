import type { Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Tls } from '../tls/tls.ts'
import { CallFailed, Caller } from './caller.ts'
import type { CallOptions } from './caller.ts'
import { connectionType } from './connection-type.ts'
import { dial } from './dial.ts'
import { YamuxConnection } from './yamux/connection.ts'

/** A server that calls go to. */
export interface Target {
  /** `host:port` of its server port. */
  readonly address: string
  /** A Praetor carries out the calls of a connection side by side; a Consul gets a stream for each. */
  readonly speaks: 'praetor' | 'consul'
}

/** Makes calls to servers by their addresses. */
export interface Calls {
  /** Resolves with the answer's body; rejects as Caller does. */
  call(target: Target, method: string, body: unknown, options: CallOptions): Promise<unknown>
}

/** Makes calls to whoever leads. */
export interface LeaderCalls extends Calls {
  /** That server leads no more: calls to it as the leader fail now, rather than when it says so. */
  depose(address: string): void
}

/** How a server is reached: what the two kinds of connection have in common. */
interface Connection {
  readonly isOpen: boolean
  /** Calls without an answer. */
  readonly waiting: number
  call(method: string, body: unknown, options: CallOptions): Promise<unknown>
  depose(): void
  destroy(reason: string): void
}

interface Held {
  readonly connecting: Promise<Connection>
  readonly giveUp: AbortController
  connection: Connection | undefined
  usedMs: number
}

/** A connection that nobody used for this long is closed; the figure is Consul's. */
const idleMs = 127_000
/** Servers are few; more addresses than this are a mistake that must not become a leak of sockets. */
const targetsMax = 1024

export interface PoolConfig {
  readonly clock: Clock
  readonly log: Log
  /** Where this agent listens: its calls come from there, as a Consul's do, so that firewalls see one address. */
  readonly bindAddress?: string
  /** Says for every connection whether it goes over TLS; in the clear without it. */
  readonly tls?: Tls
}

/**
 * One connection to each server, made when it is first needed, and made anew for the next call when it broke. Calls that wait on
 * a connection fail with it: whether they may be made again is for the caller to say (forwarding-rpc.ts).
 */
export class Pool implements LeaderCalls, AsyncDisposable {
  readonly #clock: Clock
  readonly #log: Log
  readonly #from: string | undefined
  readonly #tls: Tls | undefined
  readonly #held = new Map<string, Held>()
  readonly #closing = new AbortController()
  #reaper: Timer | undefined

  constructor({ clock, log, bindAddress, tls }: PoolConfig) {
    this.#clock = clock
    this.#log = log
    this.#from = isAny(bindAddress) ? undefined : bindAddress
    this.#tls = tls
  }

  /** Servers to which there is a connection, or will be. */
  get size(): number {
    return this.#held.size
  }

  async call(
    target: Target,
    method: string,
    body: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const held = this.#hold(target)
    const connection = held.connection ?? (await within(held.connecting, options.signal))
    return connection.call(method, body, options)
  }

  /** The server is known to be gone: what waits for it fails now, rather than by and by. */
  drop(address: string): void {
    for (const speaks of ['praetor', 'consul'] as const) {
      const key = `${speaks} ${address}`
      this.#held.get(key)?.connection?.destroy('the server is gone')
      this.#held.delete(key)
    }
  }

  depose(address: string): void {
    const held = this.#held.get(`praetor ${address}`)
    // It may not even be reached, and who wants something else of it connects again.
    if (held?.connection === undefined) held?.giveUp.abort()
    else held.connection.depose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#reaper?.cancel()
    for (const { connection } of this.#held.values()) connection?.destroy('shutting down')
    this.#held.clear()
  }

  #hold(target: Target): Held {
    const key = `${target.speaks} ${target.address}`
    const known = this.#held.get(key)
    if (known && known.connection?.isOpen !== false) {
      known.usedMs = this.#clock.monotonicMs()
      return known
    }
    if (this.#held.size >= targetsMax)
      throw new CallFailed('rpc error getting client: too many servers', { sent: false })
    const giveUp = new AbortController()
    const connecting = this.#connect(target, giveUp.signal)
    const usedMs = this.#clock.monotonicMs()
    const held: Held = { connecting, giveUp, connection: undefined, usedMs }
    this.#held.set(key, held)
    connecting.then(
      (connection) => {
        held.connection = connection
        // It was dropped while it was being made.
        if (this.#held.get(key) !== held) connection.destroy('the server is gone')
      },
      (error: unknown) => {
        this.#log.debug({ err: error, address: target.address }, 'no connection to a server')
        if (this.#held.get(key) === held) this.#held.delete(key)
      },
    )
    this.#reaper ??= this.#reap()
    return held
  }

  async #connect({ address, speaks }: Target, giveUp: AbortSignal): Promise<Connection> {
    if (this.#closing.signal.aborted) throw new CallFailed('shutting down', { sent: false })
    const clock = this.#clock
    const byte = speaks === 'praetor' ? connectionType.consul : connectionType.multiplexV2
    const socket = await dial(address, byte, {
      clock,
      signal: AbortSignal.any([this.#closing.signal, giveUp]),
      from: this.#from,
      secure: this.#tls?.now.outgoing,
    })
    return speaks === 'praetor'
      ? new Caller(socket, { clock, concurrent: true })
      : new StreamPerCall(
          new YamuxConnection(socket, {
            role: 'client',
            clock,
            // A server opens no streams to its callers.
            onStream: (stream) => stream.destroy(),
          }),
          clock,
        )
  }

  #reap(): Timer {
    return this.#clock.after(idleMs, () => {
      this.#reaper = undefined
      const unusedSinceMs = this.#clock.monotonicMs() - idleMs
      for (const [key, { connection, usedMs }] of this.#held)
        if (connection && connection.waiting === 0 && usedMs <= unusedSinceMs) {
          connection.destroy('idle')
          this.#held.delete(key)
        }
      if (this.#held.size > 0) this.#reaper = this.#reap()
    })
  }
}

/** Streams that are kept for the next call; the rest are closed after their one. */
const idleStreamsMax = 64

/** A Consul answers the calls of one stream in turn, so that a blocking query would hold up all behind it: each call has its own. */
class StreamPerCall implements Connection {
  readonly #connection: YamuxConnection
  readonly #clock: Clock
  readonly #idle: Caller[] = []
  #waiting = 0

  constructor(connection: YamuxConnection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  get waiting(): number {
    return this.#waiting
  }

  async call(method: string, body: unknown, options: CallOptions): Promise<unknown> {
    const caller = this.#take()
    this.#waiting += 1
    try {
      return await caller.call(method, body, options)
    } finally {
      this.#waiting -= 1
      if (caller.isOpen && this.#idle.length < idleStreamsMax) this.#idle.push(caller)
      else caller.destroy()
    }
  }

  /** Nobody forwards to a Consul. */
  depose(): void {}

  destroy(reason: string): void {
    this.#connection.destroy(reason)
  }

  #take(): Caller {
    for (;;) {
      const idle = this.#idle.pop()
      if (idle === undefined) break
      if (idle.isOpen) return idle
    }
    const stream = this.#connection.open()
    if (stream === undefined)
      throw new CallFailed('rpc error getting client: the server takes no more streams', {
        sent: false,
      })
    return new Caller(stream, { clock: this.#clock, concurrent: false })
  }
}

/** The promise's value, unless the signal fires before. */
function within<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise
      .finally(() => signal.removeEventListener('abort', abort))
      .then(resolve, (error: unknown) => reject(error as Error))
  })
}

function isAny(address: string | undefined): boolean {
  return address === undefined || address === '' || address === '0.0.0.0' || address === '::'
}
