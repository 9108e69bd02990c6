import { connect } from 'node:net'
import type { Socket } from 'node:net'

import type { Clock } from '../runtime/clock.ts'
import { CallFailed } from './caller.ts'

/** How long a server may take to accept a connection; HashiCorp's figure. */
const connectMs = 10_000
/** The system asks a silent connection whether it lives after this long. */
const keepAliveMs = 15_000

export interface DialOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The address to call from; absent: whichever the system takes. */
  readonly from?: string | undefined
}

/**
 * Opens a connection to `host:port` that begins with the byte. Rejects with CallFailed, in the words of Consul and so of Go,
 * when nobody is there or the signal fires.
 */
export function dial(
  address: string,
  firstByte: number,
  { clock, signal, from }: DialOptions,
): Promise<Socket> {
  const caller = from === undefined ? '<nil>' : `${from}:0`
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      socket.destroy()
      late.cancel()
      signal.removeEventListener('abort', stop)
      reject(
        new CallFailed(
          `rpc error getting client: failed to get conn: dial tcp ${caller}->${address}: ${why}`,
          { sent: false },
        ),
      )
    }
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
    socket.once('connect', () => {
      late.cancel()
      socket.off('error', onError)
      signal.removeEventListener('abort', stop)
      socket.write(Uint8Array.of(firstByte))
      resolve(socket)
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
