import { appendOwn } from './leadership.ts'
import type { Refusal } from './output.ts'
import { proposeMembership } from './reconfigure.ts'
import type { HeldProposal, Leadership, RaftState } from './state.ts'

/**
 * What clients ask for, within bounds: each is appended, held while leadership is on the move, or settled at once with a
 * reason that tells the caller whether to try again. Nothing is forwarded; that is the business of the RPC above.
 */
export function propose(raft: RaftState, proposal: HeldProposal): void {
  const { leadership, tickets, leader, config } = raft
  const { ticket } = proposal
  if (leadership === null) return tickets.settle({ ticket, outcome: 'notLeader', leader })
  if (leadership.transfer !== null) {
    // Accepted here they would only be counted against the successor, which must first have them all (thesis §3.10).
    const { held, to } = leadership.transfer
    if (held.length < config.heldProposalsMax) held.push(proposal)
    else tickets.settle({ ticket, outcome: 'notLeader', leader: to })
    return
  }
  if (proposal.kind === 'proposeMembership') return proposeMembership(raft, leadership, proposal)
  const reason = refusal(raft, leadership, proposal.payload.byteLength)
  if (reason !== null) return tickets.settle({ ticket, outcome: 'refused', reason })
  const { index, term } = appendOwn(raft, 'command', proposal.payload)
  tickets.track(index, term, ticket)
}

function refusal(raft: RaftState, leadership: Leadership, bytes: number): Refusal | null {
  const { config, log } = raft
  if (bytes > config.payloadBytesMax) return 'payload-too-large'
  if (log.last.index - log.applied >= config.unappliedEntriesMax) return 'too-many-unapplied'
  // Nothing pending: a single proposal always fits, however small the bound.
  const { uncommittedBytes } = leadership
  if (uncommittedBytes > 0 && uncommittedBytes + bytes > config.uncommittedBytesMax)
    return 'too-many-uncommitted'
  return null
}
