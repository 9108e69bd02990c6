import { isIP } from 'node:net'

import { PraetorError } from '../../server/model/errors.ts'
import { hostPort } from '../../server/model/host-port.ts'
import { codeOf, describeReason } from './errno.ts'

/** Why there was no answer, in the words of Go's HTTP client. An abort stays what it is. */
export function describeConnectionFault(error: unknown, method: string, url: string): unknown {
  if (error instanceof PraetorError || (error as Error).name === 'AbortError') return error
  const verb = method.charAt(0) + method.slice(1).toLowerCase()
  return new PraetorError('failed', `${verb} ${JSON.stringify(url)}: ${describe(error)}`)
}

function describe(error: unknown): string {
  // Both families of `localhost` were tried; Go tells of the first.
  const [first = error] = error instanceof AggregateError ? (error.errors as unknown[]) : []
  const { address, port, syscall, hostname, message } = first as NodeJS.ErrnoException & {
    readonly address?: string
    readonly port?: number
    readonly hostname?: string
  }
  const code = codeOf(first) ?? ''
  if (syscall === 'getaddrinfo') return `dial tcp: lookup ${hostname ?? ''}: no such host`
  if (syscall === 'connect') {
    const where = port === undefined ? `unix ${address}` : `tcp ${hostPort(address ?? '', port)}`
    return `dial ${where}: connect: ${describeReason(first)}`
  }
  if (code === 'ECONNRESET')
    return message === 'socket hang up' ? 'EOF' : `read: ${describeReason(first)}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return describeOtherName(first as NameFault)
  return tlsWords[code] ?? describeReason(first)
}

/** What Node tells of a certificate that is somebody else's. */
interface NameFault {
  readonly host: string
  readonly cert: { readonly subjectaltname?: string }
}

function describeOtherName({ host, cert }: NameFault): string {
  const names = Array.from(
    (cert.subjectaltname ?? '').matchAll(isIP(host) === 0 ? /DNS:([^,]+)/g : /IP Address:([^,]+)/g),
    ([, name]) => name,
  )
  if (names.length > 0) return `x509: certificate is valid for ${names.join(', ')}, not ${host}`
  return isIP(host) === 0
    ? `x509: certificate is not valid for any names, but wanted to match ${host}`
    : `x509: cannot validate certificate for ${host} because it doesn't contain any IP SANs`
}

const tlsWords: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'http: server gave HTTP response to HTTPS client',
  EPROTO: 'http: server gave HTTP response to HTTPS client',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
}
