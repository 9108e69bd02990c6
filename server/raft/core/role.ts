import { assert } from '../../model/assert.ts'
import type { NodeId, Term } from '../types.ts'
import { appendOwn, createLeadership, followMembers } from './leadership.ts'
import { membershipOf } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/**
 *                    times out            would win             wins
 *     follower ───────────────► preCandidate ────► candidate ─────────► leader
 *        ▲  ▲                        │                 │                   │
 *        │  └── refused, or hears ───┴─────────────────┘                   │
 *        └───── a higher term, no quorum heard, or removed ────────────────┘
 *
 * Every change of term, vote, role or leader is made here.
 */

export function becomeFollower(raft: RaftState, term: Term, leader: NodeId | null): void {
  assert(term >= raft.term, `the term never goes back from ${raft.term} to ${term}`)
  if (raft.leadership !== null) relinquish(raft, raft.leadership, leader)
  if (term > raft.term) {
    raft.term = term
    raft.vote = null
  }
  raft.role = 'follower'
  raft.leader = leader
  raft.votes.clear()
  restartElectionTimer(raft)
}

/** Changes neither term nor vote: asking costs nobody anything. */
export function becomePreCandidate(raft: RaftState): void {
  assert(raft.leadership === null, 'a leader does not campaign')
  raft.role = 'preCandidate'
  raft.leader = null
  raft.votes.clear()
  restartElectionTimer(raft)
}

/** The vote for ourselves is counted when it is durable, like anybody's. */
export function becomeCandidate(raft: RaftState): void {
  assert(raft.leadership === null, 'a leader does not campaign')
  raft.term += 1
  raft.vote = raft.config.id
  raft.role = 'candidate'
  raft.leader = null
  raft.votes.clear()
  raft.outbox.staged.push({ kind: 'selfVote', term: raft.term })
  restartElectionTimer(raft)
}

export function becomeLeader(raft: RaftState): void {
  assert(raft.role === 'candidate', 'only a candidate wins')
  raft.role = 'leader'
  raft.leader = raft.config.id
  raft.votes.clear()
  raft.electionsLost = 0
  const leadership = createLeadership(raft)
  raft.leadership = leadership
  followMembers(raft, leadership)
  appendOwn(raft, 'noop', new Uint8Array(0))
}

/** A message of this term's leader came in. */
export function hearLeader(raft: RaftState, leader: NodeId): void {
  assert(raft.role !== 'leader', `${leader} and ${raft.config.id} both lead term ${raft.term}`)
  if (raft.role !== 'follower') becomeFollower(raft, raft.term, leader)
  raft.leader = leader
  raft.contactMs = raft.nowMs
  raft.electionSinceMs = raft.nowMs
  if (raft.electionsLost === 0) return
  raft.electionsLost = 0
  restartElectionTimer(raft)
}

/**
 * Draws how long to wait. At first it is short, since it is all that a lost leader costs: [T, 1.5T). Each attempt that came to
 * nothing widens the window, so that duelling candidates drift apart: [T, 2T), then [T, 3T), and never beyond 4T.
 */
export function restartElectionTimer(raft: RaftState): void {
  const minMs = raft.config.electionTimeoutMinMs
  const windowMs = minMs * Math.min(3, Math.max(0.5, raft.electionsLost))
  raft.electionSinceMs = raft.nowMs
  raft.electionTimeoutMs = minMs + raft.config.rng() * windowMs
}

/** Nobody leads, and who said so can't: what is left to wait only keeps several that heard it from campaigning together. */
export function hastenElection(raft: RaftState): void {
  const { config, nowMs, electionSinceMs } = raft
  const timeoutMs = nowMs - electionSinceMs + config.rng() * config.heartbeatMs
  raft.electionTimeoutMs = Math.min(raft.electionTimeoutMs, timeoutMs)
}

/** Whether this membership needs nobody else to elect or to commit. */
export function isSoleVoter(raft: RaftState): boolean {
  const { voters, outgoing } = membershipOf(raft)
  return voters.length === 1 && voters[0] === raft.config.id && outgoing.length === 0
}

function relinquish(raft: RaftState, leadership: Leadership, leader: NodeId | null): void {
  const { tickets, config, nowMs, outbox } = raft
  const { reads, transfer, jointTicket } = leadership
  for (const { ticket } of reads.queue) outbox.reads.push({ ticket, outcome: 'notLeader', leader })
  for (const { ticket } of transfer?.held ?? [])
    tickets.settle({ ticket, outcome: 'notLeader', leader: leader ?? transfer?.to ?? null })
  if (jointTicket !== null) tickets.settle({ ticket: jointTicket, outcome: 'unknown', leader })
  tickets.leadershipEnded(nowMs + config.electionTimeoutMinMs)
  raft.leadership = null
}
