import type { RaftMessage } from '../core/messages.ts'
import type { ByteReader } from './bytes.ts'
import { decodeMessage } from './codec.ts'
import type { PeerConnection } from './connection.ts'
import { channels, type Channel, type Hello } from './handshake.ts'
import { Lane, type LaneOptions } from './lane.ts'
import { PayloadArena } from './payload-arena.ts'

export interface PeerOptions extends Pick<LaneOptions, 'secure' | 'clock' | 'chance'> {
  /** What this server says of itself to it, but for the channel. */
  readonly hello: Omit<Hello, 'channel'>
  readonly onMessage: (message: RaftMessage) => void
  /** What was pipelined to it may be lost. */
  readonly onUnreachable: () => void
  readonly onConnected: () => void
  readonly onFailure: (channel: Channel, reason: string) => void
}

/** Figures of the traffic with one other server. */
export interface PeerStats {
  readonly bytesIn: number
  readonly bytesOut: number
  /** Messages that were never sent. */
  readonly dropped: number
  /** Both channels stand. */
  readonly connected: boolean
  /** Of the last ping on the control channel; null before one came back. */
  readonly rttMs: number | null
}

/** Another server: its two lanes, and which life of it they lead to. */
export class Peer implements Disposable {
  readonly #options: PeerOptions
  readonly #lanes: Readonly<Record<Channel, Lane>>
  readonly #traffic = { bytesIn: 0, bytesOut: 0 }
  #bootEpoch: number | null = null
  #dropped = 0
  #wasConnected = false
  /** Something pipelined was dropped since the last flush. */
  #hasLost = false
  #isTouched = false

  constructor(options: PeerOptions) {
    this.#options = options
    this.#lanes = { control: this.#lane('control'), bulk: this.#lane('bulk') }
  }

  get isConnected(): boolean {
    return this.#lanes.control.isReady && this.#lanes.bulk.isReady
  }

  /** It dialed us and has not gone. */
  get isGuest(): boolean {
    return channels.some((channel) => this.#lanes[channel].hasAccepted)
  }

  dialTo(address: string | null): void {
    for (const channel of channels) this.#lanes[channel].dialTo(address)
  }

  /** To be followed by `flush`. Returns whether it is the first since the last one. */
  offer(message: RaftMessage): boolean {
    const channel = channelOf(message)
    const dropped = this.#lanes[channel].offer(message)
    if (dropped > 0) {
      this.#dropped += dropped
      if (channel === 'bulk') this.#hasLost = true
    }
    const isFirst = !this.#isTouched
    this.#isTouched = true
    return isFirst
  }

  flush(): void {
    this.#isTouched = false
    this.#lanes.control.flush()
    this.#lanes.bulk.flush()
    if (!this.#hasLost) return
    this.#hasLost = false
    this.#options.onUnreachable()
  }

  /** Takes over a connection of that life of the peer. */
  accept(channel: Channel, connection: PeerConnection, bootEpoch: number): void {
    this.#meet(bootEpoch)
    this.#lanes[channel].accept(connection)
  }

  beat(nowMs: number, stoodStill: boolean): void {
    for (const channel of channels) {
      if (stoodStill) this.#lanes[channel].forgiveSilence(nowMs)
      this.#lanes[channel].beat(nowMs)
    }
  }

  stats(): PeerStats {
    const { bytesIn, bytesOut } = this.#traffic
    const { rttMs } = this.#lanes.control
    return { bytesIn, bytesOut, dropped: this.#dropped, connected: this.isConnected, rttMs }
  }

  [Symbol.dispose](): void {
    for (const channel of channels) this.#lanes[channel][Symbol.dispose]()
  }

  #lane(channel: Channel): Lane {
    const { hello, onFailure, onMessage, onUnreachable, ...world } = this.#options
    const arena = new PayloadArena()
    return new Lane({
      ...world,
      hello: { ...hello, channel },
      traffic: this.#traffic,
      queueBytesMax: queueBytesMax[channel],
      onFrame: (kind: number, body: ByteReader) => onMessage(decodeMessage(kind, body, arena)),
      onMeet: (bootEpoch) => this.#meet(bootEpoch),
      onReady: () => this.#noteConnected(),
      onFailure: (reason) => {
        this.#wasConnected &&= this.isConnected
        onFailure(channel, reason)
      },
      onLost() {
        if (channel === 'bulk') onUnreachable()
      },
    })
  }

  /** It was started anew: connections to its earlier life are dead, even if they do not know it yet. */
  #meet(bootEpoch: number): void {
    if (this.#bootEpoch !== null && this.#bootEpoch !== bootEpoch)
      for (const channel of channels) this.#lanes[channel].disconnect('it was started anew')
    this.#bootEpoch = bootEpoch
  }

  #noteConnected(): void {
    if (this.#wasConnected || !this.isConnected) return
    this.#wasConnected = true
    this.#options.onConnected()
  }
}

/** What waits for a connection that has no room; on the bulk channel twice what a leader sends ahead. */
const queueBytesMax: Readonly<Record<Channel, number>> = { control: 1 << 20, bulk: 16 << 20 }

function channelOf({ kind }: RaftMessage): Channel {
  return kind === 'append' || kind === 'snapshotChunk' ? 'bulk' : 'control'
}
