import type { Membership, NodeId } from '../types.ts'

/**
 * The arithmetic of majorities, alone: no entry, no message, no role. Everything that asks "do enough agree?" asks here:
 * elections, commits, read rounds, the leader's own doubts and its lease. A joint configuration needs both majorities
 * (Raft §6), so an empty half must never be the one that says no: it has reached everything and won every vote.
 */

/** The smallest number of members that overlaps itself. */
export function majority(members: number): number {
  return Math.floor(members / 2) + 1
}

/**
 * The greatest value that a quorum has reached: a commit index when asked about match indexes, an instant when asked about
 * clocks. A member that `reached` knows nothing of answers -Infinity. Infinity when there is no voter at all.
 */
export function quorumReached(
  membership: Pick<Membership, 'voters' | 'outgoing'>,
  reached: (id: NodeId) => number,
): number {
  return Math.min(
    majorityReached(membership.voters, reached),
    majorityReached(membership.outgoing, reached),
  )
}

export type VoteResult = 'won' | 'lost' | 'pending'

/** `votes` holds an answer per member that gave one. */
export function voteResult(
  membership: Pick<Membership, 'voters' | 'outgoing'>,
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  const incoming = majorityVote(membership.voters, votes)
  const outgoing = majorityVote(membership.outgoing, votes)
  if (incoming === 'lost' || outgoing === 'lost') return 'lost'
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'
}

function majorityReached(ids: readonly NodeId[], reached: (id: NodeId) => number): number {
  if (ids.length === 0) return Infinity
  if (ids.length === 1) return reached(ids[0] as NodeId)
  // Asked at every turn, of a handful of members: an insertion sort is quicker than any that allocates more.
  const values: number[] = []
  for (const id of ids) {
    const value = reached(id)
    let at = values.length
    for (; at > 0 && (values[at - 1] as number) > value; at -= 1)
      values[at] = values[at - 1] as number
    values[at] = value
  }
  return values[ids.length - majority(ids.length)] as number
}

function majorityVote(ids: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (ids.length === 0) return 'won'
  let granted = 0
  let missing = 0
  for (const id of ids) {
    const vote = votes.get(id)
    if (vote === undefined) missing += 1
    else if (vote) granted += 1
  }
  const needed = majority(ids.length)
  if (granted >= needed) return 'won'
  return granted + missing >= needed ? 'pending' : 'lost'
}
