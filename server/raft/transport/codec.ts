import { AssertionFailed, assertNever } from '../../model/assert.ts'
import { membersOf, normalize } from '../core/membership.ts'
import type { Append, RaftMessage, SnapshotChunk } from '../core/messages.ts'
import { entryKinds } from '../storage/format.ts'
import { bounds, emptyMembership, type Entry, type EntryId, type Membership } from '../types.ts'
import { MalformedFrame, type ByteReader, type ByteWriter } from './bytes.ts'
import { beginFrame, frameKinds } from './frame.ts'
import type { PayloadArena } from './payload-arena.ts'

/**
 * Raft's messages as frames, written out by hand: this is where most of the bytes and much of the time between servers goes.
 * The payloads of entries are copied as they are; nobody here looks into them.
 */
export function encodeMessage(writer: ByteWriter, message: RaftMessage): void {
  switch (message.kind) {
    case 'preVote':
      beginFrame(writer, frameKinds.preVote, 24)
      writer.u64(message.term)
      return writeId(writer, message.lastLog)
    case 'vote':
      beginFrame(writer, frameKinds.vote, 25)
      writer.u64(message.term)
      writeId(writer, message.lastLog)
      return writer.u8(Number(message.transfer))
    case 'preVoteResponse':
    case 'voteResponse':
      beginFrame(writer, frameKinds[message.kind], 9)
      writer.u64(message.term)
      return writer.u8(Number(message.granted))
    case 'append':
      return encodeAppend(writer, message)
    case 'appendResponse':
      beginFrame(writer, frameKinds.appendResponse, 33)
      writer.u64(message.term)
      writer.u8(Number(message.accepted))
      writer.u64(message.index)
      return writeId(writer, message.hint)
    case 'heartbeat':
      beginFrame(writer, frameKinds.heartbeat, 32)
      writer.u64(message.term)
      writer.u64(message.commit)
      writer.u64(message.round)
      return writer.f64(message.sentAtMs)
    case 'heartbeatResponse':
      beginFrame(writer, frameKinds.heartbeatResponse, 24)
      writer.u64(message.term)
      writer.u64(message.round)
      return writer.f64(message.sentAtMs)
    case 'snapshotChunk':
      return encodeChunk(writer, message)
    case 'snapshotChunkResponse':
      beginFrame(writer, frameKinds.snapshotChunkResponse, 32)
      writer.u64(message.term)
      writeId(writer, message.snapshot)
      return writer.u64(message.nextOffsetBytes)
    case 'timeoutNow':
      beginFrame(writer, frameKinds.timeoutNow, 8)
      return writer.u64(message.term)
    default:
      return assertNever(message)
  }
}

/** The message of a frame of that kind. Throws MalformedFrame. Payloads are copied into the arena. */
export function decodeMessage(kind: number, body: ByteReader, arena: PayloadArena): RaftMessage {
  const message = decodeBody(kind, body, arena)
  body.finish()
  return message
}

/** About what it takes on the wire, and what it is charged for while it waits. */
export function messageBytes(message: RaftMessage): number {
  if (message.kind === 'snapshotChunk') return message.data.length + 256
  if (message.kind !== 'append') return 48
  let sizeBytes = 48
  for (const { payload } of message.entries) sizeBytes += entryHeaderBytes + payload.length
  return sizeBytes
}

function decodeBody(kind: number, body: ByteReader, arena: PayloadArena): RaftMessage {
  const term = body.u64()
  switch (kind) {
    case frameKinds.preVote:
      return { kind: 'preVote', term, lastLog: readId(body) }
    case frameKinds.preVoteResponse:
      return { kind: 'preVoteResponse', term, granted: body.boolean() }
    case frameKinds.vote:
      return { kind: 'vote', term, lastLog: readId(body), transfer: body.boolean() }
    case frameKinds.voteResponse:
      return { kind: 'voteResponse', term, granted: body.boolean() }
    case frameKinds.append:
      return decodeAppend(term, body, arena)
    case frameKinds.appendResponse: {
      const accepted = body.boolean()
      const index = body.u64()
      return { kind: 'appendResponse', term, accepted, index, hint: readId(body) }
    }
    case frameKinds.heartbeat: {
      const commit = body.u64()
      const round = body.u64()
      return { kind: 'heartbeat', term, commit, round, sentAtMs: body.f64() }
    }
    case frameKinds.heartbeatResponse: {
      const round = body.u64()
      return { kind: 'heartbeatResponse', term, round, sentAtMs: body.f64() }
    }
    case frameKinds.snapshotChunk:
      return decodeChunk(term, body, arena)
    case frameKinds.snapshotChunkResponse: {
      const snapshot = readId(body)
      return { kind: 'snapshotChunkResponse', term, snapshot, nextOffsetBytes: body.u64() }
    }
    case frameKinds.timeoutNow:
      return { kind: 'timeoutNow', term }
    default:
      throw new MalformedFrame(`a frame of kind ${kind}`)
  }
}

