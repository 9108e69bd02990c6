import { isIPv6 } from 'node:net'

import type { Address } from '../wire/messages.ts'

/** An address as the system gives it. One socket for both families calls IPv4 hosts `::ffff:10.0.0.1`; nobody else does. */
export function fromSystem(host: string, port: number): Address {
  return { host: host.startsWith(mappedPrefix) ? host.slice(mappedPrefix.length) : host, port }
}

/** The same for a socket that was opened for one family, or (IPv6 bound to any address) for both. */
export function forSystem(host: string, family: 4 | 6): string {
  return family === 6 && !isIPv6(host) ? `${mappedPrefix}${host}` : host
}

const mappedPrefix = '::ffff:'
