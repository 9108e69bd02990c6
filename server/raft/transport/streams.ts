import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectSecurely, createServer, type SecureContextOptions } from 'node:tls'

import { connectionType } from '../../rpc/connection-type.ts'

/**
 * Both sides prove who they are, by TLS 1.3 and an authority that both trust. It begins after the byte that says what the
 * connection is for.
 */
export interface Security {
  readonly server: SecureContextOptions
  readonly client: SecureContextOptions
  /** The name that a server's certificate must carry; without one, being signed by the authority is enough. */
  readonly serverName?: string
}

export interface StreamHandlers {
  /** At most once: frames may go both ways. */
  readonly onReady: (stream: Duplex) => void
  /** Instead of `onReady`. */
  readonly onFailure: (error: Error) => void
}

/** Streams to and from other servers: plain TCP, or TLS over it. */
export interface Streams {
  /** `address` is `host:port`; an IPv6 host may be in brackets. Disposing ends the attempt, or the stream. */
  dial(address: string, handlers: StreamHandlers): Disposable
  /** A connection that was accepted, after its first byte. */
  accept(socket: Socket, handlers: StreamHandlers): void
}

export function createStreams(secure: Security | undefined): Streams {
  return secure === undefined ? plainStreams : secureStreams(secure)
}

const plainStreams: Streams = {
  dial: (address, handlers) => dialPlainly(address, handlers),
  accept(socket, { onReady }) {
    prepare(socket)
    onReady(socket)
  },
}

function secureStreams(secure: Security): Streams {
  return {
    dial(address, handlers) {
      return dialPlainly(address, {
        ...handlers,
        onReady: (socket) => secureDialed(socket, secure, handlers),
      })
    },
    accept(socket, handlers) {
      prepare(socket)
      secureAccepted(socket, secure, handlers)
    },
  }
}

function dialPlainly(address: string, handlers: StreamHandlers): Disposable {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, '$1')
  const port = Number(address.slice(colon + 1))
  if (host === '' || !(port > 0 && port < 65_536)) {
    handlers.onFailure(new Error(`'${address}' is no address`))
    return { [Symbol.dispose]() {} }
  }
  const socket = connect({ host, port })
  prepare(socket)
  socket.once('error', handlers.onFailure)
  socket.once('connect', () => {
    socket.off('error', handlers.onFailure)
    socket.write(Uint8Array.of(connectionType.praetorRaft))
    handlers.onReady(socket)
  })
  return {
    [Symbol.dispose]() {
      socket.on('error', () => undefined)
      socket.destroy()
    },
  }
}

function secureDialed(socket: Duplex, secure: Security, handlers: StreamHandlers): void {
  const { client, serverName } = secure
  const stream = connectSecurely({
    ...client,
    ...(serverName === undefined
      ? { checkServerIdentity: () => undefined }
      : { servername: serverName }),
    socket,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
  })
  stream.once('error', handlers.onFailure)
  stream.once('secureConnect', () => {
    stream.off('error', handlers.onFailure)
    handlers.onReady(stream)
  })
}

/** A server of its own for one connection, which is given to it: only a server of node:tls asks for proof and checks it. */
function secureAccepted(socket: Socket, secure: Security, handlers: StreamHandlers): void {
  const server = createServer({
    ...secure.server,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeMs,
  })
  const fail = (error: Error): void => {
    socket.destroy()
    handlers.onFailure(error)
  }
  server.once('tlsClientError', fail)
  server.once('secureConnection', (stream) => {
    server.off('tlsClientError', fail)
    handlers.onReady(stream)
  })
  server.emit('connection', socket)
}

/** Small messages leave at once, and a peer that is gone without a word is noticed some day even where nothing is said. */
function prepare(socket: Socket): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
}

const keepAliveMs = 10_000
const handshakeMs = 5_000
