import { getServers } from 'node:dns'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { hostPort } from '../../server/model/host-port.ts'
import { CheckFault, faultText } from './kind.ts'

/** An address as it is dialled; no host is this one. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Connects, or rejects with a CheckFault in the words of Go's dialer. */
export async function dial(address: string, signal: AbortSignal): Promise<Socket> {
  const { host, port } = parseAddress('tcp', address)
  const late = (): CheckFault => new CheckFault(`dial tcp ${address}: i/o timeout`)
  if (signal.aborted) throw late()
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host === '' ? 'localhost' : host, port, noDelay: true })
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort)
      socket.removeAllListeners()
      // Whoever uses the socket learns of its end by reading.
      socket.on('error', () => undefined)
    }
    const onAbort = (): void => {
      settle()
      socket.destroy()
      reject(late())
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    socket.once('error', (error) => {
      settle()
      reject(new CheckFault(describeDialError('tcp', host === '' ? address : '', error)))
    })
  })
}

/** Go's SplitHostPort and LookupPort, and what they say of an address that is none. */
export function parseAddress(network: 'tcp' | 'udp', address: string): Address {
  const wrong = (what: string): CheckFault => new CheckFault(`dial ${network}: address ${what}`)
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(address)
  if (match === null)
    throw wrong(
      address.startsWith('[') && !address.includes(']')
        ? `${address}: missing ']' in address`
        : `${address}: too many colons in address`,
    )
  const [, bracketed, plain = '', port] = match
  if (port === undefined) throw wrong(`${address}: missing port in address`)
  const number = /^\d*$/.test(port) ? Number(port) : wellKnownPort(network, port)
  if (number === undefined) throw wrong(`${network}/${port}: unknown port`)
  if (number > 65_535) throw wrong(`${port}: invalid port`)
  return { host: bracketed ?? plain, port: number }
}

/** By its name or another one of it, which case is all the same, in the host's table (services(5)). */
function wellKnownPort(network: 'tcp' | 'udp', name: string): number | undefined {
  const wanted = name.toLowerCase()
  for (const line of hostServices().split('\n')) {
    const [first, port = '', ...others] = line.replace(/#.*/, '').trim().split(/\s+/)
    const [number, protocol] = port.split('/')
    if (protocol !== network) continue
    if ([first, ...others].some((each) => each?.toLowerCase() === wanted)) return Number(number)
  }
  return undefined
}

function hostServices(): string {
  try {
    return readFileSync('/etc/services', 'utf8')
  } catch {
    return fewServices
  }
}

/** Of a host that has no table: those that Go knows by itself. */
const fewServices = `domain 53/tcp
domain 53/udp
ftp 21/tcp
http 80/tcp
https 443/tcp
imaps 993/tcp
pop3 110/tcp
pop3s 995/tcp
smtp 25/tcp
ssh 22/tcp
telnet 23/tcp`

/** Where a name has several addresses, the first one's failure tells. */
export function describeDialError(network: string, given: string, thrown: unknown): string {
  const [error] = thrown instanceof AggregateError ? (thrown.errors as unknown[]) : [thrown]
  const { code = '', address, port, hostname } = error as NodeJS.ErrnoException & DialDetails
  if (hostname !== undefined) return `dial ${network}: ${describeLookup(code, hostname)}`
  const target = given === '' && address !== undefined ? hostPort(address, port ?? 0) : given
  return `dial ${network} ${target}: ${systemWords[code] ?? faultText(error)}`
}

interface DialDetails {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

const systemWords: Readonly<Record<string, string>> = {
  EACCES: 'connect: permission denied',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  ECONNREFUSED: 'connect: connection refused',
  ECONNRESET: 'connect: connection reset by peer',
  EHOSTUNREACH: 'connect: no route to host',
  EINVAL: 'connect: invalid argument',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
}

function describeLookup(code: string, name: string): string {
  const [server] = getServers()
  const asked = server === undefined ? '' : ` on ${/:\d+$/.test(server) ? server : `${server}:53`}`
  return `lookup ${name}${asked}: ${code === 'ENOTFOUND' ? 'no such host' : 'server misbehaving'}`
}
