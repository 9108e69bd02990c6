import { assert } from '../../model/assert.ts'
import type { Entry, Index } from '../types.ts'
import { appendOwn } from './leadership.ts'
import {
  changeMembership,
  decodeMembership,
  encodeMembership,
  isJoint,
  leaveJoint,
} from './membership.ts'
import type { MembershipChange, Ticket } from './output.ts'
import { membershipOf } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/**
 * Changes of membership (Raft §6). One at a time, and none before an entry of this term is committed: else two leaders could
 * each append a different change without knowing of the other's, and decide with majorities that do not overlap (Ongaro's
 * correction of 2015).
 */

export function proposeMembership(
  raft: RaftState,
  leadership: Leadership,
  proposal: { readonly ticket: Ticket; readonly changes: readonly MembershipChange[] },
): void {
  const { ticket } = proposal
  const { index, membership } = raft.members.latest
  const { committed } = raft.log
  if (committed < leadership.noopIndex || index > committed || isJoint(membership))
    return raft.tickets.settle({ ticket, outcome: 'refused', reason: 'membership-busy' })
  const changed = changeMembership(membership, proposal.changes)
  if (changed === null)
    return raft.tickets.settle({ ticket, outcome: 'refused', reason: 'membership-invalid' })
  const entry = appendOwn(raft, 'membership', encodeMembership(changed))
  if (isJoint(changed)) leadership.jointTicket = ticket
  else raft.tickets.track(entry.index, entry.term, ticket)
}

/** A joint membership that is committed is left at once, by whoever leads then. */
export function leaveCommittedJoint(raft: RaftState, leadership: Leadership): void {
  const { index, membership } = raft.members.latest
  if (index > raft.log.committed || !isJoint(membership)) return
  const entry = appendOwn(raft, 'membership', encodeMembership(leaveJoint(membership)))
  if (leadership.jointTicket === null) return
  raft.tickets.track(entry.index, entry.term, leadership.jointTicket)
  leadership.jointTicket = null
}

/** A follower's log changed: what it says about members is in effect from now on, committed or not. */
export function followLog(
  raft: RaftState,
  merged: { readonly truncatedFrom: Index | null; readonly appended: readonly Entry[] },
): void {
  assert(raft.leadership === null, 'a leader only appends')
  if (merged.truncatedFrom !== null) raft.members.truncateFrom(merged.truncatedFrom)
  for (const { index, kind, payload } of merged.appended) {
    if (kind !== 'membership') continue
    raft.members.append({ index, membership: decodeMembership(payload) })
  }
}

/** Whether this server was voted out, and that is committed: until then its work may still be needed. */
export function isRetired(raft: RaftState): boolean {
  const { index } = raft.members.latest
  const membership = membershipOf(raft)
  if (index > raft.log.committed || isJoint(membership)) return false
  return !membership.voters.includes(raft.config.id)
}
