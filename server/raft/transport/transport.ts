import type { Socket } from 'node:net'

import type { Chance } from '../../runtime/chance.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Tls } from '../../tls/tls.ts'
import type { Outbound, RaftMessage } from '../core/messages.ts'
import { bounds, type NodeId } from '../types.ts'
import type { Hello } from './handshake.ts'
import { Peer, type PeerStats } from './peer.ts'
import { QuietLog } from './quiet-log.ts'
import { Reception } from './reception.ts'
import { ReplicationMetrics } from './replication-metrics.ts'

export interface TransportOptions {
  readonly nodeId: NodeId
  /** Servers of another cluster are neither answered nor heard. */
  readonly clusterId: string
  /** Another number at every start of this server. */
  readonly bootEpoch: number
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  /** Where to dial instead of an address: for tests and proxies that break things. */
  readonly dial?: (address: string) => string
  /** Says for every connection whether it goes over TLS; in the clear without it. */
  readonly tls?: Tls
}

/** Raft between servers, over TCP. Nobody hears of failures here: messages are lost, and connections made again. */
export function createTransport(options: TransportOptions): Transport {
  return new Transport(options)
}

export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions
  readonly #log: QuietLog
  readonly #peers = new Map<NodeId, Known>()
  readonly #reception: Reception
  #onMessage: (from: NodeId, message: RaftMessage) => void = () => {}
  #onUnreachable: (id: NodeId) => void = () => {}
  #beating: Timer
  #beatMs: number
  #stopped = false

  constructor(options: TransportOptions) {
    this.#options = options
    this.#log = new QuietLog(options.log, options.clock)
    this.#reception = new Reception({
      clock: options.clock,
      bootEpoch: options.bootEpoch,
      judge: (hello) => this.#judge(hello),
      onHello: (connection, { bootEpoch, channel, from }) =>
        this.#known(from).peer.accept(channel, connection, bootEpoch),
      onFailure: (who, reason) => this.#failed(who, { from: who, reason }),
    })
    this.#beatMs = options.clock.monotonicMs()
    this.#beating = this.#beatLater()
  }

  /** Who hears what other servers say; one at a time. */
  onMessage(callback: (from: NodeId, message: RaftMessage) => void): void {
    this.#onMessage = callback
  }

  /** Who hears that messages to a peer were lost, or probably were. */
  onUnreachable(callback: (id: NodeId) => void): void {
    this.#onUnreachable = callback
  }

  /** Sends what it can, in one write for each connection, and drops the rest. */
  send(messages: readonly Outbound[]): void {
    const touched: Peer[] = []
    for (const { message, to } of messages) {
      const known = this.#peers.get(to)
      if (known === undefined) continue
      known.metrics.sent(message)
      if (known.peer.offer(message)) touched.push(known.peer)
    }
    for (const peer of touched) peer.flush()
  }

  /** Whom to keep connections to, each with its `host:port`. One that is left out may hear for a while yet why. */
  setPeers(addresses: Readonly<Record<NodeId, string>>): void {
    if (this.#stopped) return
    const { clock, dial, nodeId } = this.#options
    for (const known of this.#peers.values()) known.departedMs ??= clock.monotonicMs()
    for (const [id, address] of Object.entries(addresses)) {
      if (id === nodeId) continue
      const known = this.#known(id)
      known.departedMs = null
      known.peer.dialTo(dial?.(address) ?? address)
    }
  }

  /** Takes a connection whose first byte said that it is for Raft; `rest` is what was read beyond that byte. */
  accept(socket: Socket, rest?: Uint8Array): void {
    if (this.#stopped) return void socket.destroy()
    if (rest !== undefined && rest.length > 0) socket.unshift(rest)
    this.#reception.accept(socket)
  }

  stats(): Readonly<Record<NodeId, PeerStats>> {
    return Object.fromEntries([...this.#peers].map(([id, { peer }]) => [id, peer.stats()]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#beating.cancel()
    for (const { peer } of this.#peers.values()) peer[Symbol.dispose]()
    this.#reception[Symbol.dispose]()
    this.#peers.clear()
  }

  /** Why a server that dialed is not let in. Who is not known as a member yet may have been invited by one that is. */
  #judge({ clusterId, from, to }: Hello): string | undefined {
    const { nodeId } = this.#options
    if (clusterId !== this.#options.clusterId)
      return `it is of cluster '${clusterId}', and this one of '${this.#options.clusterId}'`
    if (to !== nodeId) return `it looks for ${to}, and this is ${nodeId}`
    if (from === nodeId) return `it has this server's own id ${nodeId}`
    if (!this.#peers.has(from) && this.#peers.size >= peersMax) return 'there are too many servers'
    return undefined
  }

  #known(id: NodeId): Known {
    const known = this.#peers.get(id)
    if (known !== undefined) return known
    const { bootEpoch, chance, clock, clusterId, log, metrics, nodeId, tls } = this.#options
    const timings = new ReplicationMetrics(metrics, clock, id)
    const peer = new Peer({
      hello: { bootEpoch, clusterId, from: nodeId, to: id },
      secure: () => tls?.now.outgoing,
      clock,
      chance,
      onMessage: (message) => {
        timings.received(message)
        this.#onMessage(id, message)
      },
      onUnreachable: () => {
        if (!this.#stopped) this.#onUnreachable(id)
      },
      onConnected: () => {
        this.#log.forget(id)
        log.info({ peer: id }, 'raft: connected to a server')
      },
      onFailure: (channel, reason) => this.#failed(id, { peer: id, channel, reason }),
    })
    // Until somebody says that it is a member.
    const fresh = { peer, metrics: timings, departedMs: clock.monotonicMs() }
    this.#peers.set(id, fresh)
    return fresh
  }

  #failed(subject: string, fields: object): void {
    if (!this.#stopped) this.#log.warn(subject, fields, 'raft: no connection to a server')
  }

  #beatLater(): Timer {
    return this.#options.clock.after(beatMs, () => {
      this.#beat()
      this.#beating = this.#beatLater()
    })
  }

  #beat(): void {
    const nowMs = this.#options.clock.monotonicMs()
    const stoodStill = nowMs - this.#beatMs > 2 * beatMs
    this.#beatMs = nowMs
    for (const [id, { departedMs, peer }] of this.#peers) {
      peer.beat(nowMs, stoodStill)
      if (departedMs === null || nowMs - departedMs < farewellMs) continue
      peer.dialTo(null)
      if (!peer.isGuest) this.#forget(id)
    }
  }

  #forget(id: NodeId): void {
    this.#peers.get(id)?.peer[Symbol.dispose]()
    this.#peers.delete(id)
  }
}

interface Known {
  readonly peer: Peer
  readonly metrics: ReplicationMetrics
  /** Since when it is no member; null while it is one. */
  departedMs: number | null
}

/** Several fit into the silence after which a connection is given up. */
const beatMs = 500
/** How long a server that is no member any more is still told why. */
const farewellMs = 5000
/** Two memberships while one becomes the other. */
const peersMax = 2 * bounds.membersMax
