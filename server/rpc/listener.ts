import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

import { assert } from '../model/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { Acceptor } from '../tls/acceptor.ts'
import type { Tls } from '../tls/tls.ts'
import { Admission, defaultAdmissionLimits } from './admission.ts'
import type { AdmissionLimits } from './admission.ts'
import { connectionType } from './connection-type.ts'

/** Takes over a connection whose first byte was read; what followed that byte is still in the socket. */
export type ConnectionHandler = (socket: Socket) => void

export interface ListenerConfig {
  /** Who takes a connection that begins with the byte (connection-type.ts). Any other byte ends the connection. */
  readonly handlers: Readonly<Partial<Record<number, ConnectionHandler>>>
  /** Of those, the bytes of connections that go on after the other side closed its half. */
  readonly halfOpen?: readonly number[]
  /** Loopback unless told otherwise: a port that takes calls is opened to a network only on purpose. */
  readonly host?: string
  /** 0 takes any free one. */
  readonly port: number
  readonly limits?: Partial<AdmissionLimits>
  /** What is spoken behind the byte for TLS, and whether all must begin with it. Without it that byte is one more unknown one. */
  readonly tls?: Tls
  /** How long a new connection may keep its first byte to itself, and shake hands (Consul's `rpc_handshake_timeout`); 0 for ever. */
  readonly handshakeMs?: number
}

export interface ListenerWorld {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

const handshakeDefaultMs = 5_000

/** Listens; resolves once connections are taken, rejects where the address can't be had. */
export async function createListener(
  config: ListenerConfig,
  world: ListenerWorld,
): Promise<Listener> {
  const listener = new Listener(config, world)
  await listener.listen(config.port, config.host ?? '127.0.0.1')
  return listener
}

/**
 * The server port: calls, multiplexed calls and Raft share it, told apart by their first byte. The address can be taken again
 * at once after a restart, since libuv sets SO_REUSEADDR wherever that means no more than this.
 */
export class Listener implements AsyncDisposable {
  readonly #config: ListenerConfig
  readonly #world: ListenerWorld
  readonly #admission: Admission
  readonly #server: Server
  readonly #secure: Acceptor | undefined
  readonly #sockets = new Set<Socket>()

  constructor(config: ListenerConfig, world: ListenerWorld) {
    this.#config = config
    this.#world = world
    this.#admission = new Admission({ ...defaultAdmissionLimits, ...config.limits })
    const { tls } = config
    this.#secure =
      tls &&
      new Acceptor({
        settings: () => tls.now.rpc,
        handshakeMs: this.#handshakeMs,
        onSecure: (socket) => this.#begin(socket, 'secure'),
        onFailure: (err, client) => world.log.warn({ client, err }, 'TLS handshake failed'),
      })
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
      this.#take(socket),
    )
  }

  get address(): { readonly host: string; readonly port: number } {
    const address = this.#server.address() as AddressInfo | null
    assert(address !== null, 'the listener listens')
    return { host: address.address, port: address.port }
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#admission.total
  }

  listen(port: number, host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) => this.#world.log.error({ err: error }, 'listener'))
        resolve()
      })
    })
  }

  /** Ends every connection, and takes no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** For connections to come. */
  limit(limits: Partial<AdmissionLimits>): void {
    this.#admission.change(limits)
  }

  get #handshakeMs(): number {
    return this.#config.handshakeMs ?? handshakeDefaultMs
  }

  #take(socket: Socket): void {
    const { log, metrics } = this.#world
    const client = socket.remoteAddress ?? ''
    const refusal = this.#admission.enter(client)
    if (refusal !== undefined) {
      metrics.count('rpc.connection_refused', 1, { limit: refusal })
      log.warn({ client, limit: refusal }, 'connection refused: too many')
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    metrics.count('rpc.accept_conn')
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#admission.leave(client)
    })
    this.#begin(socket, 'plain')
  }

  /** Reads the first byte; within TLS there is another. */
  #begin(socket: Socket, how: Transport): void {
    const { log, clock } = this.#world
    const client = socket.remoteAddress ?? ''
    const giveUp = (): void => {
      log.warn({ client }, 'connection closed: it never said what it is')
      socket.destroy()
    }
    const late = this.#handshakeMs > 0 ? clock.after(this.#handshakeMs, giveUp) : undefined
    // A connection may break at any time; whoever has it by then hears of its close.
    socket.on('error', (error) => log.debug({ client, err: error }, 'connection broke'))
    socket.once('close', () => late?.cancel())
    const begin = (): void => {
      const first = socket.read(1) as Buffer | null
      if (first === null) return
      socket.off('readable', begin)
      late?.cancel()
      this.#dispatch(socket, how, first[0])
    }
    socket.on('readable', begin)
    // Without data there is no `readable` to see the end by.
    socket.once('end', destroySoon)
  }

  #dispatch(socket: Socket, how: Transport, byte: number | undefined): void {
    const { log, metrics } = this.#world
    const client = socket.remoteAddress ?? ''
    if (how === 'plain' && this.#secure !== undefined && byte === connectionType.tls) {
      socket.off('end', destroySoon)
      return this.#secure.accept(socket)
    }
    if (how === 'plain' && this.#config.tls?.now.verifyIncomingRpc === true) {
      log.warn({ client }, 'Non-TLS connection attempted with VerifyIncoming set')
      return void socket.destroy()
    }
    const handler = byte === undefined ? undefined : this.#config.handlers[byte]
    if (handler) {
      if (byte !== undefined && this.#config.halfOpen?.includes(byte))
        socket.off('end', destroySoon)
      return handler(socket)
    }
    metrics.count('rpc.unrecognized_byte')
    log.warn({ client, byte }, 'unrecognized RPC byte')
    socket.destroy()
  }
}

type Transport = 'plain' | 'secure'

function destroySoon(this: Socket): void {
  this.destroySoon()
}
