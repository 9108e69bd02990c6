import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Address } from '../wire/messages.ts'
import { forSystem, fromSystem } from './address.ts'
import type { DropLog } from './drop-log.ts'

export interface UdpOptions {
  /** An IP literal. An IPv6 one that means any address takes both families. */
  readonly bindAddress: string
  readonly port: number
  readonly log: Log
  readonly metrics: Metrics
  readonly drops: DropLog
  readonly onDatagram: (datagram: Uint8Array, from: Address) => void
}

/** What memberlist asks for: room for a second of a storm. */
export const receiveBufferBytes = 2 << 20
/** A longer burst costs datagrams that come in meanwhile: sending 64 a turn, a half of them. */
const sendsPerTurn = 16
/** Each lane, beside what the system holds. */
const queueMax = 4096
/** What the system may hold of ours before gossip is given up for the sake of answers. */
const unsentBytesMax = 1 << 20

interface Outgoing {
  readonly to: Address
  readonly datagram: Uint8Array
}

/** Rejects with the system's error where the port can't be had. */
export async function openUdp(options: UdpOptions): Promise<Udp> {
  const family = isIPv6(options.bindAddress) ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Addresses are literals. Node would ask for a name with every datagram.
    lookup: (host, _options, done) => done(null, host, family),
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: options.bindAddress, port: options.port }, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  enlargeReceiveBuffer(socket, options.log)
  return new Udp(socket, family, options)
}

/** The datagrams of a pool. Sends are spread over turns of the event loop; answers go before gossip. */
export class Udp implements AsyncDisposable {
  readonly #socket: Socket
  readonly #family: 4 | 6
  readonly #metrics: Metrics
  readonly #drops: DropLog
  #urgent: Outgoing[] = []
  #droppable: Outgoing[] = []
  #sending: NodeJS.Immediate | undefined
  #sentThisTurn = 0
  #closed = false

  constructor(socket: Socket, family: 4 | 6, { onDatagram, metrics, drops, log }: UdpOptions) {
    this.#socket = socket
    this.#family = family
    this.#metrics = metrics
    this.#drops = drops
    socket.on('error', (error) => log.error({ error: error.message }, 'the gossip socket failed'))
    socket.on('message', (datagram, { address, port }) => {
      metrics.count('memberlist.udp.received', datagram.length)
      onDatagram(datagram, fromSystem(address, port))
    })
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Never waits and never fails: what can't be sent is counted. The datagram must not change afterwards. */
  send(to: Address, datagram: Uint8Array, { droppable }: { readonly droppable: boolean }): void {
    if (this.#closed) return
    if (droppable && this.#socket.getSendQueueSize() > unsentBytesMax)
      return this.#drops.note('gossip while the socket is full')
    const lane = droppable ? this.#droppable : this.#urgent
    if (lane.length >= queueMax) return this.#drops.note('a datagram that many are before')
    lane.push({ to, datagram })
    this.#pump()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#sending !== undefined) clearImmediate(this.#sending)
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve)
    })
  }

  /** Sends what this turn may still take, and has the rest wait for the next ones. */
  #pump(): void {
    while (this.#sentThisTurn < sendsPerTurn) {
      const next = this.#urgent.shift() ?? this.#droppable.shift()
      if (next === undefined) break
      this.#sentThisTurn += 1
      this.#transmit(next)
    }
    if (this.#sentThisTurn === 0) return
    this.#sending ??= setImmediate(() => {
      this.#sending = undefined
      this.#sentThisTurn = 0
      this.#pump()
    })
  }

  #transmit({ to, datagram }: Outgoing): void {
    this.#metrics.count('memberlist.udp.sent', datagram.length)
    if (this.#family === 4 && isIPv6(to.host))
      return this.#drops.note('a datagram to another address family')
    this.#socket.send(datagram, to.port, forSystem(to.host, this.#family), (error) => {
      if (error !== null) this.#drops.note('a datagram that the system would not send')
    })
  }
}

/** The kernel grants less than it is asked for without a word, and says twice what it granted. */
function enlargeReceiveBuffer(socket: Socket, log: Log): void {
  try {
    socket.setRecvBufferSize(receiveBufferBytes)
  } catch {
    // What there is then is told below.
  }
  const gotBytes = socket.getRecvBufferSize()
  if (gotBytes < receiveBufferBytes)
    log.warn(
      { wanted_bytes: receiveBufferBytes, got_bytes: gotBytes },
      'the receive buffer for gossip is small: raise net.core.rmem_max',
    )
}
