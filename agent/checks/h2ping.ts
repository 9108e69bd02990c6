import type { ClientHttp2Session } from 'node:http2'

import { faultText, networkTimeoutMs } from './kind.ts'
import type { PeriodicKind } from './kind.ts'
import { openSession } from './session.ts'

/** Passing when an HTTP/2 server answers a ping (RFC 9113 §6.7). Over TLS, unless it is told otherwise. */
export const h2PingCheck: PeriodicKind = {
  name: 'h2ping',
  timeoutMs: networkTimeoutMs,
  accepts: ({ H2PING }) => H2PING !== '',
  async run({ H2PING, H2PingUseTLS, TLSSkipVerify }, { authorities, signal }) {
    let session: ClientHttp2Session
    try {
      const tls = { tls: H2PingUseTLS, skipVerify: TLSSkipVerify, authorities, signal }
      session = await openSession(H2PING, tls)
    } catch (error) {
      return { status: 'critical', output: `Failed to dial to ${H2PING}: ${faultText(error)}` }
    }
    const fault = await ping(session, signal)
    session.destroy()
    return fault === undefined
      ? { status: 'passing', output: 'HTTP2 ping was successful' }
      : { status: 'critical', output: `HTTP2 ping failed: ${fault}` }
  },
}

function ping(session: ClientHttp2Session, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const onAbort = (): void => settle('context deadline exceeded')
    const settle = (fault: string | undefined): void => {
      signal.removeEventListener('abort', onAbort)
      resolve(fault)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    session.once('close', () => settle('http2: client connection lost'))
    session.ping((error: Error | null) => {
      if (error === null) settle(undefined)
    })
    if (signal.aborted) onAbort()
  })
}
