import { chmod, chown, rm } from 'node:fs/promises'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TlsOptions } from 'node:tls'

import { must } from '../server/model/assert.ts'
import type { Clock } from '../server/runtime/clock.ts'
import { http } from '../server/runtime/node-http.ts'
import { Acceptor } from '../server/tls/acceptor.ts'
import { servePlain } from './plain/connection.ts'
import { httpDate } from './plain/date.ts'

/** Where to listen: a TCP port (0 for any that is free), or a Unix socket with its permissions. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | {
      readonly socketPath: string
      readonly mode?: number
      readonly uid?: number
      readonly gid?: number
    }

/** HTTPS: with what settings, asked for every connection, and how long a handshake may take. */
export interface SecureListening {
  readonly settings: () => TlsOptions
  readonly handshakeMs: number
}

export interface Listener {
  /** As it came to be: with the port that was chosen. */
  readonly address: ListenAddress
  close(): Promise<void>
}

/** A connection that asks for nothing is closed after this; clients give up on idle ones much earlier. */
const idleTimeoutMs = 600_000
/** How long a request's head, and all of it, may take to arrive. How long its answer takes is the handler's affair. */
const headersTimeoutMs = 60_000
const requestTimeoutMs = 300_000
/** Go's limit, path and query included. */
const headersSizeMaxBytes = 1024 * 1024

interface ListenOptions {
  readonly connectionsPerClientMax: number
  readonly clock: Clock
  /** Absent: HTTP in the clear. */
  readonly over?: SecureListening
  /** Whether requests or answers at that URL are streams. */
  readonly isStreamed: (url: string) => boolean
  /** The listener goes on, but could not take a connection: too many are open, most likely. */
  readonly onTrouble: (error: Error) => void
}

/** Serves the handler at the address. Rejects when the address can't be had. */
export async function listen(
  address: ListenAddress,
  handle: RequestListener,
  options: ListenOptions,
): Promise<Listener> {
  const server = http.createServer(
    {
      keepAliveTimeout: idleTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      maxHeaderSize: headersSizeMaxBytes,
    },
    handle,
  )
  server.on('clientError', refuseGarbage)
  servePlainly(server, handle, options)
  const sockets = track(server)
  limitConnections(server, options.connectionsPerClientMax)
  await bind(server, address)
  server.on('error', options.onTrouble)
  return {
    address: boundAddress(server, address),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        // Long polls would hold the door open for minutes; their clients ask another server.
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** Every connection is ours first, and becomes the server's when it must. */
function servePlainly(
  server: Server,
  handle: RequestListener,
  { clock, isStreamed, over }: ListenOptions,
): void {
  const serve = must(server.listeners('connection')[0], 'node:http takes connections')
  server.removeAllListeners('connection')
  const date = httpDate(clock)
  const take = (socket: Socket): void => {
    const handOver = (): void => serve.call(server, socket)
    servePlain(socket, { handle, date, idleTimeoutMs, isStreamed, handOver })
  }
  server.on('connection', over === undefined ? take : securing(over, take))
}

/** The connections that are open. */
function track(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/** Shakes hands first. Who asks in the clear is told so, as Go does. */
function securing(over: SecureListening, take: (socket: Socket) => void): (socket: Socket) => void {
  const acceptor = new Acceptor({ ...over, onSecure: take, onFailure: () => undefined })
  return (socket) => {
    const fail = (): void => void socket.destroy()
    socket.setTimeout(over.handshakeMs, fail)
    socket.once('error', fail)
    socket.once('end', fail)
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null
      if (first === null) return
      socket.setTimeout(0)
      if (isHttp(first)) {
        socket.end(inTheClear)
        return
      }
      socket.off('error', fail).off('end', fail)
      socket.unshift(first)
      acceptor.accept(socket)
    })
  }
}

function isHttp(bytes: Buffer): boolean {
  return /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) /.test(
    bytes.toString('latin1', 0, 8),
  )
}

const inTheClear =
  'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'

async function bind(server: Server, address: ListenAddress): Promise<void> {
  // A socket file that a crash left behind would be in the way.
  if ('socketPath' in address) await rm(address.socketPath, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      'socketPath' in address
        ? { path: address.socketPath }
        : { host: address.host, port: address.port },
      () => {
        server.off('error', reject)
        resolve()
      },
    )
  })
  if (!('socketPath' in address)) return
  if (address.mode !== undefined) await chmod(address.socketPath, address.mode)
  if (address.uid !== undefined || address.gid !== undefined)
    await chown(address.socketPath, address.uid ?? -1, address.gid ?? -1)
}

function boundAddress(server: Server, asked: ListenAddress): ListenAddress {
  return 'socketPath' in asked
    ? asked
    : { host: asked.host, port: (server.address() as AddressInfo).port }
}

/** What Go answers to what is no HTTP, to a head that is too large, and to one that takes too long. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = refusals[error.code ?? ''] ?? '400 Bad Request'
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
  )
}

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** One address may hold so many connections; those beyond are closed before they can ask. */
function limitConnections(server: Server, perClientMax: number): void {
  if (perClientMax <= 0) return
  const held = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const client = socket.remoteAddress
    // Unix sockets have no address and no limit.
    if (client === undefined) return
    const count = (held.get(client) ?? 0) + 1
    if (count > perClientMax) {
      socket.destroy()
      return
    }
    held.set(client, count)
    socket.once('close', () => {
      const left = (held.get(client) ?? 1) - 1
      if (left === 0) held.delete(client)
      else held.set(client, left)
    })
  })
}
