import type { Ticket } from './output.ts'
import { quorumReached } from './quorum.ts'
import { sendHeartbeats } from './sending.ts'
import { membershipOf } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/**
 * Linearizable reads without a log entry (thesis §6.4). A read may be answered from the state machine at index R once
 *   1. R is at least everything committed when the read was made. A new leader does not know that index until its own first
 *      entry is committed, and it is at most that entry's index: so that is the floor, and nobody waits to learn more.
 *   2. a quorum answered a heartbeat that was sent after the read was made: nobody else led then.
 *   3. the state machine has applied R.
 *
 * Reads are numbered as they come, and a heartbeat carries the newest number: its answer confirms every read up to that one.
 * An answer to an older heartbeat carries an older number and can confirm nothing newer, however late it comes.
 */
export function readIndex(raft: RaftState, ticket: Ticket): void {
  const { leadership, outbox, leader, log, config } = raft
  if (leadership === null) {
    outbox.reads.push({ ticket, outcome: 'notLeader', leader })
    return
  }
  const { reads } = leadership
  if (reads.queue.length >= config.readsMax) {
    outbox.reads.push({ ticket, outcome: 'refused', reason: 'too-many-reads' })
    return
  }
  reads.lastPosition += 1
  const index = Math.max(log.committed, leadership.noopIndex)
  reads.queue.push({ position: reads.lastPosition, ticket, index })
}

/** One round on its way and one gathering: the reads of a busy turn share a heartbeat, and so do those that come meanwhile. */
export function beginRound(raft: RaftState, leadership: Leadership): void {
  const { reads } = leadership
  confirmReads(raft, leadership)
  const { lastPosition, sentPosition, confirmedPosition } = reads
  const isUnderWay = sentPosition > confirmedPosition
  const isOwed = lastPosition > Math.max(sentPosition, confirmedPosition)
  if (isOwed && !isUnderWay) sendHeartbeats(raft, leadership)
}

export function releaseReads(raft: RaftState, leadership: Leadership): void {
  const { reads } = leadership
  confirmReads(raft, leadership)
  let released = 0
  for (const { position, ticket, index } of reads.queue) {
    // Both grow along the queue, so the first that must wait is the last to be asked.
    if (position > reads.confirmedPosition || index > raft.log.applied) break
    raft.outbox.reads.push({ ticket, outcome: 'ready', index })
    released += 1
  }
  if (released > 0) reads.queue = reads.queue.slice(released)
}

function confirmReads(raft: RaftState, leadership: Leadership): void {
  const { reads, progress } = leadership
  if (reads.confirmedPosition === reads.lastPosition) return
  const answered = quorumReached(membershipOf(raft), (id) =>
    id === raft.config.id ? reads.lastPosition : (progress.get(id)?.ackedRound ?? -Infinity),
  )
  reads.confirmedPosition = Math.max(reads.confirmedPosition, answered)
}
