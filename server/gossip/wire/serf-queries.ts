import { assertNever } from '../../model/assert.ts'
import { ipBytes, ipText } from './ip.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import { Refused } from './refusal.ts'
import type { Query, QueryFilter, QueryResponse, Relay } from './serf-messages.ts'
import { lamport } from './serf-types.ts'
import {
  bytes,
  type Form,
  list,
  meaning,
  raw,
  struct,
  text,
  uint,
  uint16,
  uint32,
  uint8,
} from './struct.ts'

/** Questions, answers, and what carries an answer another way. */

/** Bits of a query's flags; the first of its answer's, too. */
const flag = { ack: 1, noBroadcast: 2 } as const
const nanosPerMs = 1_000_000
/** Thirteen days; as milliseconds they are still exact to the nanosecond. */
const timeoutMaxNanos = 2 ** 50
const filtersMax = 1024
const namesMax = 65_536

const nodeList = list(text, namesMax)
const tagFilter = struct({ Tag: text, Expr: text })
const filterType = { nodes: 0, tag: 1 } as const

const filter: Form<QueryFilter> = {
  write(writer, value) {
    writer.raw(encodeFilter(value))
  },
  read(reader) {
    return decodeFilter(reader.bytes())
  },
}

function encodeFilter(value: QueryFilter): Uint8Array {
  if (value.kind === 'unknown') return value.bytes
  const writer = new MsgpackWriter()
  writer.byte(filterType[value.kind])
  switch (value.kind) {
    case 'nodes':
      nodeList.write(writer, value.nodes)
      break
    case 'tag':
      tagFilter.write(writer, { Tag: value.tag, Expr: value.expression })
      break
    default:
      assertNever(value)
  }
  return writer.finish()
}

/** A filter that makes no sense keeps this node from answering, and does no more. */
function decodeFilter(encoded: Uint8Array): QueryFilter {
  const reader = new MsgpackReader(encoded, Math.min(1, encoded.length))
  try {
    if (encoded[0] === filterType.nodes) return { kind: 'nodes', nodes: nodeList.read(reader) }
    if (encoded[0] === filterType.tag) {
      const { Expr, Tag } = tagFilter.read(reader)
      return { kind: 'tag', tag: Tag, expression: Expr }
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
  }
  return { kind: 'unknown', bytes: encoded }
}

export const query = meaning(
  struct({
    LTime: lamport,
    ID: uint32,
    Addr: raw,
    Port: uint16,
    SourceNode: text,
    Filters: list(filter, filtersMax, 'nil'),
    Flags: uint32,
    RelayFactor: uint8,
    Timeout: uint(timeoutMaxNanos),
    Name: text,
    Payload: bytes,
  }),
  (message: Query) => ({
    LTime: message.time,
    ID: message.id,
    Addr: ipBytes(message.source.host),
    Port: message.source.port,
    SourceNode: message.sourceNode,
    Filters: message.filters,
    Flags: (message.wantsAck ? flag.ack : 0) | (message.noBroadcast ? flag.noBroadcast : 0),
    RelayFactor: message.relayFactor,
    Timeout: Math.round(message.timeoutMs * nanosPerMs),
    Name: message.name,
    Payload: message.payload,
  }),
  (onWire): Query => ({
    kind: 'query',
    time: onWire.LTime,
    id: onWire.ID,
    source: { host: ipText(onWire.Addr), port: onWire.Port },
    sourceNode: onWire.SourceNode,
    filters: onWire.Filters,
    wantsAck: (onWire.Flags & flag.ack) !== 0,
    noBroadcast: (onWire.Flags & flag.noBroadcast) !== 0,
    relayFactor: onWire.RelayFactor,
    timeoutMs: onWire.Timeout / nanosPerMs,
    name: onWire.Name,
    payload: onWire.Payload,
  }),
)

export const queryResponse = meaning(
  struct({ LTime: lamport, ID: uint32, From: text, Flags: uint32, Payload: bytes }),
  (message: QueryResponse) => ({
    LTime: message.time,
    ID: message.id,
    From: message.from,
    Flags: message.isAck ? flag.ack : 0,
    Payload: message.payload,
  }),
  ({ Flags, From, ID, LTime, Payload }): QueryResponse => {
    if (From === '') throw new Refused('nameless')
    const isAck = (Flags & flag.ack) !== 0
    return { kind: 'queryResponse', time: LTime, id: ID, from: From, isAck, payload: Payload }
  },
)

const relayHead = struct({
  /** Go's net.UDPAddr. */
  DestAddr: struct({ IP: raw, Port: uint16, Zone: text }),
  DestName: text,
})

/** The message to hand on stands behind the fields, as it is. */
export const relay: Form<Relay> = {
  write(writer, { body, to, toNode }) {
    const address = { IP: ipBytes(to.host), Port: to.port, Zone: '' }
    relayHead.write(writer, { DestAddr: address, DestName: toNode })
    writer.append(body)
  },
  read(reader) {
    const { DestAddr, DestName } = relayHead.read(reader)
    const to = { host: ipText(DestAddr.IP), port: DestAddr.Port }
    return { kind: 'relay', to, toNode: DestName, body: reader.rest() }
  },
}
