import { isDeepStrictEqual } from 'node:util'

import t from 'tap'

import { decodeAckPayload, encodeAckPayload } from '../../../../server/gossip/wire/ack-payload.ts'
import { decrypt } from '../../../../server/gossip/wire/cipher.ts'
import { encodeMessage } from '../../../../server/gossip/wire/codec.ts'
import { writeCompressed } from '../../../../server/gossip/wire/compression.ts'
import { Keyring } from '../../../../server/gossip/wire/keyring.ts'
import { messageType } from '../../../../server/gossip/wire/message-type.ts'
import type { GossipMessage } from '../../../../server/gossip/wire/messages.ts'
import { joinParts, openPacket, sealPacket } from '../../../../server/gossip/wire/packet.ts'
import type { Protection } from '../../../../server/gossip/wire/protection.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../../../server/gossip/wire/serf-codec.ts'
import { sealStream, StreamReader } from '../../../../server/gossip/wire/stream.ts'
import { decodeTags, encodeTags } from '../../../../server/gossip/wire/tags.ts'
import {
  type Golden,
  goldenFiles,
  goldenKeyring,
  goldens,
  plain,
} from '../../../support/gossip-wire.ts'

/**
 * Real agents of Serf and Consul said these bytes to each other. All of them are understood; and said again they are the same
 * bytes, but where the other side has a choice too: see `isTheSame`.
 */
const all = goldens()
const datagrams = all.filter(({ channel }) => channel === 'udp')
const streams = all.filter(({ channel }) => channel === 'tcp')

/** Strangers that the capturing script sent itself, to be refused. */
const strangers = new Set(['0a00000001', '0682'])

/** Which key and nonce encrypted the bytes that begin at `start`: whoever has the same encrypts the same. */
function asSealed({ bytes, protection }: Golden, start: number, authenticated: Buffer): Protection {
  const { encryption } = protection
  if (encryption === null) return protection
  const nonce = bytes.subarray(start + 1, start + 13)
  for (const key of goldenKeyring.keys)
    try {
      const keyring = Keyring.of(key)
      decrypt(keyring, bytes.subarray(start), authenticated)
      return { label: '', encryption: { ...encryption, keyring, nonces: { next: () => nonce } } }
    } catch {
      continue
    }
  throw new Error('no key of these encrypted it')
}

/** The layers below a datagram's messages, as far as they say how to wrap these again. */
function wrapping(
  packet: Golden,
  protection: Protection,
): { checksum: boolean; isCompressed: boolean } {
  const { encryption } = protection
  const { bytes } = packet
  const plainBytes =
    encryption === null ? bytes : decrypt(encryption.keyring, bytes, Buffer.alloc(0))
  const checksum = plainBytes[0] === messageType.hasCrc
  return { checksum, isCompressed: plainBytes[checksum ? 5 : 0] === messageType.compress }
}

function messagesOf(packet: Golden): readonly GossipMessage[] {
  const opened = openPacket(packet.bytes, packet.protection)
  return 'messages' in opened && opened.leftOut.length === 0 ? opened.messages : []
}

t.test('every datagram is understood, and the same when it is said again', async (t) => {
  const other: string[] = []
  let [checked, compressed] = [0, 0]
  for (const packet of datagrams) {
    const messages = messagesOf(packet)
    if (messages.length === 0) t.fail(`not understood: ${packet.bytes.toString('hex')}`)
    const protection = asSealed(packet, 0, Buffer.alloc(0))
    const { checksum, isCompressed } = wrapping(packet, protection)
    const payload = joinParts(messages.map(encodeMessage))
    checked += Number(checksum)
    compressed += Number(isCompressed)
    // Consul is built with a Go whose compressor leaves out the first clear code.
    if (isCompressed && packet.file.startsWith('consul')) continue
    const sent = isCompressed ? writeCompressed(payload) : payload
    const again = sealPacket(sent, protection, { checksum })
    if (Buffer.compare(again, packet.bytes) !== 0) other.push(packet.bytes.toString('hex'))
  }
  t.same(other, [])
  t.ok(checked > 50 && compressed > 15, 'many have a checksum or are compressed')
})

