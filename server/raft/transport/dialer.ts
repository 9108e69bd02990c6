import type { ConnectionOptions } from 'node:tls'

import type { Chance } from '../../runtime/chance.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { PeerConnection } from './connection.ts'
import { frameKinds } from './frame.ts'
import { decodeRefusal, decodeWelcome, encodeHello, type Hello } from './handshake.ts'
import { dialStream } from './streams.ts'

export interface DialerOptions {
  readonly hello: Hello
  /** TLS as it is now; undefined for none. */
  readonly secure: () => ConnectionOptions | undefined
  readonly clock: Clock
  readonly chance: Chance
  /** Welcomed by that life of the peer. To be admitted by whoever takes it; `lost` is told when it breaks. */
  readonly onWelcome: (connection: PeerConnection, bootEpoch: number) => void
  /** An attempt came to nothing. Another will follow. */
  readonly onFailure: (reason: string) => void
}

/**
 * Makes a connection, and another when that one is lost, for ever. Between attempts pass 50 ms, doubling to a second, each less up
 * to half of it by chance, so that servers that lost each other at one moment do not meet again at the same moments.
 */
export class Dialer implements Disposable {
  readonly #options: DialerOptions
  #address: string | null = null
  #delayMs = delayMinMs
  #attempt: Disposable | null = null
  #waiting: Timer | null = null
  #isConnected = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** An attempt is under way, so there may soon be a connection. */
  get isDialing(): boolean {
    return this.#attempt !== null
  }

  /** `host:port`; null to dial no more. A connection that stands is kept until it breaks, wherever it goes. */
  dialTo(address: string | null): void {
    if (address === this.#address) return
    this.#giveUp()
    this.#address = address
    this.#delayMs = delayMinMs
    if (!this.#isConnected) this.#dial()
  }

  /** The connection that was given out broke. One that had stood for a while was a good one: the next is dialed soon. */
  lost(stoodMs: number): void {
    this.#isConnected = false
    if (stoodMs > steadyMs) this.#delayMs = delayMinMs
    this.#dialLater()
  }

  [Symbol.dispose](): void {
    this.dialTo(null)
  }

  #dial(): void {
    if (this.#address === null) return
    const attempt = new Attempt(this.#address, this.#options, {
      onWelcome: (connection, bootEpoch) => {
        this.#attempt = null
        this.#isConnected = true
        this.#options.onWelcome(connection, bootEpoch)
      },
      onFailure: (reason) => {
        this.#attempt = null
        this.#dialLater()
        this.#options.onFailure(reason)
      },
    })
    this.#attempt = attempt
    attempt.begin()
  }

  #dialLater(): void {
    if (this.#address === null) return
    const { chance, clock } = this.#options
    const delayMs = this.#delayMs * (1 - chance.fraction() / 2)
    this.#delayMs = Math.min(delayMaxMs, this.#delayMs * 2)
    this.#waiting = clock.after(delayMs, () => {
      this.#waiting = null
      this.#dial()
    })
  }

  #giveUp(): void {
    this.#waiting?.cancel()
    this.#waiting = null
    this.#attempt?.[Symbol.dispose]()
    this.#attempt = null
  }
}

const delayMinMs = 50
const delayMaxMs = 1000
const steadyMs = 1000

/** From the first packet to the welcome. Ends by one of its handlers, or silently when it is disposed of. */
class Attempt implements Disposable {
  readonly #address: string
  readonly #options: Pick<DialerOptions, 'hello' | 'secure' | 'clock'>
  readonly #handlers: Pick<DialerOptions, 'onWelcome' | 'onFailure'>
  #stream: Disposable | null = null
  #deadline: Timer | null = null
  #isOver = false

  constructor(
    address: string,
    options: Pick<DialerOptions, 'hello' | 'secure' | 'clock'>,
    handlers: Pick<DialerOptions, 'onWelcome' | 'onFailure'>,
  ) {
    this.#address = address
    this.#options = options
    this.#handlers = handlers
  }

  begin(): void {
    const { clock, hello, secure } = this.#options
    this.#deadline = clock.after(attemptMs, () => this.#fail(`no answer within ${attemptMs} ms`))
    this.#stream = dialStream(this.#address, secure(), {
      onReady: (stream) => {
        const connection: PeerConnection = new PeerConnection(stream, 'dialed', clock, {
          onFrame: (kind, body) => {
            if (kind === frameKinds.welcome) this.#welcomed(connection, decodeWelcome(body))
            else if (kind === frameKinds.refusal) this.#fail(`refused: ${decodeRefusal(body)}`)
            else this.#fail('it did not greet')
          },
          onDrain: () => {},
          onClose: (reason) => this.#fail(reason),
        })
        encodeHello(connection.writer, hello)
        connection.flush()
      },
      onFailure: (error) => this.#fail(error.message),
    })
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#deadline?.cancel()
    this.#stream?.[Symbol.dispose]()
  }

  #welcomed(connection: PeerConnection, bootEpoch: number): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#deadline?.cancel()
    this.#handlers.onWelcome(connection, bootEpoch)
  }

  #fail(reason: string): void {
    if (this.#isOver) return
    this[Symbol.dispose]()
    this.#handlers.onFailure(reason)
  }
}

const attemptMs = 3000
