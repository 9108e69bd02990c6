import { assertNever } from '../../model/assert.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { Refused } from './refusal.ts'
import { conflictResponse, keyRequest, keyResponse } from './serf-answers.ts'
import type { Join, Leave, SerfMessage, UserEvent } from './serf-messages.ts'
import { query, queryResponse, relay } from './serf-queries.ts'
import { state } from './serf-state.ts'
import { lamport, serfType } from './serf-types.ts'
import { boolean, bytes, meaning, struct, text } from './struct.ts'

/** One of Serf's messages as bytes, as Serf would write them: its type, then its fields. */
export function encodeSerfMessage(message: SerfMessage): Uint8Array {
  const writer = new MsgpackWriter()
  writer.byte(serfType[message.kind])
  write(writer, message)
  return writer.finish()
}

/** The message in the bytes, every part of it a copy; what comes behind its fields is ignored. Throws Refused. */
export function decodeSerfMessage(encoded: Uint8Array): SerfMessage {
  if (encoded.length === 0) throw new Refused('empty')
  const reader = new MsgpackReader(encoded, 1)
  switch (encoded[0]) {
    case serfType.leave:
      return leave.read(reader)
    case serfType.join:
      return join.read(reader)
    case serfType.state:
      return state.read(reader)
    case serfType.userEvent:
      return userEvent.read(reader)
    case serfType.query:
      return query.read(reader)
    case serfType.queryResponse:
      return queryResponse.read(reader)
    case serfType.conflictResponse:
      return conflictResponse.read(reader)
    case serfType.keyRequest:
      return keyRequest.read(reader)
    case serfType.keyResponse:
      return keyResponse.read(reader)
    case serfType.relay:
      return relay.read(reader)
    default:
      throw new Refused('unknownType')
  }
}

function write(writer: MsgpackWriter, message: SerfMessage): void {
  switch (message.kind) {
    case 'leave':
      return leave.write(writer, message)
    case 'join':
      return join.write(writer, message)
    case 'state':
      return state.write(writer, message)
    case 'userEvent':
      return userEvent.write(writer, message)
    case 'query':
      return query.write(writer, message)
    case 'queryResponse':
      return queryResponse.write(writer, message)
    case 'conflictResponse':
      return conflictResponse.write(writer, message)
    case 'keyRequest':
      return keyRequest.write(writer, message)
    case 'keyResponse':
      return keyResponse.write(writer, message)
    case 'relay':
      return relay.write(writer, message)
    default:
      return assertNever(message)
  }
}

const leave = meaning(
  struct({ LTime: lamport, Node: text, Prune: boolean }),
  ({ node, prune, time }: Leave) => ({ LTime: time, Node: node, Prune: prune }),
  ({ LTime, Node, Prune }): Leave => ({
    kind: 'leave',
    time: LTime,
    node: named(Node),
    prune: Prune,
  }),
)

const join = meaning(
  struct({ LTime: lamport, Node: text }),
  ({ node, time }: Join) => ({ LTime: time, Node: node }),
  ({ LTime, Node }): Join => ({ kind: 'join', time: LTime, node: named(Node) }),
)

const userEvent = meaning(
  struct({ LTime: lamport, Name: text, Payload: bytes, CC: boolean }),
  ({ coalesce, name, payload, time }: UserEvent) => ({
    LTime: time,
    Name: name,
    Payload: payload,
    CC: coalesce,
  }),
  ({ CC, LTime, Name, Payload }): UserEvent => ({
    kind: 'userEvent',
    time: LTime,
    name: Name,
    payload: Payload,
    coalesce: CC,
  }),
)

function named(node: string): string {
  if (node === '') throw new Refused('nameless')
  return node
}