t.test('every stream is understood, and the same when it is said again', async (t) => {
  const other: string[] = []
  for (const stream of streams) {
    const { bytes, file, protection } = stream
    if (strangers.has(bytes.toString('hex'))) continue
    const reader = new StreamReader('accepted', protection)
    const opened = [...bytes].map((byte) => reader.push(Uint8Array.of(byte))).at(-1)
    // Who does not encrypt is told so in the clear, since it is the same for both.
    if (opened === undefined || 'refused' in opened) {
      t.fail(`not understood: ${JSON.stringify(opened)} ${bytes.toString('hex')}`)
      continue
    }
    t.equal(opened.leftOut, 0)
    if (file.startsWith('consul')) continue
    const sealed = asSealed(stream, 5, bytes.subarray(0, 5))
    const again = sealStream(opened.message, 'opened', sealed, { compress: true })
    if (Buffer.compare(again, bytes) !== 0) other.push(bytes.toString('hex'))
  }
  t.same(other, [])
})

/** Every message of Serf that travelled in these, those within others included. */
function* serfBodies(): Generator<Uint8Array, void, undefined> {
  for (const packet of datagrams)
    for (const message of messagesOf(packet))
      if (message.kind === 'user') yield* within(message.body)
  for (const { bytes, protection } of streams) {
    const opened = new StreamReader('accepted', protection).push(bytes)
    if (opened === undefined || 'refused' in opened) continue
    if (opened.message.kind === 'pushPull') yield* within(opened.message.user)
  }
}

function* within(body: Uint8Array): Generator<Uint8Array, void, undefined> {
  yield body
  const message = decodeSerfMessage(body)
  if (message.kind === 'relay') yield* within(message.body)
  const isOwn = message.kind === 'queryResponse' || message.kind === 'query'
  // Payloads of the internal queries are messages themselves; others are text here.
  if (isOwn && (message.payload[0] ?? 32) < 10) yield* within(message.payload)
}

t.test("every message of Serf's is understood, and the same when it is said again", async (t) => {
  const counts = new Map<string, number>()
  const other: string[] = []
  for (const body of serfBodies()) {
    const message = decodeSerfMessage(body)
    counts.set(message.kind, (counts.get(message.kind) ?? 0) + 1)
    const again = encodeSerfMessage(message)
    // The empty slots of the event ring are not written again.
    const isTheSame =
      message.kind === 'state'
        ? isDeepStrictEqual(plain(decodeSerfMessage(again)), plain(message))
        : Buffer.compare(again, body) === 0
    if (!isTheSame) other.push(Buffer.from(body).toString('hex'))
  }
  t.same(other, [])
  t.strictSame(
    [...counts.keys()].toSorted(),
    [
      'conflictResponse',
      'join',
      'keyRequest',
      'keyResponse',
      'leave',
      'query',
      'queryResponse',
      'relay',
      'state',
      'userEvent',
    ],
    'each kind is among them',
  )
})

t.test('tags and coordinates are understood, and the same when they are said again', async (t) => {
  const other: string[] = []
  let [tagged, placed] = [0, 0]
  const compare = (bytes: Uint8Array, again: Uint8Array): void => {
    if (Buffer.compare(bytes, again) !== 0) other.push(Buffer.from(bytes).toString('hex'))
  }
  for (const message of datagrams.flatMap(messagesOf)) {
    if (message.kind === 'alive') {
      compare(message.meta, encodeTags(decodeTags(message.meta)))
      tagged += 1
    }
    const coordinate = message.kind === 'ack' ? decodeAckPayload(message.payload) : undefined
    if (message.kind !== 'ack' || coordinate === undefined) continue
    t.equal(coordinate.Vec.length, 8)
    compare(message.payload, encodeAckPayload(coordinate))
    placed += 1
  }
  t.same(other, [])
  t.ok(tagged > 20 && placed > 15)
})

t.test('each kind of message is among what the agents said', async (t) => {
  const kinds = new Set(datagrams.flatMap(messagesOf).map(({ kind }) => kind))
  for (const kind of [
    'ping',
    'indirectPing',
    'ack',
    'nack',
    'suspect',
    'dead',
    'alive',
    'user',
  ] as const)
    t.ok(kinds.has(kind), kind)
  t.strictSame([...new Set(all.map(({ file }) => file))], [...goldenFiles])
})
