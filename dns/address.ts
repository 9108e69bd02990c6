import { isIPv6 } from 'node:net'

import type { Node } from '../server/model/node.ts'
import type { Service } from '../server/model/service.ts'

/** Which addresses a question can use. */
export type Accept = 'ipv4' | 'ipv6' | 'any'

/** An IP address in 4 or 16 bytes; an IPv4 address written as IPv6 is IPv4, as in Go. `undefined` for anything else. */
export function parseIp(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return parseIpv4(text)
  return isIPv6(text) && !text.includes('%') ? parseIpv6(text) : undefined
}

/** Four decimal numbers without leading zeros. By hand, since it's done for each instance of an answer. */
function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4)
  let part = 0
  let digits = 0
  let value = 0
  for (let at = 0; at <= text.length; at += 1) {
    const digit = text.charCodeAt(at) - 48
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 && value === 0) return undefined
      value = value * 10 + digit
      digits += 1
      if (value > 255) return undefined
      continue
    }
    const isEnd = at === text.length
    if (digits === 0 || part > 3 || (!isEnd && text[at] !== '.')) return undefined
    bytes[part] = value
    part += 1
    digits = 0
    value = 0
  }
  return part === 4 ? bytes : undefined
}

function parseIpv6(text: string): Uint8Array {
  const [head = '', tail] = text.split('::')
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const bytes = new Uint8Array(16)
  bytes.set(left)
  bytes.set(right, 16 - right.length)
  const isMapped = bytes.every((byte, at) => at > 11 || byte === (at < 10 ? 0 : 0xff))
  return isMapped ? bytes.slice(12) : bytes
}

/** The bytes of one side of `::`, whose last group may be written as IPv4. */
function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** A node's address for such a question: its tagged address of that family, else the one it has. `''` for none. */
export function nodeAddress(node: Node, accept: Accept): string {
  const tagged = node.TaggedAddresses ?? {}
  return choose(node.Address, tagged['lan_ipv4'] ?? '', tagged['lan_ipv6'] ?? '', accept)
}

/** An instance's own address; `''` where it has none and the node's is meant. */
export function serviceAddress(service: Service, accept: Accept): string {
  const tagged = service.TaggedAddresses ?? {}
  const v4 = tagged['lan_ipv4']?.Address ?? ''
  const v6 = tagged['lan_ipv6']?.Address ?? ''
  return choose(service.Address, v4, v6, accept)
}

/**
 * What isn't tagged has one address for every question, and a question of the other family then finds nothing. Where both families
 * will do, a tagged IPv6 address comes before a tagged IPv4 one.
 */
function choose(own: string, v4: string, v6: string, accept: Accept): string {
  if (accept !== 'ipv4' && v6 !== '') return v6
  return accept !== 'ipv6' && v4 !== '' ? v4 : own
}
