import type { Index, NodeId, SnapshotMeta } from '../types.ts'
import { acknowledge } from './follower.ts'
import type { SnapshotChunk, SnapshotChunkResponse } from './messages.ts'
import type { RaftEvent } from './output.ts'
import { hearLeader } from './role.ts'
import { orderChunk } from './sending.ts'
import { send } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/**
 * Snapshots (Raft §7): our own, which let the log be compacted, and a leader's, which takes the log's place. The bytes are
 * the driver's; here is only when, for whom, and what it means for the log.
 */

/** The next batch marks it; only when the mark is durable is anything compacted. */
export function onSnapshotSaved(raft: RaftState, snapshot: SnapshotMeta): void {
  const { outbox, log, config } = raft
  if (snapshot.index <= outbox.snapshotIndex || snapshot.index > log.applied) return
  outbox.snapshotIndex = snapshot.index
  outbox.snapshot = snapshot
  const through = Math.min(snapshot.index - config.trailingEntries, awaitedThrough(raft))
  outbox.compactAfter = { seq: outbox.lastSeq + 1, through }
}

/**
 * Where the log must go on for followers that are being sent a snapshot: behind that one. Else it is out of date when they have it,
 * and so is the next, and under load they never catch up. One that says nothing more is not waited for.
 */
function awaitedThrough({ config, leadership, nowMs }: RaftState): Index {
  let through = Infinity
  for (const { heardMs, stream } of leadership?.progress.values() ?? []) {
    const isHeard = nowMs - heardMs < config.electionTimeoutMinMs
    if (isHeard && stream?.snapshot) through = Math.min(through, stream.snapshot.index)
  }
  return through
}

/** A follower is offered a snapshot, piece by piece. */
export function onSnapshotChunk(raft: RaftState, from: NodeId, chunk: SnapshotChunk): void {
  hearLeader(raft, from)
  if (isSuperfluous(raft, chunk.snapshot)) return acknowledge(raft, from, raft.log.committed)
  raft.outbox.snapshots.push({ kind: 'store', from, chunk })
}

export function onChunkStored(
  raft: RaftState,
  event: Extract<RaftEvent, { kind: 'chunkStored' }>,
): void {
  // Only the present leader may be answered: another's stream is over.
  if (raft.leader !== event.from) return
  const { snapshot, nextOffsetBytes } = event
  const { term } = raft
  send(raft, event.from, { kind: 'snapshotChunkResponse', term, snapshot, nextOffsetBytes })
}

/** The whole of it is on disk. What a snapshot holds is committed, so it is right whoever sent it and whoever leads now. */
export function onSnapshotReceived(raft: RaftState, from: NodeId, snapshot: SnapshotMeta): void {
  if (raft.leadership !== null) return
  if (!isSuperfluous(raft, snapshot)) {
    // Our log ends before it or forks off below it: either way nothing of the log is worth keeping.
    raft.log.reset(snapshot)
    raft.members.reset(snapshot.index, snapshot.membership)
    raft.tickets.replaced(raft.leader)
    raft.outbox.restore = snapshot
    raft.outbox.snapshot = snapshot
    raft.outbox.snapshotIndex = snapshot.index
    raft.outbox.compactAfter = null
  }
  if (raft.leader === from) acknowledge(raft, from, raft.log.committed)
}

/** A chunk was read for a follower. It is of no use if the stream ended or moved on meanwhile. */
export function onChunkRead(
  raft: RaftState,
  leadership: Leadership,
  event: Extract<RaftEvent, { kind: 'chunkRead' }>,
): void {
  const stream = leadership.progress.get(event.to)?.stream
  const { snapshot, offsetBytes } = event.chunk
  if (stream === undefined || stream === null || stream.offsetBytes !== offsetBytes) return
  stream.snapshot ??= { term: snapshot.term, index: snapshot.index }
  if (stream.snapshot.index !== snapshot.index || stream.snapshot.term !== snapshot.term) return
  send(raft, event.to, { kind: 'snapshotChunk', term: raft.term, ...event.chunk })
}

export function onSnapshotChunkResponse(
  raft: RaftState,
  leadership: Leadership,
  from: NodeId,
  response: SnapshotChunkResponse,
): void {
  const progress = leadership.progress.get(from)
  if (progress === undefined) return
  progress.heardMs = raft.nowMs
  const { stream } = progress
  if (stream?.snapshot?.index !== response.snapshot.index) return
  // The same offset again is a duplicate: ordering it twice would double the stream.
  if (stream.offsetBytes === response.nextOffsetBytes) return
  stream.offsetBytes = response.nextOffsetBytes
  orderChunk(raft, from, progress)
}

export function onStreamFailed(leadership: Leadership, to: NodeId): void {
  const progress = leadership.progress.get(to)
  if (progress?.state === 'snapshot') progress.pause()
}

/** Whether our log holds all that the snapshot would bring. If it only was not known to be committed, now it is. */
function isSuperfluous(raft: RaftState, snapshot: SnapshotMeta): boolean {
  if (snapshot.index > raft.log.committed && raft.log.has(snapshot))
    raft.log.commitThrough(snapshot.index)
  return snapshot.index <= raft.log.committed
}
