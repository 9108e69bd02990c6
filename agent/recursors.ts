import { lookup } from 'node:dns/promises'
import { isIPv6 } from 'node:net'

import type { Recursor } from '../dns/settings.ts'
import { splitJoinAddress } from '../server/gossip/join-address.ts'
import { PraetorError } from '../server/model/errors.ts'

const dnsPort = 53

/** Where the servers are that `recursors` names. Rejects with a PraetorError in Consul's words. */
export function findRecursors(texts: readonly string[]): Promise<Recursor[]> {
  return Promise.all(
    texts.map(async (text) => {
      const { host, port } = splitJoinAddress(text, dnsPort)
      const fault = findFault(text, host, port)
      if (fault !== undefined) throw invalid(fault)
      const { address } = await lookup(host).catch(() =>
        Promise.reject(invalid(`lookup ${host}: no such host`)),
      )
      return { host: address, port }
    }),
  )
}

function findFault(text: string, host: string, port: number): string | undefined {
  if (port > 65_535) return `address ${port}: invalid port`
  if (!host.includes(':') || isIPv6(host)) return undefined
  const [, second = '', ...more] = host.split(':')
  return more.length > 0
    ? `address ${text}: too many colons in address`
    : `address tcp/${second}: unknown port`
}

function invalid(why: string): PraetorError {
  return new PraetorError('failed', `Invalid recursor address: ${why}`)
}
