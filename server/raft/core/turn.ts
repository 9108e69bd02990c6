import { assert } from '../../model/assert.ts'
import type { Entry, HardState } from '../types.ts'
import { onSelfVote } from './election.ts'
import { forgetRemoved } from './leadership.ts'
import { sizeOf } from './log.ts'
import type { AppendBatch } from './output.ts'
import { beginRound, releaseReads } from './read-index.ts'
import { advanceCommit } from './replication.ts'
import { sendAppends } from './sending.ts'
import type { Deferred, RaftState } from './state.ts'

/**
 * The end of a turn of events: what they amount to is sent, written and applied once. And the completion of what was written.
 */

export function leadTurn(raft: RaftState): void {
  if (raft.leadership !== null) advanceCommit(raft, raft.leadership)
  const { leadership } = raft
  if (leadership === null) return
  beginRound(raft, leadership)
  sendAppends(raft, leadership)
  forgetRemoved(raft, leadership)
  releaseReads(raft, leadership)
}

/** A change of the commit index alone is no reason to write. */
export function takeBatch(raft: RaftState): AppendBatch | null {
  const { outbox, log, term, vote } = raft
  const { truncateFrom, entries } = log.takeUnwritten()
  const { snapshot, writtenHardState: written } = outbox
  const isElectionChanged = written.term !== term || written.vote !== vote
  const isWrite =
    isElectionChanged || truncateFrom !== null || snapshot !== null || entries.length > 0
  if (!isWrite) return null
  outbox.snapshot = null
  outbox.lastSeq += 1
  const seq = outbox.lastSeq
  log.writing(seq)
  const isChanged = isElectionChanged || written.commit !== log.committed
  const hardState: HardState | null = isChanged ? { term, vote, commit: log.committed } : null
  if (hardState !== null) outbox.writtenHardState = hardState
  return { seq, hardState, truncateFrom, snapshot, entries }
}

/** Puts what must be durable first behind the batch that makes it so; behind nothing, if nothing is being written. */
export function deferStaged(raft: RaftState): void {
  const { outbox } = raft
  const deferred = outbox.staged
  if (deferred.length === 0) return
  outbox.staged = []
  if (outbox.doneSeq < outbox.lastSeq) outbox.waiting.push({ seq: outbox.lastSeq, deferred })
  else release(raft, deferred)
}

export function onAppendDone(raft: RaftState, seq: number): void {
  const { outbox, log } = raft
  assert(seq <= outbox.lastSeq, `batch ${seq} was never given out`)
  if (seq <= outbox.doneSeq) return
  outbox.doneSeq = seq
  log.written(seq)
  for (const { seq: behind, deferred } of outbox.waiting) if (behind <= seq) release(raft, deferred)
  outbox.waiting = outbox.waiting.filter(({ seq: behind }) => behind > seq)
  if (outbox.compactAfter === null || outbox.compactAfter.seq > seq) return
  if (log.compactThrough(outbox.compactAfter.through)) outbox.compactThrough = log.base.index
  raft.members.compactThrough(outbox.snapshotIndex)
  outbox.compactAfter = null
}

/** A bound on what the state machine has before it, so that a long queue is in the log and not in memory. */
export function takeCommitted(raft: RaftState): readonly Entry[] {
  const { log, config, tickets } = raft
  if (log.handed - log.applied >= config.applyEntriesMax) return []
  const { applyEntriesMax: entriesMax, applyBytesMax: bytesMax } = config
  const entries = log.handOver({ entriesMax, bytesMax })
  tickets.handed(entries)
  const { leadership } = raft
  if (leadership !== null) {
    // Entries of earlier terms were never counted in.
    leadership.uncommittedBytes = Math.max(0, leadership.uncommittedBytes - sizeOf(entries))
  }
  return entries
}

function release(raft: RaftState, deferred: readonly Deferred[]): void {
  for (const item of deferred) {
    if (item.kind === 'message') raft.outbox.send.push(item.outbound)
    else onSelfVote(raft, item.term)
  }
}
