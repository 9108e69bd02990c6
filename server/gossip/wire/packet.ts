import { crc32 } from 'node:zlib'

import { assert } from '../../model/assert.ts'
import { decrypt, encrypt } from './cipher.ts'
import { decodeMessage } from './codec.ts'
import { compressed, decompressedOf } from './compression.ts'
import { messageType } from './message-type.ts'
import type { GossipMessage } from './messages.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { checkLabel, checksumBytes, labelBytes, labelHead, type Protection } from './protection.ts'
import { type RefusalReason, Refused } from './refusal.ts'

/** How many messages a datagram carries at most: they are counted in a byte. */
export const partsMax = 255
/** What a compound takes: its type and its count, then two bytes for the length of each part. */
export const compoundHeadBytes = 2
export const compoundPartBytes = 2

/** The most that a datagram holds, and so the most that may come of one. */
const decompressedMaxBytes = 65_535

/**
 * What a datagram said: its messages in their order, and why parts of it were left out; or why nothing of it was taken. One
 * spoilt part does not spoil the others, for they may come from elsewhere and only travel together.
 */
export type OpenedPacket =
  | { readonly messages: readonly GossipMessage[]; readonly leftOut: readonly RefusalReason[] }
  | { readonly refused: RefusalReason }

/** Never throws, whatever the bytes. What a message carries may be a view of them. */
export function openPacket(datagram: Uint8Array, protection: Protection): OpenedPacket {
  try {
    return unwrap(withoutChecksum(withoutProtection(datagram, protection)))
  } catch (error) {
    if (error instanceof Refused) return { refused: error.reason }
    throw error
  }
}

/**
 * Encoded messages as the payloads of as few datagrams as keeping their order allows, each of at most `sizeMaxBytes`, protection
 * not counted. A message that is larger by itself gets one of its own, and the network may do with it what it can.
 */
export function packMessages(
  messages: readonly Uint8Array[],
  { sizeMaxBytes }: { readonly sizeMaxBytes: number },
): Uint8Array[] {
  const payloads: Uint8Array[] = []
  let parts: Uint8Array[] = []
  let sizeBytes = compoundHeadBytes
  for (const message of messages) {
    const partBytes = compoundPartBytes + message.length
    if (parts.length > 0 && (sizeBytes + partBytes > sizeMaxBytes || parts.length === partsMax)) {
      payloads.push(joinParts(parts))
      parts = []
      sizeBytes = compoundHeadBytes
    }
    parts.push(message)
    sizeBytes += partBytes
  }
  if (parts.length > 0) payloads.push(joinParts(parts))
  return payloads
}

/** One message as it is, several as a compound: at most 255, each of less than 64 KiB. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  assert(parts.length > 0 && parts.length <= partsMax, 'a compound has 1 to 255 parts')
  let sizeBytes = compoundHeadBytes
  for (const part of parts) sizeBytes += compoundPartBytes + part.length
  const bytes = Buffer.allocUnsafe(sizeBytes)
  bytes[0] = messageType.compound
  bytes[1] = parts.length
  let lengthAt = compoundHeadBytes
  let at = compoundHeadBytes + compoundPartBytes * parts.length
  for (const part of parts) {
    lengthAt = bytes.writeUInt16BE(part.length, lengthAt)
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The payload as a datagram. A checksum only for who is known to check it: members of protocol 5. */
export function sealPacket(
  payload: Uint8Array,
  { encryption, label }: Protection,
  { checksum }: { readonly checksum: boolean },
): Uint8Array {
  let bytes = checksum ? withChecksum(payload) : payload
  if (encryption !== null && encryption.verifyOutgoing) {
    const nonce = encryption.nonces.next()
    bytes = encrypt(encryption.keyring, 1, nonce, bytes, labelBytes(label))
  }
  return label === '' ? bytes : Buffer.concat([labelHead(label), bytes])
}

function withChecksum(payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(checksumBytes + payload.length)
  bytes[0] = messageType.hasCrc
  bytes.writeUInt32BE(crc32(payload), 1)
  bytes.set(payload, checksumBytes)
  return bytes
}

function withoutProtection(datagram: Uint8Array, { encryption, label }: Protection): Uint8Array {
  const start = checkLabel(datagram, label)
  const bytes = start === 0 ? datagram : datagram.subarray(start)
  if (encryption === null) return bytes
  try {
    return decrypt(encryption.keyring, bytes, labelBytes(label))
  } catch (error) {
    if (error instanceof Refused && !encryption.verifyIncoming) return bytes
    throw error
  }
}

function withoutChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== messageType.hasCrc || bytes.length < checksumBytes) return bytes
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const payload = buffer.subarray(checksumBytes)
  if (crc32(payload) !== buffer.readUInt32BE(1)) throw new Refused('checksum')
  return payload
}

/** Compression is outermost, a compound next, and nothing is wrapped twice: so nothing small can grow without end. */
function unwrap(bytes: Uint8Array): OpenedPacket {
  const plain =
    bytes[0] === messageType.compress
      ? decompressedOf(compressed.read(new MsgpackReader(bytes, 1)), decompressedMaxBytes)
      : bytes
  if (plain[0] === messageType.compound) return openParts(plain)
  return { messages: [openPart(plain, 0, plain.length)], leftOut: [] }
}

function openParts(bytes: Uint8Array): OpenedPacket {
  const count = bytes[1] ?? 0
  let at = compoundHeadBytes + compoundPartBytes * count
  if (at > bytes.length) throw new Refused('compoundTruncated')
  const messages: GossipMessage[] = []
  const leftOut: RefusalReason[] = []
  for (let part = 0; part < count; part += 1) {
    const lengthAt = compoundHeadBytes + compoundPartBytes * part
    const end = at + (((bytes[lengthAt] ?? 0) << 8) | (bytes[lengthAt + 1] ?? 0))
    if (end > bytes.length) {
      leftOut.push('compoundTruncated')
      break
    }
    try {
      messages.push(openPart(bytes, at, end))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      leftOut.push(error.reason)
    }
    at = end
  }
  return { messages, leftOut }
}

function openPart(bytes: Uint8Array, start: number, end: number): GossipMessage {
  const type = bytes[start]
  if (start < end && (type === messageType.compound || type === messageType.compress))
    throw new Refused('nesting')
  return decodeMessage(bytes, start, end)
}
