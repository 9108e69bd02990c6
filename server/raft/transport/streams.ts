import { connect, type Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

import { connectionType } from '../../rpc/connection-type.ts'
import { shakeHands } from '../../tls/handshake.ts'

export interface StreamHandlers {
  /** At most once: frames may go both ways. */
  readonly onReady: (stream: Socket) => void
  /** Instead of `onReady`. */
  readonly onFailure: (error: Error) => void
}

/**
 * A stream to another server: TCP, and TLS over it where there are options for that. `address` is `host:port`; an IPv6 host may be
 * in brackets. Disposing ends the attempt, or the stream.
 */
export function dialStream(
  address: string,
  secure: ConnectionOptions | undefined,
  { onReady, onFailure }: StreamHandlers,
): Disposable {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, '$1')
  const port = Number(address.slice(colon + 1))
  if (host === '' || !(port > 0 && port < 65_536)) {
    onFailure(new Error(`'${address}' is no address`))
    return { [Symbol.dispose]() {} }
  }
  const socket = connect({ host, port })
  prepareStream(socket)
  const begin = (stream: Socket): void => {
    stream.write(Uint8Array.of(connectionType.praetorRaft))
    onReady(stream)
  }
  socket.once('error', onFailure)
  socket.once('connect', () => {
    socket.off('error', onFailure)
    if (secure === undefined) return begin(socket)
    socket.write(Uint8Array.of(connectionType.tls))
    shakeHands(socket, secure, { onSecure: begin, onFailure })
  })
  return {
    [Symbol.dispose]() {
      socket.on('error', () => undefined)
      socket.destroy()
    },
  }
}

/** Small messages leave at once, and a peer that is gone without a word is noticed some day even where nothing is said. */
export function prepareStream(socket: Socket): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
}

const keepAliveMs = 10_000
