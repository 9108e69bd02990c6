import { isUtf8 } from 'node:buffer'

import { ipBytes, ipText } from './ip.ts'
import type { Alive, Dead, RemoteState, Suspect, Versions } from './messages.ts'
import { wireStates } from './messages.ts'
import { type MsgpackReader, textOf } from './msgpack-reader.ts'
import type { MsgpackWriter } from './msgpack-writer.ts'
import { Refused } from './refusal.ts'
import { type FieldType, meaning, raw, struct, text, uint16, uint32 } from './struct.ts'

/** What members tell of one another: as rumours over UDP, and all at once in a push/pull. */

const accusation = struct({ Incarnation: uint32, Node: text, From: text })

const accusationToWire = (message: Suspect | Dead) => ({
  Incarnation: message.incarnation,
  Node: message.node,
  From: message.from,
})

export const suspect = meaning(
  accusation,
  accusationToWire,
  ({ From, Incarnation, Node }): Suspect => ({
    kind: 'suspect',
    incarnation: Incarnation,
    node: named(Node),
    from: From,
  }),
)

export const dead = meaning(accusation, accusationToWire, ({ From, Incarnation, Node }): Dead => ({
  kind: 'dead',
  incarnation: Incarnation,
  node: named(Node),
  from: From,
}))

/** Six bytes. Fewer say nothing, as in memberlist: zeros, which no protocol has. */
const versions: FieldType<Versions> = {
  zero: { protocol: [0, 0, 0], delegate: [0, 0, 0] },
  write(writer, { delegate, protocol }) {
    writer.rawHead(protocol.length + delegate.length)
    for (const version of protocol) writer.byte(version)
    for (const version of delegate) writer.byte(version)
  },
  read(reader) {
    const bytes = reader.raw()
    if (bytes.length < 6) return versions.zero
    const at = (index: number): number => bytes[index] ?? 0
    return { protocol: [at(0), at(1), at(2)], delegate: [at(3), at(4), at(5)] }
  },
}

const description = {
  Incarnation: uint32,
  Addr: raw,
  Port: uint16,
  Meta: raw,
  Vsn: versions,
}

function describe({ address, incarnation, meta, versions: vsn }: Alive | RemoteState) {
  return {
    Incarnation: incarnation,
    Addr: ipBytes(address.host),
    Port: address.port,
    Meta: meta,
    Vsn: vsn,
  }
}

export const alive = meaning(
  struct({ ...description, Node: text }),
  (message: Alive) => ({ ...describe(message), Node: message.node }),
  ({ Addr, Incarnation, Meta, Node, Port, Vsn }): Alive => ({
    kind: 'alive',
    incarnation: Incarnation,
    node: named(Node),
    address: { host: ipText(Addr), port: Port },
    meta: keptMeta(Meta),
    versions: Vsn,
  }),
)

/** The name is bytes at first: what one member calls itself must not spoil the others of a push/pull. */
const remoteState = struct({ ...description, Name: raw, State: uint32 })

export function writeRemoteState(writer: MsgpackWriter, state: RemoteState): void {
  remoteState.write(writer, {
    ...describe(state),
    Name: Buffer.from(state.node),
    State: wireStates.indexOf(state.state),
  })
}

/** One member of a push/pull, or undefined where what it says makes no sense but ends where it should. */
export function readRemoteState(reader: MsgpackReader): RemoteState | undefined {
  const { Addr, Incarnation, Meta, Name, Port, State, Vsn } = remoteState.read(reader)
  const state = wireStates[State]
  const isMember =
    state !== undefined &&
    Name.length > 0 &&
    isUtf8(Name) &&
    (Addr.length === 4 || Addr.length === 16) &&
    Meta.length <= metaMaxBytes
  if (!isMember) return undefined
  return {
    node: textOf(Name),
    address: { host: ipText(Addr), port: Port },
    meta: keptMeta(Meta),
    incarnation: Incarnation,
    state,
    versions: Vsn,
  }
}

const metaMaxBytes = 512

/** A copy, since members are kept for long and the datagram is not. */
function keptMeta(meta: Uint8Array): Uint8Array {
  if (meta.length > metaMaxBytes) throw new Refused('metaTooLarge')
  return new Uint8Array(meta)
}

function named(node: string): string {
  if (node === '') throw new Refused('nameless')
  return node
}
