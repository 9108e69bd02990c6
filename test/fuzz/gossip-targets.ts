import { createCipheriv } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

import { decodeAckPayload, encodeAckPayload } from '../../server/gossip/wire/ack-payload.ts'
import { decodeMessage, encodeMessage } from '../../server/gossip/wire/codec.ts'
import { writeCompressed } from '../../server/gossip/wire/compression.ts'
import { compress, decompress } from '../../server/gossip/wire/lzw.ts'
import { messageType } from '../../server/gossip/wire/message-type.ts'
import { joinParts, openPacket, sealPacket } from '../../server/gossip/wire/packet.ts'
import { type Protection, unprotected } from '../../server/gossip/wire/protection.ts'
import { type RefusalReason, Refused } from '../../server/gossip/wire/refusal.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../server/gossip/wire/serf-codec.ts'
import type { SerfMessage } from '../../server/gossip/wire/serf-messages.ts'
import { encodeStreamMessage, type StreamLimits } from '../../server/gossip/wire/stream-codec.ts'
import { type OpenedStream, StreamReader } from '../../server/gossip/wire/stream.ts'
import { decodeTags, encodeTags } from '../../server/gossip/wire/tags.ts'
import type { Chance } from '../../server/runtime/chance.ts'
import { encrypting, goldenKeyring, goldens, plain } from '../support/gossip-wire.ts'
import { historicDatagrams, historicStreams } from './historic.ts'
import { MemberUnderFire } from './member-under-fire.ts'
import { below, pick } from './mutation.ts'

/** One way into the wire, and what real bytes look like there. */
export interface Target {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  /** A reason, or `taken`. Throws where the wire does something that it must not. */
  run(bytes: Buffer, chance: Chance): RefusalReason | 'taken' | 'more'
}

/** Something came of bytes that must not come of any. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/** A byte of nothing (a nil) may become an empty object of a few fields, and no more than that. */
const growthMax = 64
const weightMin = 4096

/** Small limits, so that little bytes reach them. */
const limits: StreamLimits = { frameBytes: 8192, streamBytes: 16_384, members: 64, itemBytes: 2048 }

/** Roughly how many bytes of memory a value holds on to. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return 8 + 2 * value.length
  if (value instanceof Uint8Array) return 8 + value.length
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + weightOf(each), 8)
  if (value instanceof Map) return weightOf([...value].flat())
  if (typeof value !== 'object' || value === null) return 8
  return Object.values(value).reduce((sum: number, each) => sum + weightOf(each), 8)
}

function checkWeight(value: unknown, sizeBytes: number): void {
  const weight = weightOf(value)
  if (weight > weightMin + growthMax * sizeBytes)
    throw new Finding(`${sizeBytes} bytes became ${weight}`)
}

/** Decodes; and what was taken must be taken as the same when it is said again. */
function roundTrip<Value>(
  decode: (bytes: Uint8Array) => Value,
  encode: (value: Value) => Uint8Array,
): Target['run'] {
  return (bytes) => {
    let value: Value
    try {
      value = decode(bytes)
    } catch (error) {
      if (error instanceof Refused) return error.reason
      throw error
    }
    if (value === undefined) return 'taken'
    checkWeight(value, bytes.length)
    if (!isDeepStrictEqual(plain(decode(encode(value))), plain(value)))
      throw new Finding('said again, it is something else')
    return 'taken'
  }
}

function runPacket(bytes: Uint8Array, protection: Protection): RefusalReason | 'taken' {
  const opened = openPacket(bytes, protection)
  if ('refused' in opened) return opened.refused
  checkWeight(opened, bytes.length + 65_535)
  return opened.messages.length === 0 ? (opened.leftOut[0] ?? 'taken') : 'taken'
}

