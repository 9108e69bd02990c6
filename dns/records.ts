import { Packet } from 'dns2'

import { aggregateStatus } from '../server/model/check.ts'
import type { ServiceNode } from '../server/model/check.ts'
import type { DnsSettings } from './settings.ts'

/** Type codes by name; the OPT record's is called EDNS. */
export const types = Packet.TYPE

/** A record of class IN. Names are without the dot at their end; each character is one byte. */
export type DnsRecord = { readonly name: string; readonly ttlSeconds: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: Uint8Array }
  | { readonly type: 'CNAME' | 'NS' | 'PTR'; readonly target: string }
  | { readonly type: 'TXT'; readonly text: string }
  | {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | {
      readonly type: 'SOA'
      readonly primary: string
      readonly mailbox: string
      readonly serial: number
      readonly refreshSeconds: number
      readonly retrySeconds: number
      readonly expireSeconds: number
      readonly minTtlSeconds: number
    }
)

/** The A or AAAA record of an address, where a question of this type may be answered with one. */
export function addressRecord(
  questionType: number,
  name: string,
  address: Uint8Array,
  ttlSeconds: number,
): DnsRecord | undefined {
  const type = address.length === 4 ? 'A' : 'AAAA'
  // Consul answers SRV, ANY, NS and TXT questions about a service with its addresses too.
  const isWelcome =
    questionType === types[type] ||
    questionType === types.SRV ||
    questionType === types.ANY ||
    questionType === types.NS ||
    questionType === types.TXT
  return isWelcome ? { type, name, ttlSeconds, address } : undefined
}

/** The zone's start of authority: its serial is the time, so that it never goes back when a leader changes. */
export function soaRecord(settings: DnsSettings, wallMs: number): DnsRecord {
  return {
    type: 'SOA',
    name: settings.domain,
    ttlSeconds: settings.soa.minTtlSeconds,
    primary: `ns.${settings.domain}`,
    mailbox: `hostmaster.${settings.domain}`,
    serial: Math.floor(wallMs / 1000) >>> 0,
    ...settings.soa,
  }
}

/** A node's metadata as TXT records: `key=value` by RFC 1464, or the value alone for keys that begin with `rfc1035-`. */
export function metaRecords(
  meta: Readonly<Record<string, string>> | null,
  name: string,
  ttlSeconds: number,
): DnsRecord[] {
  return Object.entries(meta ?? {}).map(([key, value]) => ({
    type: 'TXT',
    name,
    ttlSeconds,
    text: asBytes(
      key.toLowerCase().startsWith('rfc1035-')
        ? value
        : `${quoteKey(key)}=${value.replaceAll('`', '``')}`,
    ),
  }))
}

/** RFC 1464 §2: back-quotes before `=`, back-quotes, and the spaces at either end of a key. */
function quoteKey(key: string): string {
  return key
    .replaceAll('`', '``')
    .replaceAll('=', '`=')
    .replace(/^ +/, (spaces) => '` '.repeat(spaces.length))
    .replace(/ +$/, (spaces) => '` '.repeat(spaces.length))
}

/** How much of the load an instance should get, by its own and its node's health. */
export function weightOf({ Service, Checks }: ServiceNode): number {
  const counted = Checks.filter(
    ({ ServiceName }) => ServiceName === '' || ServiceName === Service.Service,
  )
  switch (aggregateStatus(counted)) {
    case 'passing':
      return Service.Weights.Passing
    case 'warning':
      return Service.Weights.Warning
    default:
      return 0
  }
}

/** Text as it goes over the wire: UTF-8, one character a byte. */
export function asBytes(text: string): string {
  return onlyAscii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

// oxlint-disable-next-line no-control-regex -- ASCII is what is meant
const onlyAscii = /^[\u0000-\u007f]*$/

/** An address as a label of the `addr` form: `10.0.0.1` is `0a000001`. */
export function addressLabel(address: Uint8Array): string {
  let label = ''
  for (const byte of address) label += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16)
  return label
}
