import { isIPv6 } from 'node:net'

import { assert } from '../../model/assert.ts'
import { Refused } from './refusal.ts'

/** An IP literal as 4 or 16 bytes, in the order of the network. Whoever sends has looked up names long before. */
export function ipBytes(host: string): Uint8Array {
  return ipv4Bytes(host) ?? ipv6Bytes(host)
}

/** The literal of 4 or 16 bytes, as RFC 5952 wants it. An IPv4 address in IPv6's clothes is an IPv4 address. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return ipv4Text(bytes, 0)
  if (bytes.length !== 16) throw new Refused('address')
  return isMapped(bytes) ? ipv4Text(bytes, 12) : ipv6Text(bytes)
}

/** Undefined where it is no IPv4 literal. Letter by letter: half of what is sent has one in it. */
function ipv4Bytes(host: string): Uint8Array | undefined {
  const bytes = Buffer.allocUnsafe(4)
  let at = 0
  let [value, digits] = [0, 0]
  for (let index = 0; index <= host.length; index += 1) {
    const digit = index === host.length ? dot : host.charCodeAt(index) - zero
    if (digit >= 0 && digit <= 9 && digits < 3) {
      value = value * 10 + digit
      digits += 1
    } else if (digit === dot && digits > 0 && value <= 255 && at < 4) {
      bytes[at] = value
      at += 1
      ;[value, digits] = [0, 0]
    } else return undefined
  }
  return at === 4 ? bytes : undefined
}

const zero = 0x30
/** Where a dot stands when zero stands at 0. */
const dot = 0x2e - zero

function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
}

function ipv6Bytes(host: string): Uint8Array {
  assert(isIPv6(host), 'an address on the wire is an IP literal')
  const [address = ''] = host.split('%')
  const [head = '', tail] = address.split('::')
  const groups = groupsOf(head)
  const groupsAfter = tail === undefined ? [] : groupsOf(tail)
  const bytes = new Uint8Array(16)
  for (const [index, group] of groups.entries()) putGroup(bytes, index, group)
  for (const [index, group] of groupsAfter.entries())
    putGroup(bytes, 8 - groupsAfter.length + index, group)
  return bytes
}

function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0),
  )
  const { length, start } = longestZeros(groups)
  const hex = groups.map((group) => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}

function putGroup(bytes: Uint8Array, index: number, group: number): void {
  bytes[2 * index] = group >>> 8
  bytes[2 * index + 1] = group & 0xff
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
function isMapped(bytes: Uint8Array): boolean {
  for (let at = 0; at < 10; at += 1) if (bytes[at] !== 0) return false
  return bytes[10] === 0xff && bytes[11] === 0xff
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 }
  let start = 0
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start }
  }
  return longest
}
