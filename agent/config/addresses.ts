import { BlockList, isIP, isIPv4 } from 'node:net'

import type { ListenAddress } from './runtime.ts'

/**
 * How operators write addresses: IPs and `unix://` sockets parted by spaces. Consul also runs templates in them, which look at
 * the host's interfaces; those are refused by name.
 */
export type Addresses =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly error: string }

/** Several IPs and sockets. */
export function readAddresses(path: string, text: string): Addresses {
  if (text.includes('{{')) return { ok: false, error: templateRefusal(path) }
  const addresses = text.split(/\s+/).filter((address) => address !== '')
  const bad = addresses.find((address) => !isSocket(address) && isIP(bare(address)) === 0)
  if (bad !== undefined) return { ok: false, error: `${path}: invalid ip address: ${bad}` }
  return {
    ok: true,
    addresses: addresses.map((address) => (isSocket(address) ? address : bare(address))),
  }
}

/** At most one IP, in the words that Consul has for more and for others. */
export function readAddress(path: string, text: string): Addresses {
  const read = readAddresses(path, text)
  if (!read.ok) return read
  if (read.addresses.some(isSocket)) return { ok: false, error: `${path} cannot be a unix socket` }
  if (read.addresses.length > 1)
    return { ok: false, error: `${path}: multiple addresses found: ${read.addresses.join(' ')}` }
  return read
}

export function templateRefusal(path: string): string {
  return `${path}: address templates are not supported by this version of Praetor yet`
}

export function isSocket(address: string): boolean {
  return address.startsWith('unix://')
}

export function isAny(address: string): boolean {
  return ['0.0.0.0', '::'].includes(bare(address))
}

function bare(address: string): string {
  return address.replace(/^\[(.*)\]$/, '$1')
}

export interface SocketOwner {
  readonly user: string
  readonly group: string
  readonly mode?: number
}

/** Nothing where the port is off; sockets have none. */
export function listenAddresses(
  addresses: readonly string[],
  port: number,
  owner: SocketOwner,
): ListenAddress[] {
  if (port < 0) return []
  return addresses.map((address) =>
    isSocket(address)
      ? { kind: 'unix', socketPath: address.slice('unix://'.length), ...owner }
      : { kind: 'tcp', host: address, port },
  )
}

/** What to tell others when listening on every interface: the one private IPv4 address of the host. */
export function privateAddress(hostAddresses: readonly string[]): Addresses {
  const found = hostAddresses.filter((address) => isIPv4(address) && isPrivate(address))
  const [only] = found
  if (only === undefined) return { ok: false, error: 'No private IPv4 address found' }
  if (found.length > 1)
    return {
      ok: false,
      error:
        "Multiple private IPv4 addresses found. Please configure one with 'bind' and/or 'advertise'.",
    }
  return { ok: true, addresses: [only] }
}

/** Networks that nobody routes between sites (RFC 6890), as Consul counts them. */
const privateNetworks = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
] as const

function isPrivate(address: string): boolean {
  const networks = new BlockList()
  for (const [network, bits] of privateNetworks) networks.addSubnet(network, bits)
  return networks.check(address)
}

/** An IP and the number of its bits that count: `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more !== undefined || !/^\d{1,3}$/.test(bits)) return false
  try {
    new BlockList().addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
    return true
  } catch {
    return false
  }
}
