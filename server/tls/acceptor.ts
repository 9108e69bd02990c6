import type { Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Server, TlsOptions as ServerOptions, TLSSocket } from 'node:tls'

export interface AcceptorOptions {
  /** What is in force now. Connections that are made already keep what they began with. */
  readonly settings: () => ServerOptions
  readonly handshakeMs: number
  readonly onSecure: (socket: TLSSocket) => void
  /** The connection is gone. */
  readonly onFailure: (error: Error, client: string) => void
}

/**
 * Shakes hands on connections that somebody else accepted. Each is given to a server of node:tls that does not listen: only such
 * a one asks for proof and checks it.
 */
export class Acceptor {
  readonly #options: AcceptorOptions
  #made: { readonly settings: ServerOptions; readonly server: Server } | undefined

  constructor(options: AcceptorOptions) {
    this.#options = options
  }

  /** Takes over a connection that may be half open, with what was read of it and put back. */
  accept(socket: Socket): void {
    // Who goes before the handshake is over has gone: nothing half open is to wait for its timeout.
    socket.allowHalfOpen = false
    this.#server().emit('connection', socket)
  }

  #server(): Server {
    const { settings, handshakeMs, onSecure, onFailure } = this.#options
    const now = settings()
    if (this.#made?.settings === now) return this.#made.server
    const server = createServer({ ...now, handshakeTimeout: handshakeMs })
    server.on('secureConnection', (socket) => {
      socket.allowHalfOpen = true
      onSecure(socket)
    })
    server.on('tlsClientError', (error, socket) => {
      const client = socket.remoteAddress ?? ''
      socket.destroy()
      onFailure(error, client)
    })
    this.#made = { settings: now, server }
    return server
  }
}