const appendHeaderBytes = 36
const entryHeaderBytes = 13

/** First what the entries are, then all of their payloads: so that these are taken over in one piece. */
function encodeAppend(writer: ByteWriter, append: Append): void {
  const { commit, entries, previous, term } = append
  let bodyBytes = appendHeaderBytes + entries.length * entryHeaderBytes
  for (const { payload } of entries) bodyBytes += payload.length
  beginFrame(writer, frameKinds.append, bodyBytes)
  writer.u64(term)
  writeId(writer, previous)
  writer.u64(commit)
  writer.u32(entries.length)
  for (const entry of entries) {
    writer.u64(entry.term)
    writer.u8(entryKinds.indexOf(entry.kind))
    writer.u32(entry.payload.length)
  }
  for (const { payload } of entries) writer.bytes(payload)
}

function decodeAppend(term: number, body: ByteReader, arena: PayloadArena): Append {
  const previous = readId(body)
  const commit = body.u64()
  const count = body.u32()
  if (count > bounds.appendEntriesMax || count * entryHeaderBytes > body.leftBytes)
    throw new MalformedFrame(`an append of ${count} entries`)
  if (!Number.isSafeInteger(previous.index + count))
    throw new MalformedFrame('an index beyond 2^53')
  const payloads = arena.keep(body.tail(body.leftBytes - count * entryHeaderBytes))
  const entries: Entry[] = []
  let at = 0
  for (let each = 0; each < count; each += 1) {
    const entryTerm = body.u64()
    const kind = entryKinds[body.u8()]
    if (kind === undefined) throw new MalformedFrame('an entry of no known kind')
    const end = at + body.u32()
    if (end > payloads.length) throw new MalformedFrame('payloads that end too soon')
    const payload = payloads.subarray(at, end)
    entries.push({ term: entryTerm, index: previous.index + 1 + each, kind, payload })
    at = end
  }
  if (at !== payloads.length) throw new MalformedFrame('payloads of no entry')
  return { kind: 'append', term, previous, entries, commit }
}

function encodeChunk(writer: ByteWriter, chunk: SnapshotChunk): void {
  const { data, last, offsetBytes, snapshot, term } = chunk
  const members = membersOf(snapshot.membership).map((id): Member => {
    const address = snapshot.membership.addresses[id] ?? ''
    return { id, address, parts: partsOf(snapshot.membership, id) }
  })
  let membersBytes = 2
  for (const { id, address } of members)
    membersBytes += 5 + Buffer.byteLength(id) + Buffer.byteLength(address)
  beginFrame(writer, frameKinds.snapshotChunk, 33 + membersBytes + data.length)
  writer.u64(term)
  writeId(writer, snapshot)
  writer.u64(offsetBytes)
  writer.u8(Number(last))
  writer.u16(members.length)
  for (const { address, id, parts } of members) {
    writer.string(id)
    writer.string(address)
    writer.u8(parts)
  }
  writer.bytes(data)
}

function decodeChunk(term: number, body: ByteReader, arena: PayloadArena): SnapshotChunk {
  const id = readId(body)
  const offsetBytes = body.u64()
  const last = body.boolean()
  const membership = readMembership(body)
  if (body.leftBytes > bounds.chunkBytesMax) throw new MalformedFrame('a chunk that is too large')
  const data = arena.keep(body.bytes(body.leftBytes))
  return { kind: 'snapshotChunk', term, snapshot: { ...id, membership }, offsetBytes, data, last }
}

interface Member {
  readonly id: string
  readonly address: string
  /** Bit by bit, in which lists of a membership it stands. */
  readonly parts: number
}

const lists = ['voters', 'outgoing', 'learners', 'learnersNext'] as const

function partsOf(membership: Membership, id: string): number {
  let parts = 0
  for (const [bit, list] of lists.entries()) if (membership[list].includes(id)) parts |= 1 << bit
  return parts
}

function readMembership(body: ByteReader): Membership {
  const count = body.u16()
  // A joint membership names those of two.
  if (count > 2 * bounds.membersMax) throw new MalformedFrame(`a membership of ${count}`)
  const members = Array.from({ length: count }, (): Member => {
    const id = body.string()
    const address = body.string()
    return { id, address, parts: body.u8() }
  })
  const named = (bit: number): string[] =>
    members.filter(({ parts }) => (parts & (1 << bit)) !== 0).map(({ id }) => id)
  const addresses = Object.fromEntries(members.map(({ address, id }) => [id, address]))
  const [voters, outgoing, learners, learnersNext] = [named(0), named(1), named(2), named(3)]
  try {
    return normalize({ ...emptyMembership, voters, outgoing, learners, learnersNext, addresses })
  } catch (error) {
    if (error instanceof AssertionFailed) throw new MalformedFrame(error.message)
    throw error
  }
}

function writeId(writer: ByteWriter, id: EntryId): void {
  writer.u64(id.term)
  writer.u64(id.index)
}

function readId(body: ByteReader): EntryId {
  const term = body.u64()
  return { term, index: body.u64() }
}
