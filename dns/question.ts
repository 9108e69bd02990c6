import { Packet } from 'dns2'
import type { EcsOption, EdnsOption } from 'dns2'

/** One question as it was asked, with what its answer must repeat. */
export interface Question {
  readonly id: number
  readonly opcode: number
  /** The header's second 16 bits, as they came. */
  readonly flags: number
  /** The name in the asker's own letters, without the dot at its end; each character is one byte. */
  readonly name: string
  /** The name's labels in lower case. Empty labels don't occur; a label with a dot in it makes `isPlain` false. */
  readonly labels: readonly string[]
  /** False where a label has a dot in it, so that `name` reads as a different name. Nothing has such a name here. */
  readonly isPlain: boolean
  readonly type: number
  readonly class: number
  /** The question section's bytes: name, type and class. */
  readonly bytes: Uint8Array
  readonly edns: Edns | undefined
}

/** What an OPT record said (RFC 6891). */
export interface Edns {
  /** The largest answer over UDP that the asker takes. */
  readonly sizeBytes: number
  readonly subnet: ClientSubnet | undefined
}

/** The client subnet option (RFC 7871): 1 is IPv4, 2 IPv6; the address in as many bytes as the prefix needs. */
export interface ClientSubnet {
  readonly family: number
  readonly prefixLength: number
  readonly address: Uint8Array
}

/** A message is a question, or is refused with a code and at most its question repeated, or is not worth an answer. */
export type Reading =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'refusal'; readonly bytes: Buffer }
  | { readonly kind: 'silence' }

export const rcodes = Packet.RCODE

export const headerSizeBytes = 12
export const flagBits = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
  opcode: 0x7800,
  rcode: 0x000f,
} as const

export const opcodes = { query: 0, notify: 4 } as const

/**
 * Reads a message. Answers, and what is too short to hold an id, get no answer, so that two servers can't be set on each other.
 * The limits on the sections are Consul's; the records in them are read by dns2, and only the OPT record is used.
 */
export function readQuestion(message: Buffer): Reading {
  if (message.length < headerSizeBytes) return { kind: 'silence' }
  const flags = message.readUInt16BE(2)
  if ((flags & flagBits.response) !== 0) return { kind: 'silence' }
  const opcode = (flags & flagBits.opcode) >> 11
  if (opcode !== opcodes.query && opcode !== opcodes.notify)
    return { kind: 'refusal', bytes: refusal(message, rcodes.NOTIMP) }
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((offset) =>
    message.readUInt16BE(offset),
  ) as [number, number, number, number]
  const place =
    questions === 1 && answers <= 1 && authorities <= 1 && additionals <= 2
      ? placeName(message)
      : undefined
  if (place === undefined) return { kind: 'refusal', bytes: refusal(message, rcodes.FORMERR) }

  const bytes = message.subarray(headerSizeBytes, place.end)
  const packet = Packet.parse(message)
  // A message that ends between two records is taken as if it had announced no more, as in Consul.
  if (packet.errors.some(({ offset }) => offset !== message.length))
    return { kind: 'refusal', bytes: refusal(message, rcodes.FORMERR, bytes) }
  const labels = place.labels.map((label) => label.toLowerCase())
  return {
    kind: 'question',
    question: {
      id: message.readUInt16BE(0),
      opcode,
      flags,
      name: place.labels.join('.'),
      labels,
      isPlain: !labels.some((label) => label.includes('.')),
      type: message.readUInt16BE(place.end - 4),
      class: message.readUInt16BE(place.end - 2),
      bytes,
      edns: ednsOf(packet),
    },
  }
}

/**
 * The labels of the question's name and where the question ends. There is nothing before this name that a compression pointer
 * could rightly mean, so a pointer makes the message malformed, as an over-long name does.
 */
function placeName(message: Buffer): { labels: string[]; end: number } | undefined {
  const labels: string[] = []
  let at = headerSizeBytes
  for (;;) {
    const length = message[at]
    if (length === undefined || length > labelSizeMaxBytes) return undefined
    at += 1
    if (length === 0) break
    labels.push(message.toString('latin1', at, at + length))
    at += length
    if (at - headerSizeBytes >= nameSizeMaxBytes) return undefined
  }
  return at + 4 <= message.length ? { labels, end: at + 4 } : undefined
}

/** RFC 1035 §2.3.4. */
export const labelSizeMaxBytes = 63
export const nameSizeMaxBytes = 255

/** The last OPT record counts, if there are two. */
function ednsOf(packet: Packet): Edns | undefined {
  const opt = packet.additionals.findLast(({ type }) => type === Packet.TYPE.EDNS)
  if (opt === undefined) return undefined
  for (const option of opt.rdata ?? []) {
    const subnet = isSubnetOption(option) ? subnetOf(option) : undefined
    if (subnet !== undefined) return { sizeBytes: opt.class, subnet }
  }
  return { sizeBytes: opt.class, subnet: undefined }
}

function isSubnetOption(option: EdnsOption): option is EcsOption {
  return option.ednsCode === Packet.EDNS_OPTION_CODE.ECS
}

/** IPv4 and IPv6 (RFC 7871 §6). */
const addressBitsByFamily: Readonly<Record<number, number>> = { 1: 32, 2: 128 }

function subnetOf(option: EcsOption): ClientSubnet | undefined {
  const { family, sourcePrefixLength: prefixLength, ip } = option
  const addressBits = addressBitsByFamily[family]
  if (addressBits === undefined || prefixLength > addressBits || ip === undefined) return undefined
  const whole = family === 1 ? ip.split('.').map(Number) : bytesOfGroups(ip)
  // Bits beyond the prefix must be zero in what goes back (RFC 7871 §6).
  const address = Uint8Array.from(whole.slice(0, Math.ceil(prefixLength / 8)))
  const spare = (8 - (prefixLength % 8)) % 8
  const last = address.length - 1
  if (last >= 0) address[last] = (address[last] ?? 0) & (0xff << spare)
  return { family, prefixLength, address }
}

function bytesOfGroups(ip: string): number[] {
  return ip.split(':').flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** An answer that says no more than the code, with the question if it was understood. */
export function refusal(message: Buffer, rcode: number, question?: Uint8Array): Buffer {
  const asked = message.readUInt16BE(2)
  const kept = asked & (flagBits.opcode | flagBits.recursionDesired | flagBits.checkingDisabled)
  const bytes = Buffer.alloc(headerSizeBytes + (question?.length ?? 0))
  bytes.writeUInt16BE(message.readUInt16BE(0), 0)
  bytes.writeUInt16BE(flagBits.response | kept | rcode, 2)
  if (question === undefined) return bytes
  bytes.writeUInt16BE(1, 4)
  bytes.set(question, headerSizeBytes)
  return bytes
}