/** Cut as the network might, and always the same message or refusal, whole or in pieces. */
function runStream(
  bytes: Uint8Array,
  protection: Protection,
  chance: Chance,
): RefusalReason | 'taken' | 'more' {
  const whole = new StreamReader('accepted', protection, limits)
  const opened = whole.push(bytes)
  const reader = new StreamReader('accepted', protection, limits)
  let inPieces: OpenedStream | undefined
  for (let at = 0; at < bytes.length && inPieces === undefined;) {
    const end = at + 1 + below(chance.fraction() < 0.3 ? 3 : 200, chance)
    inPieces = reader.push(bytes.subarray(at, end))
    at = end
  }
  // The limit of all that comes may be noticed earlier in one piece.
  const isSame = isDeepStrictEqual(plain(inPieces), plain(opened))
  if (!isSame && bytes.length <= limits.itemBytes) throw new Finding('in pieces it is another')
  if (opened === undefined) return 'more'
  checkWeight(opened, bytes.length + limits.streamBytes)
  return 'refused' in opened ? opened.refused : 'taken'
}

/** What is decoded is said to a whole member. A new one now and then, since whoever it hears of it remembers. */
function runMember(
  hear: (member: MemberUnderFire, bytes: Uint8Array) => RefusalReason | 'taken' | 'more',
): Target['run'] {
  let member: MemberUnderFire | undefined
  let heard = 0
  return (bytes, chance) => {
    if (heard % inputsPerMember === 0) member = undefined
    heard += 1
    member ??= new MemberUnderFire(chance)
    const outcome = hear(member, bytes)
    if (member.members > inputsPerMember) throw new Finding(`it knows ${member.members} members`)
    return outcome
  }
}

/** Each may name a member or a few. */
const inputsPerMember = 500

function tellByPacket(member: MemberUnderFire, bytes: Uint8Array): RefusalReason | 'taken' {
  const opened = openPacket(bytes, unprotected)
  if ('refused' in opened) return opened.refused
  member.hear(opened.messages)
  return 'taken'
}

function tellByStream(
  member: MemberUnderFire,
  bytes: Uint8Array,
): RefusalReason | 'taken' | 'more' {
  const opened = new StreamReader('accepted', unprotected, limits).push(bytes)
  if (opened === undefined) return 'more'
  if ('refused' in opened) return opened.refused
  member.answer(opened.message)
  return 'taken'
}

/** What AES-GCM makes of it, whatever the version says and whether it is padded or not. */
function sealed(version: number, plainBytes: Uint8Array, authenticated: Uint8Array): Buffer {
  const nonce = new Uint8Array(12).fill(7)
  const cipher = createCipheriv('aes-256-gcm', goldenKeyring.primary, nonce)
  cipher.setAAD(authenticated)
  const ciphertext = cipher.update(plainBytes)
  cipher.final()
  return Buffer.concat([Uint8Array.of(version), nonce, ciphertext, cipher.getAuthTag()])
}

function framed(version: number, plainBytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head[0] = messageType.encrypt
  head.writeUInt32BE(29 + plainBytes.length, 1)
  return Buffer.concat([head, sealed(version, plainBytes, head)])
}

/** What the pools that were listened to had no occasion to say. */
const rareSerfMessages: readonly SerfMessage[] = [
  { kind: 'keyRequest', key: new Uint8Array(32) },
  { kind: 'keyResponse', done: true, message: 'x', keys: ['AA==', 'AQ=='], primaryKey: 'AA==' },
  { kind: 'conflictResponse', member: undefined },
  { kind: 'relay', to: { host: '127.0.0.1', port: 7946 }, toNode: 'a', body: Uint8Array.of(1) },
]

