import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

import type { Clock } from '../runtime/clock.ts'
import { shakeHands } from '../tls/handshake.ts'
import { CallFailed } from './caller.ts'
import { connectionType } from './connection-type.ts'

/** How long a server may take to accept a connection, and to shake hands on it; HashiCorp's figure. */
const connectMs = 10_000
/** The system asks a silent connection whether it lives after this long. */
const keepAliveMs = 15_000

export interface DialOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The address to call from; absent: whichever the system takes. */
  readonly from?: string | undefined
  /** TLS first, and the byte within it. */
  readonly secure?: ConnectionOptions | undefined
}

/**
 * Opens a connection to `host:port` that begins with the byte. Rejects with CallFailed, in the words of Consul and so of Go,
 * when nobody is there or the signal fires.
 */
export function dial(
  address: string,
  firstByte: number,
  { clock, signal, from, secure }: DialOptions,
): Promise<Socket> {
  const caller = from === undefined ? '<nil>' : `${from}:0`
  return new Promise((resolve, reject) => {
    const give = (why: string): void => {
      socket.destroy()
      late.cancel()
      signal.removeEventListener('abort', stop)
      reject(
        new CallFailed(`rpc error getting client: failed to get conn: ${why}`, { sent: false }),
      )
    }
    const fail = (why: string): void => give(`dial tcp ${caller}->${address}: ${why}`)
    const stop = (): void => fail('operation was canceled')
    const socket = connect({
      ...parseAddress(address),
      ...(from === undefined ? {} : { localAddress: from }),
      noDelay: true,
      keepAlive: true,
    })
    socket.setKeepAlive(true, keepAliveMs)
    const late = clock.after(connectMs, () => fail('i/o timeout'))
    const onError = (error: Error): void => fail(inGo(error))
    socket.once('error', onError)
    const begin = (stream: Socket): void => {
      late.cancel()
      signal.removeEventListener('abort', stop)
      stream.write(Uint8Array.of(firstByte))
      resolve(stream)
    }
    socket.once('connect', () => {
      socket.off('error', onError)
      if (secure === undefined) return begin(socket)
      socket.write(Uint8Array.of(connectionType.tls))
      shakeHands(socket, secure, { onSecure: begin, onFailure: ({ message }) => give(message) })
    })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(address.slice(colon + 1)) }
}

const goTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ENETUNREACH: 'connect: network is unreachable',
  EHOSTUNREACH: 'connect: no route to host',
  ETIMEDOUT: 'connect: connection timed out',
  ECONNRESET: 'connect: connection reset by peer',
}

function inGo(error: NodeJS.ErrnoException): string {
  return goTexts[error.code ?? ''] ?? error.message
}
