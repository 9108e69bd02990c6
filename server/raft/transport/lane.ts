import type { Clock } from '../../runtime/clock.ts'
import type { RaftMessage } from '../core/messages.ts'
import type { ByteReader } from './bytes.ts'
import { encodeMessage } from './codec.ts'
import type { PeerConnection, Traffic } from './connection.ts'
import { Dialer, type DialerOptions } from './dialer.ts'
import { OutboundQueue } from './outbound-queue.ts'

export interface LaneOptions extends Omit<DialerOptions, 'onWelcome'> {
  readonly clock: Clock
  readonly traffic: Traffic
  readonly queueBytesMax: number
  readonly onFrame: (kind: number, body: ByteReader) => void
  /** That life of the peer welcomed us: before the connection is used. */
  readonly onMeet: (bootEpoch: number) => void
  /** There is a connection to send on. */
  readonly onReady: () => void
  /** Messages were lost: dropped here, or perhaps on their way when their connection broke. */
  readonly onLost: () => void
}

/**
 * One channel to one peer. It sends on the connection that it dialed, or else on the one that the peer did: so a server that was
 * just invited can answer a leader whose address it does not know, and one way is enough where the other is blocked.
 *
 * What is sent while there is none but one is being dialed, waits; otherwise it is lost, as a network would have it.
 */
export class Lane implements Disposable {
  readonly #options: LaneOptions
  readonly #queue: OutboundQueue
  readonly #dialer: Dialer
  #dialed: PeerConnection | null = null
  #dialedAtMs = 0
  #accepted: PeerConnection | null = null
  /** The one to send on: until it breaks, so that messages stay in order. */
  #ready: PeerConnection | null = null

  constructor(options: LaneOptions) {
    this.#options = options
    this.#queue = new OutboundQueue(options.queueBytesMax)
    this.#dialer = new Dialer({
      ...options,
      onWelcome: (connection, bootEpoch) => this.#welcomed(connection, bootEpoch),
      onFailure: (reason) => {
        this.#loseWaiting()
        options.onFailure(reason)
      },
    })
  }

  get isReady(): boolean {
    return this.#ready !== null
  }

  get hasAccepted(): boolean {
    return this.#accepted !== null
  }

  /** Of the last ping that came back. */
  get rttMs(): number | null {
    return this.#dialed?.rttMs ?? null
  }

  dialTo(address: string | null): void {
    this.#dialer.dialTo(address)
  }

  /** Returns how many messages were lost by it. To be followed by `flush` when the turn's last message was offered. */
  offer(message: RaftMessage): number {
    const ready = this.#ready
    if (ready !== null && this.#queue.isEmpty && ready.hasRoom) {
      encodeMessage(ready.writer, message)
      return 0
    }
    if (ready === null && !this.#dialer.isDialing) return 1
    return this.#queue.push(message)
  }

  flush(): void {
    const ready = this.#ready
    if (ready === null) return
    this.#queue.drain(
      () => ready.hasRoom,
      (message) => encodeMessage(ready.writer, message),
    )
    ready.flush()
  }

  /** Takes over a connection that the peer dialed and that was welcomed. It takes the place of an earlier one. */
  accept(connection: PeerConnection): void {
    this.#accepted?.close('the peer dialed again')
    this.#accepted = connection
    this.#takeOver(connection)
  }

  beat(nowMs: number): void {
    this.#dialed?.beat(nowMs)
    this.#accepted?.beat(nowMs)
  }

  /** The process stood still, so the silence proves nothing. */
  forgiveSilence(nowMs: number): void {
    if (this.#dialed !== null) this.#dialed.heardMs = nowMs
    if (this.#accepted !== null) this.#accepted.heardMs = nowMs
  }

  /** Ends what stands; goes on dialing if there is an address. */
  disconnect(reason: string): void {
    this.#dialed?.close(reason)
    this.#accepted?.close(reason)
  }

  [Symbol.dispose](): void {
    this.#dialer[Symbol.dispose]()
    this.disconnect('this server stops')
    this.#queue.clear()
  }

  #welcomed(connection: PeerConnection, bootEpoch: number): void {
    this.#options.onMeet(bootEpoch)
    this.#dialed = connection
    this.#dialedAtMs = this.#options.clock.monotonicMs()
    this.#takeOver(connection)
  }

  #takeOver(connection: PeerConnection): void {
    const { onFrame, onReady, traffic } = this.#options
    connection.admit(traffic, {
      onFrame,
      onDrain: () => this.flush(),
      onClose: (reason) => this.#closed(connection, reason),
    })
    this.#ready ??= connection
    // The last word of its greeting may wait in it.
    connection.flush()
    this.flush()
    onReady()
  }

  #closed(connection: PeerConnection, reason: string): void {
    if (connection === this.#accepted) this.#accepted = null
    if (connection === this.#dialed) {
      const { clock, onFailure } = this.#options
      this.#dialed = null
      this.#dialer.lost(clock.monotonicMs() - this.#dialedAtMs)
      onFailure(reason)
    }
    if (connection !== this.#ready) return
    this.#ready = this.#dialed ?? this.#accepted
    // What waited was to follow what is lost now.
    this.#queue.clear()
    this.#options.onLost()
  }

  #loseWaiting(): void {
    if (this.#ready === null && this.#queue.clear() > 0) this.#options.onLost()
  }
}