/** All targets, with what real agents said as seeds. */
export function gossipTargets(): Target[] {
  const all = goldens()
  const packets = all.filter(({ channel }) => channel === 'udp')
  const streams = all.filter(({ channel }) => channel === 'tcp')
  const messages = packets.flatMap(({ bytes, protection }) => {
    const opened = openPacket(bytes, protection)
    return 'messages' in opened ? opened.messages : []
  })
  const streamMessages = streams.flatMap(({ bytes, protection }) => {
    const opened = new StreamReader('accepted', protection).push(bytes)
    return opened !== undefined && 'message' in opened ? [opened.message] : []
  })
  const bodies = [
    ...messages.flatMap((message) => (message.kind === 'user' ? [message.body] : [])),
    ...streamMessages.flatMap((message) => (message.kind === 'pushPull' ? [message.user] : [])),
  ]
  const payloads = bodies.flatMap((body) => {
    const message = decodeSerfMessage(body)
    return message.kind === 'query' || message.kind === 'queryResponse' ? [message.payload] : []
  })
  const encoded = messages.map(encodeMessage)
  const plainPackets = [
    ...packets.filter(({ protection }) => protection === unprotected).map(({ bytes }) => bytes),
    ...encoded.map((message) => joinParts([message, ...encoded.slice(0, 3)])),
    ...encoded.map(writeCompressed),
    ...encoded.map((message) => sealPacket(message, unprotected, { checksum: true })),
    ...historicDatagrams,
  ]
  const plainStreams = [
    ...streamMessages.flatMap((message) => {
      const bytes = encodeStreamMessage(message)
      return [bytes, writeCompressed(bytes)]
    }),
    ...historicStreams,
  ]
  const encrypted = encrypting(goldenKeyring)
  const labelled: Protection = { label: 'lab', encryption: null }
  return [
    { name: 'message', seeds: encoded, run: roundTrip(decodeMessage, encodeMessage) },
    {
      name: 'serf message',
      seeds: [...bodies, ...payloads, ...rareSerfMessages.map(encodeSerfMessage)],
      run: roundTrip(decodeSerfMessage, encodeSerfMessage),
    },
    {
      name: 'tags',
      seeds: messages.flatMap((message) => (message.kind === 'alive' ? [message.meta] : [])),
      run: roundTrip(
        (bytes) => (bytes[0] === 0xff ? decodeTags(bytes) : undefined),
        (tags) => encodeTags(tags ?? {}),
      ),
    },
    {
      name: 'ack payload',
      seeds: messages.flatMap((message) => (message.kind === 'ack' ? [message.payload] : [])),
      run: roundTrip(decodeAckPayload, (coordinate) =>
        coordinate === undefined ? new Uint8Array(0) : encodeAckPayload(coordinate),
      ),
    },
    {
      name: 'compressed',
      seeds: [...encoded, ...plainStreams].map((bytes) => compress(bytes)),
      run: roundTrip((bytes) => decompress(bytes, 8192), compress),
    },
    { name: 'packet', seeds: plainPackets, run: (bytes) => runPacket(bytes, unprotected) },
    {
      name: 'labelled packet',
      seeds: encoded.map((message) => sealPacket(message, labelled, { checksum: false })),
      run: (bytes) => runPacket(bytes, labelled),
    },
    {
      name: 'ciphertext of a packet',
      seeds: packets
        .filter(({ protection }) => protection !== unprotected)
        .map(({ bytes }) => bytes),
      run: (bytes) => runPacket(bytes, encrypted),
    },
    {
      name: 'plaintext of a packet',
      seeds: plainPackets,
      run: (bytes, chance) =>
        runPacket(sealed(pick([0, 1, 1, 1], chance), bytes, Buffer.alloc(0)), encrypted),
    },
    {
      name: 'stream',
      seeds: plainStreams,
      run: (bytes, chance) => runStream(bytes, unprotected, chance),
    },
    {
      name: 'ciphertext of a stream',
      seeds: streams
        .filter(({ protection }) => protection !== unprotected)
        .map(({ bytes }) => bytes),
      run: (bytes, chance) => runStream(bytes, encrypted, chance),
    },
    {
      name: 'plaintext of a stream',
      seeds: plainStreams,
      run: (bytes, chance) => runStream(framed(pick([0, 1, 1], chance), bytes), encrypted, chance),
    },
    {
      name: 'member, by packet',
      seeds: [...encoded, ...plainPackets],
      run: runMember(tellByPacket),
    },
    { name: 'member, by stream', seeds: plainStreams, run: runMember(tellByStream) },
  ]
}
