import { assertNever } from '../../model/assert.ts'
import { assertPosition, origin } from '../types.ts'
import type { NodeId } from '../types.ts'
import { ignoresVote, onPreVote, onPreVoteResponse, onVote, onVoteResponse } from './election.ts'
import { onAppend, onHeartbeat } from './follower.ts'
import type { RaftMessage } from './messages.ts'
import { onAppendResponse, onHeartbeatResponse } from './replication.ts'
import { becomeFollower } from './role.ts'
import { onSnapshotChunk, onSnapshotChunkResponse } from './snapshot.ts'
import { sendWhenDurable } from './state.ts'
import type { RaftState } from './state.ts'
import { onTimeoutNow } from './transfer.ts'

/** The gate of terms (Raft §5.1), then the message's own rule. */
export function onMessage(raft: RaftState, from: NodeId, message: RaftMessage): void {
  assertPosition(message.term, `the term of ${from}'s ${message.kind}`)
  if (message.term > raft.term && !passTerm(raft, from, message)) return
  if (message.term < raft.term) return onOldTerm(raft, from, message)
  const { leadership } = raft
  switch (message.kind) {
    case 'preVote':
      return onPreVote(raft, from, message)
    case 'preVoteResponse':
      return onPreVoteResponse(raft, from, message)
    case 'vote':
      return onVote(raft, from, message)
    case 'voteResponse':
      return onVoteResponse(raft, from, message)
    case 'append':
      return onAppend(raft, from, message)
    case 'appendResponse':
      if (leadership !== null) onAppendResponse(raft, leadership, from, message)
      return
    case 'heartbeat':
      return onHeartbeat(raft, from, message)
    case 'heartbeatResponse':
      if (leadership !== null) onHeartbeatResponse(raft, leadership, from, message)
      return
    case 'snapshotChunk':
      return onSnapshotChunk(raft, from, message)
    case 'snapshotChunkResponse':
      if (leadership !== null) onSnapshotChunkResponse(raft, leadership, from, message)
      return
    case 'timeoutNow':
      return onTimeoutNow(raft, from, message)
    default:
      return assertNever(message)
  }
}

/** Takes over a higher term, if the message may impose one. Returns whether the message is to be looked at further. */
function passTerm(raft: RaftState, from: NodeId, message: RaftMessage): boolean {
  switch (message.kind) {
    // They speak of a term that nobody has entered yet.
    case 'preVote':
      return true
    case 'preVoteResponse':
      if (!message.granted) becomeFollower(raft, message.term, null)
      return true
    case 'vote':
      if (ignoresVote(raft, message)) return false
      becomeFollower(raft, message.term, null)
      return true
    case 'append':
    case 'heartbeat':
    case 'snapshotChunk':
    case 'timeoutNow':
      becomeFollower(raft, message.term, from)
      return true
    case 'voteResponse':
    case 'appendResponse':
    case 'heartbeatResponse':
    case 'snapshotChunkResponse':
      becomeFollower(raft, message.term, null)
      return true
    default:
      return assertNever(message)
  }
}

function onOldTerm(raft: RaftState, from: NodeId, message: RaftMessage): void {
  switch (message.kind) {
    case 'preVote':
      return onPreVote(raft, from, message)
    case 'vote':
      return onVote(raft, from, message)
    // A leader of the past. If a quorum that is loyal to it ignores our own campaign, only this tells it that its term
    // is over, and frees a server that can neither win nor follow.
    case 'append':
    case 'heartbeat':
    case 'snapshotChunk':
      return sendWhenDurable(raft, from, {
        kind: 'appendResponse',
        term: raft.term,
        accepted: false,
        index: 0,
        hint: origin,
      })
    case 'preVoteResponse':
    case 'voteResponse':
    case 'appendResponse':
    case 'heartbeatResponse':
    case 'snapshotChunkResponse':
    case 'timeoutNow':
      return
    default:
      return assertNever(message)
  }
}
