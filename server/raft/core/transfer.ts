import type { NodeId } from '../types.ts'
import { campaignForReal, isPromotable } from './election.ts'
import type { TimeoutNow } from './messages.ts'
import { propose } from './proposals.ts'
import { membershipOf, send } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/**
 * Handing leadership over (thesis §3.10): bring the successor up to date, then tell it to campaign at once. Voters forget
 * their loyalty for that election, so no lease may be in force from the moment `timeoutNow` leaves; and as it may be
 * delivered however late, none is in force again in this term.
 */
export function beginTransfer(raft: RaftState, to: NodeId | null): void {
  const { leadership } = raft
  if (leadership === null) return
  const successor = to ?? bestSuccessor(raft, leadership)
  if (leadership.transfer?.to === successor) return
  const isVoter = successor !== null && membershipOf(raft).voters.includes(successor)
  if (!isVoter || successor === raft.config.id) return
  if (leadership.transfer !== null) abortTransfer(raft, leadership)
  const deadlineMs = raft.nowMs + raft.config.electionTimeoutMinMs
  leadership.transfer = { to: successor, deadlineMs, asked: false, held: [] }
  leadership.progress.get(successor)?.resume()
}

/** Asks the successor once it has our whole log. Abandons it when it is no voter any more, or when time is up. */
export function continueTransfer(raft: RaftState, leadership: Leadership): void {
  const { transfer } = leadership
  if (transfer === null) return
  const isVoter = membershipOf(raft).voters.includes(transfer.to)
  if (!isVoter || raft.nowMs >= transfer.deadlineMs) return abortTransfer(raft, leadership)
  const match = leadership.progress.get(transfer.to)?.match
  if (!transfer.asked && match === raft.log.last.index) {
    transfer.asked = true
    askToCampaign(raft, leadership, transfer.to)
  }
}

/**
 * Leaving office: the best voter need not wait for an election timeout. If nobody is heard any more it may still hear, and if it
 * hears too late, in another term, it does nothing.
 */
export function nominateSuccessor(raft: RaftState, leadership: Leadership): void {
  const successor = bestSuccessor(raft, leadership) ?? bestSuccessor(raft, leadership, -Infinity)
  if (successor !== null) askToCampaign(raft, leadership, successor)
}

export function onTimeoutNow(raft: RaftState, from: NodeId, _message: TimeoutNow): void {
  if (raft.role !== 'follower' || raft.leader !== from || !isPromotable(raft)) return
  // No pre-vote: that asks whether the leader is gone, and this leader wants to be.
  campaignForReal(raft, { transfer: true })
}

function abortTransfer(raft: RaftState, leadership: Leadership): void {
  const held = leadership.transfer?.held ?? []
  leadership.transfer = null
  for (const proposal of held) propose(raft, proposal)
}

function askToCampaign(raft: RaftState, leadership: Leadership, to: NodeId): void {
  leadership.leaseForfeited = true
  send(raft, to, { kind: 'timeoutNow', term: raft.term })
}

/** The voter that has most of the log, among those heard of lately. */
function bestSuccessor(
  raft: RaftState,
  leadership: Leadership,
  heardAfterMs = raft.nowMs - raft.config.electionTimeoutMinMs,
): NodeId | null {
  let best: NodeId | null = null
  let bestMatch = 0
  for (const id of membershipOf(raft).voters) {
    const progress = leadership.progress.get(id)
    if (progress === undefined || progress.match <= bestMatch) continue
    if (progress.heardMs <= heardAfterMs) continue
    best = id
    bestMatch = progress.match
  }
  return best
}
