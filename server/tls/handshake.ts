import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import type { ConnectionOptions, PeerCertificate, TLSSocket } from 'node:tls'

/** Exactly one of them is called, once, unless the connection is destroyed before. */
export interface HandshakeHandlers {
  readonly onSecure: (socket: TLSSocket) => void
  /** In the words of Go's TLS. */
  readonly onFailure: (error: Error) => void
}

/** TLS over a connection that was dialed. Who destroys the connection destroys both. */
export function shakeHands(
  socket: Socket,
  options: ConnectionOptions,
  { onSecure, onFailure }: HandshakeHandlers,
): void {
  const secured = connect({ ...options, socket })
  const fail = (error: Error): void => onFailure(new Error(describe(error), { cause: error }))
  secured.once('error', fail)
  secured.once('secureConnect', () => {
    secured.off('error', fail)
    onSecure(secured)
  })
}

const unknownAuthority = 'x509: certificate signed by unknown authority'

const words: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  ECONNRESET: 'EOF',
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
}

type HandshakeError = NodeJS.ErrnoException & {
  readonly host?: string
  readonly cert?: PeerCertificate
}

function describe({ code = '', message, host = '', cert }: HandshakeError): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' && cert !== undefined)
    return `x509: certificate is valid for ${namesOf(cert)}, not ${host}`
  return words[code] ?? `tls: ${message}`
}

function namesOf({ subjectaltname = '' }: PeerCertificate): string {
  const names = [...subjectaltname.matchAll(/DNS:([^,]+)/g)].map(([, name]) => name)
  return names.length === 0 ? 'no names' : names.join(', ')
}
