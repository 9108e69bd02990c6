import { ipBytes, ipText } from './ip.ts'
import type { ConflictResponse, KeyRequest, KeyResponse, KnownMember } from './serf-messages.ts'
import {
  boolean,
  bytes,
  type FieldType,
  type Form,
  list,
  meaning,
  raw,
  struct,
  text,
  uint16,
  uint32,
  uint8,
} from './struct.ts'
import { tagMap } from './tags.ts'

/** The payloads of the queries that members ask of one another, and of the answers. */

const keysMax = 1024

/** Go has it from base64, which makes an empty slice of nothing and no nil. */
const key: FieldType<Uint8Array> = {
  ...bytes,
  write(writer, value) {
    writer.rawHead(value.length)
    writer.append(value)
  },
}

export const keyRequest = meaning(
  struct({ Key: key }),
  (message: KeyRequest) => ({ Key: message.key }),
  ({ Key }): KeyRequest => ({ kind: 'keyRequest', key: Key }),
)

export const keyResponse = meaning(
  struct({ Result: boolean, Message: text, Keys: list(text, keysMax, 'nil'), PrimaryKey: text }),
  ({ done, keys, message, primaryKey }: KeyResponse) => ({
    Result: done,
    Message: message,
    Keys: keys,
    PrimaryKey: primaryKey,
  }),
  ({ Keys, Message, PrimaryKey, Result }): KeyResponse => ({
    kind: 'keyResponse',
    done: Result,
    message: Message,
    keys: Keys,
    primaryKey: PrimaryKey,
  }),
)

/** Go's serf.Member. */
const member = struct({
  Name: text,
  Addr: raw,
  Port: uint16,
  Tags: tagMap,
  Status: uint32,
  ProtocolMin: uint8,
  ProtocolMax: uint8,
  ProtocolCur: uint8,
  DelegateMin: uint8,
  DelegateMax: uint8,
  DelegateCur: uint8,
})

/** Nil from who knows no such member. */
export const conflictResponse: Form<ConflictResponse> = {
  write(writer, message) {
    if (message.member === undefined) writer.nil()
    else member.write(writer, memberToWire(message.member))
  },
  read(reader) {
    const onWire = member.readPointer(reader)
    return { kind: 'conflictResponse', member: onWire && memberFromWire(onWire) }
  },
}

type MemberOnWire = ReturnType<typeof member.read>

function memberToWire({ address, name, status, tags, versions }: KnownMember): MemberOnWire {
  const [protocolMin, protocolMax, protocolCurrent] = versions.protocol
  const [delegateMin, delegateMax, delegateCurrent] = versions.delegate
  return {
    Name: name,
    Addr: ipBytes(address.host),
    Port: address.port,
    Tags: tags,
    Status: status,
    ProtocolMin: protocolMin,
    ProtocolMax: protocolMax,
    ProtocolCur: protocolCurrent,
    DelegateMin: delegateMin,
    DelegateMax: delegateMax,
    DelegateCur: delegateCurrent,
  }
}

function memberFromWire(onWire: MemberOnWire): KnownMember {
  return {
    name: onWire.Name,
    address: { host: ipText(onWire.Addr), port: onWire.Port },
    tags: onWire.Tags,
    status: onWire.Status,
    versions: {
      protocol: [onWire.ProtocolMin, onWire.ProtocolMax, onWire.ProtocolCur],
      delegate: [onWire.DelegateMin, onWire.DelegateMax, onWire.DelegateCur],
    },
  }
}
