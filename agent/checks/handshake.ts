import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import { checkServerIdentity, connect } from 'node:tls'
import type { PeerCertificate, TLSSocket } from 'node:tls'

import type { Authorities } from './authorities.ts'
import { CheckFault } from './kind.ts'

export interface HandshakeOptions {
  /** Whom the certificate must name: a name or an IP address. */
  readonly host: string
  /** Takes any certificate. */
  readonly skipVerify: boolean
  readonly authorities: Authorities
  /** What to speak then (ALPN), the most wanted first. */
  readonly protocols: readonly string[]
  readonly signal: AbortSignal
}

/** TLS over a connection; rejects with a CheckFault in the words of Go's TLS, and destroys the connection then. */
export function handshake(
  socket: Socket,
  { host, skipVerify, authorities, protocols, signal }: HandshakeOptions,
): Promise<TLSSocket> {
  const { own } = authorities
  const name = own?.serverName ?? host
  return new Promise((resolve, reject) => {
    const secured = connect({
      socket,
      // Judged below, since Go looks at the name before the authority.
      rejectUnauthorized: false,
      ALPNProtocols: [...protocols],
      ...(own === undefined && skipVerify
        ? {}
        : { secureContext: own?.context ?? authorities.context }),
      ...(isIP(name) === 0 ? { servername: name } : {}),
    })
    const settle = (fault?: string): void => {
      signal.removeEventListener('abort', onAbort)
      socket.off('close', onClose)
      secured.removeAllListeners('secureConnect').removeAllListeners('error')
      secured.on('error', () => undefined)
      if (fault === undefined) return resolve(secured)
      secured.destroy()
      reject(new CheckFault(fault))
    }
    const onAbort = (): void => settle('context deadline exceeded')
    const onClose = (): void => settle('EOF')
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('close', onClose)
    secured.once('error', (error) => settle(describeTlsError(error)))
    secured.once('secureConnect', () => settle(skipVerify ? undefined : findFault(secured, name)))
    if (signal.aborted) onAbort()
  })
}

export const notTls = 'tls: first record does not look like a TLS handshake'

function describeTlsError({ code = '', message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNRESET') return 'EOF'
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(code) ? notTls : `tls: ${message}`
}

function findFault(secured: TLSSocket, host: string): string | undefined {
  const certificate = secured.getPeerCertificate()
  if (checkServerIdentity(host, certificate) !== undefined) return describeNames(certificate, host)
  if (secured.authorized) return undefined
  return String(secured.authorizationError) === 'CERT_HAS_EXPIRED'
    ? 'x509: certificate has expired or is not yet valid'
    : 'x509: certificate signed by unknown authority'
}

function describeNames({ subjectaltname = '' }: PeerCertificate, host: string): string {
  const kind = isIP(host) === 0 ? 'DNS' : 'IP Address'
  const names = subjectaltname
    .split(', ')
    .filter((name) => name.startsWith(`${kind}:`))
    .map((name) => name.slice(kind.length + 1))
  if (names.length > 0) return `x509: certificate is valid for ${names.join(', ')}, not ${host}`
  return kind === 'DNS'
    ? `x509: certificate is not valid for any names, but wanted to match ${host}`
    : `x509: cannot validate certificate for ${host} because it doesn't contain any IP SANs`
}
