import type { NodeId } from '../types.ts'
import { isVoter } from './membership.ts'
import type { PreVote, PreVoteResponse, Vote, VoteResponse } from './messages.ts'
import { voteResult } from './quorum.ts'
import {
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomePreCandidate,
  hastenElection,
  isSoleVoter,
  restartElectionTimer,
} from './role.ts'
import { membershipOf, send, sendWhenDurable } from './state.ts'
import type { RaftState } from './state.ts'

/**
 * Elections (Raft §5.2, §5.4.1; thesis §9.6). Three rules stand together and none is enough alone: ask before campaigning
 * (PreVote), do not desert a leader that was just heard (loyalty), and step down when no quorum answers (CheckQuorum, in
 * replication.ts). Without the first a server on a bad link deposes leaders for ever, without the last a leader that is
 * heard and hears nobody stays for ever.
 */

export function tickElection(raft: RaftState): void {
  // With one voter there is nobody to disagree with, so nothing to wait for; unless it is being made the only one, by a
  // leader that is leaving.
  if (isSoleVoter(raft) && raft.role === 'follower' && raft.leader === null) return campaign(raft)
  if (raft.nowMs - raft.electionSinceMs < raft.electionTimeoutMs) return
  if (raft.role !== 'follower') raft.electionsLost += 1
  campaign(raft)
}

/** Asks whether an election would be won, and holds it if so. */
export function campaign(raft: RaftState): void {
  if (!isPromotable(raft)) return restartElectionTimer(raft)
  becomePreCandidate(raft)
  const request: PreVote = { kind: 'preVote', term: raft.term + 1, lastLog: raft.log.last }
  for (const id of otherVoters(raft)) send(raft, id, request)
  tally(raft, raft.config.id, true)
}

/** `transfer`: the leader asked for it, so everybody is released from their loyalty. */
export function campaignForReal(raft: RaftState, options: { readonly transfer: boolean }): void {
  becomeCandidate(raft)
  const { transfer } = options
  const request: Vote = { kind: 'vote', term: raft.term, lastLog: raft.log.last, transfer }
  // Were our own vote lost in a crash, we could campaign in this term again, with a shorter log and their old answers.
  for (const id of otherVoters(raft)) sendWhenDurable(raft, id, request)
}

/**
 * Who may campaign: a voter. The membership in effect may be uncommitted, and its last word may be needed to commit it, so
 * a voter of the committed one that is being removed still counts (thesis §4.2.2). Not while a snapshot is being restored.
 */
export function isPromotable(raft: RaftState): boolean {
  const { members, log, config } = raft
  if (log.applied < log.base.index) return false
  return (
    isVoter(members.latest.membership, config.id) ||
    isVoter(members.at(log.committed).membership, config.id)
  )
}

/**
 * Whether this server still owes its vote to a leader it heard, or may have heard before it restarted. The lease of that
 * leader rests on this, so it is a matter of time alone and not of what is believed about the leader now.
 */
export function isLoyal(raft: RaftState): boolean {
  const { nowMs, startedMs, contactMs, config } = raft
  if (raft.leadership !== null) return true
  if (startedMs === null || nowMs - startedMs < config.electionTimeoutMinMs) return true
  return nowMs - contactMs < config.electionTimeoutMinMs
}

/** A request that is not even answered, and whose term is not taken over. */
export function ignoresVote(raft: RaftState, request: Vote): boolean {
  return request.term >= raft.term && !request.transfer && isLoyal(raft)
}

/**
 * Touches neither term nor vote, and never makes us wait longer for a leader. Does not ask who is a member: the asker may know
 * better (etcd #10998). One that is behind is told so even by the loyal, or it would never learn the term that lets it win.
 */
export function onPreVote(raft: RaftState, from: NodeId, request: PreVote): void {
  if (request.term >= raft.term && isLoyal(raft)) return
  const isNewEnough = raft.log.isUpToDate(request.lastLog)
  const granted =
    (request.term > raft.term || (request.term === raft.term && mayVoteFor(raft, from))) &&
    isNewEnough
  // A grant speaks in the term that was asked about; in our own it would be taken for an old message.
  const term = granted ? request.term : raft.term
  sendWhenDurable(raft, from, { kind: 'preVoteResponse', term, granted })
  // Two that ask each other at once would each become a candidate, vote for itself, and lose. One is enough.
  if (granted && raft.role === 'preCandidate' && from > raft.config.id)
    becomeFollower(raft, raft.term, null)
  if (!isNewEnough && raft.role === 'follower' && !isLoyal(raft)) hastenElection(raft)
}

/** The term gate has brought us to the request's term, or the request is old. */
export function onVote(raft: RaftState, from: NodeId, request: Vote): void {
  if (ignoresVote(raft, request)) return
  const granted =
    request.term === raft.term && mayVoteFor(raft, from) && raft.log.isUpToDate(request.lastLog)
  if (granted) {
    raft.vote = from
    raft.electionsLost = 0
    restartElectionTimer(raft)
  }
  sendWhenDurable(raft, from, { kind: 'voteResponse', term: raft.term, granted })
}

export function onPreVoteResponse(raft: RaftState, from: NodeId, response: PreVoteResponse): void {
  if (raft.role !== 'preCandidate') return
  if (response.granted && response.term !== raft.term + 1) return
  tally(raft, from, response.granted)
}

export function onVoteResponse(raft: RaftState, from: NodeId, response: VoteResponse): void {
  if (raft.role === 'candidate') tally(raft, from, response.granted)
}

/** Our own vote of that term is durable. */
export function onSelfVote(raft: RaftState, term: number): void {
  if (raft.role === 'candidate' && raft.term === term) tally(raft, raft.config.id, true)
}

function tally(raft: RaftState, from: NodeId, granted: boolean): void {
  if (!raft.votes.has(from)) raft.votes.set(from, granted)
  const result = voteResult(membershipOf(raft), raft.votes)
  if (result === 'won') {
    if (raft.role === 'candidate') becomeLeader(raft)
    else campaignForReal(raft, { transfer: false })
  } else if (result === 'lost') {
    raft.electionsLost += 1
    becomeFollower(raft, raft.term, null)
  }
}

function mayVoteFor(raft: RaftState, candidate: NodeId): boolean {
  return raft.vote === candidate || (raft.vote === null && raft.leader === null)
}

function otherVoters(raft: RaftState): NodeId[] {
  const { voters, outgoing } = membershipOf(raft)
  return [...new Set([...voters, ...outgoing])].toSorted().filter((id) => id !== raft.config.id)
}
