import { crc32 } from 'node:zlib'

import type { RaftMessage } from './core/messages.ts'
import type { RaftEvent, RaftOutput, Role } from './core/output.ts'
import type { RaftStatus } from './core/raft.ts'
import type { Entry, HardState, Index, NodeId, Recovered, SnapshotMeta, Term } from './types.ts'

/** What a driver tells of itself: how it began, and every turn after that, as they are. */
export type Traced =
  | { readonly kind: 'start'; readonly recovered: Recovered }
  | {
      readonly kind: 'turn'
      /** What the core was told, in order. */
      readonly events: readonly RaftEvent[]
      readonly output: RaftOutput
      /** The core's, after the turn. */
      readonly status: RaftStatus
    }

/**
 * The same as plain data, without payloads: a line of JSON each, out of which somebody else may see whether the server did as
 * Raft allows (test/simulation/specification.ts).
 */
export type TraceEvent = TracedStart | TracedTurn

export interface TracedStart {
  readonly kind: 'start'
  readonly server: NodeId
  readonly hardState: HardState
  readonly snapshot: SnapshotMeta | null
  /** Those after the snapshot. */
  readonly entries: readonly TracedEntry[]
}

export interface TracedTurn {
  readonly kind: 'turn'
  readonly server: NodeId
  readonly received: readonly TracedMessage[]
  readonly sent: readonly TracedMessage[]
  /** The last batch that became durable, if one did. */
  readonly durable: number | null
  readonly batch: TracedBatch | null
  readonly role: Role
  readonly term: Term
  readonly commit: Index
}

export interface TracedEntry {
  readonly index: Index
  readonly term: Term
  readonly kind: Entry['kind']
  /** A membership's JSON, or the checksum of another payload. */
  readonly body: string
}

export interface TracedBatch {
  readonly seq: number
  readonly hardState: HardState | null
  readonly truncateFrom: Index | null
  readonly snapshot: SnapshotMeta | null
  readonly entries: readonly TracedEntry[]
}

/** `peer` is the other side. An append's entries are as above, and a chunk has no bytes. */
export interface TracedMessage {
  readonly peer: NodeId
  readonly message: TracedContent
}

export type TracedContent =
  | Exclude<RaftMessage, { kind: 'append' | 'snapshotChunk' }>
  | (Omit<Extract<RaftMessage, { kind: 'append' }>, 'entries'> & {
      readonly entries: readonly TracedEntry[]
    })
  | Omit<Extract<RaftMessage, { kind: 'snapshotChunk' }>, 'data'>

export function traceEvent(server: NodeId, traced: Traced): TraceEvent {
  return traced.kind === 'start' ? start(server, traced.recovered) : turn(server, traced)
}

function start(server: NodeId, { hardState, log, snapshot }: Recovered): TracedStart {
  const entries: TracedEntry[] = []
  const last = log.lastIndex()
  for (let index = Math.max(log.firstIndex(), (snapshot?.index ?? 0) + 1); index <= last;) {
    const read = log.entries(index, last, readBytesMax)
    entries.push(...read.map(entryOf))
    index += read.length
  }
  return { kind: 'start', server, hardState, snapshot, entries }
}

const readBytesMax = 1 << 20

function turn(server: NodeId, traced: Extract<Traced, { kind: 'turn' }>): TracedTurn {
  const { events, output, status } = traced
  const received: TracedMessage[] = []
  let durable: number | null = null
  for (const event of events) {
    if (event.kind === 'appendDone') durable = event.seq
    if (event.kind === 'message')
      received.push({ peer: event.from, message: contentOf(event.message) })
  }
  const { append } = output
  return {
    kind: 'turn',
    server,
    received,
    sent: output.send.map(({ message, to }) => ({ peer: to, message: contentOf(message) })),
    durable,
    batch: append === null ? null : { ...append, entries: append.entries.map(entryOf) },
    role: status.role,
    term: status.term,
    commit: status.commitIndex,
  }
}

function contentOf(message: RaftMessage): TracedContent {
  if (message.kind === 'append') return { ...message, entries: message.entries.map(entryOf) }
  if (message.kind !== 'snapshotChunk') return message
  const { data: _, ...rest } = message
  return rest
}

function entryOf({ index, kind, payload, term }: Entry): TracedEntry {
  const body =
    kind === 'membership' ? new TextDecoder().decode(payload) : crc32(payload).toString(16)
  return { index, term, kind, body }
}
