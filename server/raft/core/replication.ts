import type { NodeId } from '../types.ts'
import type { AppendResponse, HeartbeatResponse } from './messages.ts'
import type { Progress } from './progress.ts'
import { quorumReached } from './quorum.ts'
import { isRetired, leaveCommittedJoint } from './reconfigure.ts'
import { becomeFollower } from './role.ts'
import { orderChunk, sendAppends, sendEmptyAppend, sendHeartbeats } from './sending.ts'
import { membershipOf } from './state.ts'
import type { Leadership, RaftState } from './state.ts'
import { continueTransfer, nominateSuccessor } from './transfer.ts'

/** What a leader makes of answers and of time (Raft §5.3, §5.4.2, thesis §6.2). */

export function tickLeader(raft: RaftState, leadership: Leadership): void {
  if (hasLostQuorum(raft, leadership)) {
    nominateSuccessor(raft, leadership)
    return becomeFollower(raft, raft.term, null)
  }
  continueTransfer(raft, leadership)
  if (raft.nowMs < leadership.heartbeatDueMs) return
  leadership.heartbeatDueMs = raft.nowMs + raft.config.heartbeatMs
  sendHeartbeats(raft, leadership)
  for (const [id, { stream }] of leadership.progress) {
    const progress = leadership.progress.get(id)
    if (stream === null || progress === undefined) continue
    const quietMs = raft.nowMs - stream.orderedMs
    if (quietMs >= raft.config.electionTimeoutMinMs) orderChunk(raft, id, progress)
  }
}

export function onAppendResponse(
  raft: RaftState,
  leadership: Leadership,
  from: NodeId,
  response: AppendResponse,
): void {
  const progress = leadership.progress.get(from)
  // Who claims to have what was never sent is not believed, and so will be seen to be out of contact.
  if (progress === undefined || response.index > raft.log.last.index) return
  progress.heardMs = raft.nowMs
  if (response.accepted) accepted(raft, progress, response)
  else rejected(raft, progress, response)
  continueTransfer(raft, leadership)
}

export function onHeartbeatResponse(
  raft: RaftState,
  leadership: Leadership,
  from: NodeId,
  response: HeartbeatResponse,
): void {
  const progress = leadership.progress.get(from)
  if (progress === undefined || response.sentAtMs > raft.nowMs) return
  progress.heardMs = raft.nowMs
  progress.ackedSentMs = Math.max(progress.ackedSentMs, response.sentAtMs)
  progress.ackedRound = Math.max(progress.ackedRound, response.round)
  progress.resume()
  // Everything was sent and not everything is there: it may have been lost on the way.
  const isSilent = progress.blocked() || progress.next > raft.log.last.index
  if (progress.state === 'replicate' && progress.match < raft.log.last.index && isSilent)
    sendEmptyAppend(raft, from, progress)
}

/**
 * At the end of a turn, when all of its answers are in: commits what a quorum holds durably. Only an entry of our own term is ever counted; older ones are committed by standing
 * before it (Raft §5.4.2, figure 8).
 */
export function advanceCommit(raft: RaftState, leadership: Leadership): void {
  const { log, config } = raft
  const index = quorumReached(membershipOf(raft), (id) =>
    id === config.id ? log.durable : (leadership.progress.get(id)?.match ?? 0),
  )
  if (index <= log.committed || log.term(index) !== raft.term) return
  log.commitThrough(index)
  leaveCommittedJoint(raft, leadership)
  if (!isRetired(raft)) return
  // Everybody hears of the commit, the removed among them, before nobody is left to say it.
  sendAppends(raft, leadership)
  nominateSuccessor(raft, leadership)
  becomeFollower(raft, raft.term, null)
}

function accepted(raft: RaftState, progress: Progress, { index }: AppendResponse): void {
  progress.accepted(index)
  if (progress.state === 'probe' && progress.match === index) progress.becomeReplicate()
  if (progress.state !== 'snapshot') return
  const { match, stream } = progress
  // Whatever snapshot it has, ours or another's, our log goes on from there.
  if (match + 1 >= raft.log.firstIndex) progress.becomeReplicate()
  // It installed what it was sent, and the log was compacted beyond that meanwhile: it needs a newer one.
  else if (match >= (stream?.snapshot?.index ?? Infinity)) progress.becomeProbe()
}

function rejected(raft: RaftState, progress: Progress, { index, hint }: AppendResponse): void {
  // Where the follower could agree by its terms, and by ours: whole terms are skipped on both sides.
  const agreeable = raft.log.latestNotAfter(hint.index, hint.term)
  progress.rejected(index, agreeable.index)
}

/** Steps down when no quorum has answered a heartbeat for as long as it takes to elect another (thesis §6.2). */
function hasLostQuorum(raft: RaftState, leadership: Leadership): boolean {
  const { config, nowMs } = raft
  const answeredMs = quorumReached(membershipOf(raft), (id) => {
    if (id === config.id) return nowMs
    const progress = leadership.progress.get(id)
    return progress === undefined ? -Infinity : Math.max(progress.ackedSentMs, progress.sinceMs)
  })
  return nowMs - answeredMs >= config.electionTimeoutMinMs
}
