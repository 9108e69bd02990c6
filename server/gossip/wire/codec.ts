import { assertNever } from '../../model/assert.ts'
import { messageType } from './message-type.ts'
import type { GossipMessage } from './messages.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { ack, indirectPing, nack, ping } from './probe-forms.ts'
import { Refused } from './refusal.ts'
import { alive, dead, suspect } from './rumour-forms.ts'

/**
 * One of memberlist's messages as bytes, as memberlist would write them: its type, then its fields. The bytes are the caller's, and
 * nobody changes them.
 */
export function encodeMessage(message: GossipMessage): Uint8Array {
  const writer = new MsgpackWriter()
  writer.byte(messageType[message.kind])
  write(writer, message)
  return writer.finish()
}

/**
 * The message in the bytes from `start` to `end`; what comes behind its fields is ignored. What an ack or a user message carries is
 * a view of the bytes, all else a copy. Throws Refused.
 */
export function decodeMessage(bytes: Uint8Array, start = 0, end = bytes.length): GossipMessage {
  if (start >= end) throw new Refused('empty')
  const reader = new MsgpackReader(bytes, start + 1, end)
  switch (bytes[start]) {
    case messageType.ping:
      return ping.read(reader)
    case messageType.indirectPing:
      return indirectPing.read(reader)
    case messageType.ack:
      return ack.read(reader)
    case messageType.nack:
      return nack.read(reader)
    case messageType.suspect:
      return suspect.read(reader)
    case messageType.dead:
      return dead.read(reader)
    case messageType.alive:
      return alive.read(reader)
    case messageType.user:
      return { kind: 'user', body: bytes.subarray(start + 1, end) }
    case messageType.pushPull:
    case messageType.error:
    case messageType.encrypt:
    case messageType.hasCrc:
    case messageType.hasLabel:
      throw new Refused('misplacedType')
    default:
      throw new Refused('unknownType')
  }
}

function write(writer: MsgpackWriter, message: GossipMessage): void {
  switch (message.kind) {
    case 'ping':
      return ping.write(writer, message)
    case 'indirectPing':
      return indirectPing.write(writer, message)
    case 'ack':
      return ack.write(writer, message)
    case 'nack':
      return nack.write(writer, message)
    case 'suspect':
      return suspect.write(writer, message)
    case 'dead':
      return dead.write(writer, message)
    case 'alive':
      return alive.write(writer, message)
    case 'user':
      return writer.append(message.body)
    default:
      return assertNever(message)
  }
}
