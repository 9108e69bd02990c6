import { assert } from '../../model/assert.ts'
import { bounds, emptyMembership } from '../types.ts'
import type { Entry, Membership, NodeId } from '../types.ts'
import type { MembershipChange } from './output.ts'

/**
 * The algebra of memberships (Raft §6, thesis chapter 4): values in, values out. A change of at most one voter goes in one
 * entry, because its old and new majorities overlap; any other goes through a joint configuration and leaves it by itself.
 */

/** Applies the changes to a membership that is not joint. Null when the result would be no membership. */
export function changeMembership(
  from: Membership,
  changes: readonly MembershipChange[],
): Membership | null {
  assert(!isJoint(from), 'a joint membership is left before it is changed')
  const target = targetOf(from, changes)
  if (target === null) return null
  return votersChanged(from, target) <= 1 ? target : enterJoint(from, target)
}

/** Both majorities at once: `from` and `to` must both agree from here until `leaveJoint`. */
export function enterJoint(from: Membership, to: Membership): Membership {
  assert(!isJoint(from) && !isJoint(to), 'a joint membership is entered from a simple one')
  const outgoing = new Set(from.voters)
  return normalize({
    voters: to.voters,
    outgoing: from.voters,
    // Who still votes in the outgoing half can not be a learner yet (thesis §4.3 asks that roles do not overlap).
    learners: to.learners.filter((id) => !outgoing.has(id)),
    learnersNext: to.learners.filter((id) => outgoing.has(id)),
    addresses: { ...from.addresses, ...to.addresses },
  })
}

export function leaveJoint(joint: Membership): Membership {
  assert(isJoint(joint), 'only a joint membership can be left')
  return normalize({
    voters: joint.voters,
    outgoing: [],
    learners: [...joint.learners, ...joint.learnersNext],
    learnersNext: [],
    addresses: joint.addresses,
  })
}

export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0
}

export function isVoter(membership: Membership, id: NodeId): boolean {
  return membership.voters.includes(id) || membership.outgoing.includes(id)
}

/** Everyone who receives the log, once each, sorted. */
export function membersOf(membership: Membership): NodeId[] {
  const { voters, outgoing, learners, learnersNext } = membership
  return [...new Set([...voters, ...outgoing, ...learners, ...learnersNext])].toSorted()
}

/** Sorted, with addresses of members only, and checked: the one shape that is ever stored. */
export function normalize(membership: Membership): Membership {
  const addresses: Record<NodeId, string> = {}
  for (const id of membersOf(membership)) addresses[id] = membership.addresses[id] ?? ''
  const normal: Membership = {
    voters: unique(membership.voters),
    outgoing: unique(membership.outgoing),
    learners: unique(membership.learners),
    learnersNext: unique(membership.learnersNext),
    addresses,
  }
  assertMembership(normal)
  return normal
}

/** The payload of a membership entry: JSON, because it is rare, small, and read by people in a log dump. */
export function encodeMembership(membership: Membership): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(normalize(membership)))
}

/** Throws on bytes that are no membership: a committed entry that can not be read has no safe continuation. */
export function decodeMembership(payload: Uint8Array): Membership {
  const parsed = JSON.parse(new TextDecoder().decode(payload)) as Partial<Membership>
  return normalize({ ...emptyMembership, ...parsed })
}

/**
 * The log that a new cluster begins with: one entry, the same bytes on every server that is told the same members, so that
 * all of them may begin with it (Consul's `bootstrap_expect`). To be made durable before a core is built on it.
 */
export function firstEntry(membership: Membership): Entry {
  return { index: 1, term: 1, kind: 'membership', payload: encodeMembership(membership) }
}

function targetOf(from: Membership, changes: readonly MembershipChange[]): Membership | null {
  const voters = new Set(from.voters)
  const learners = new Set(from.learners)
  const addresses: Record<NodeId, string> = { ...from.addresses }
  const named = new Set<NodeId>()
  for (const change of changes) {
    if (change.id === '' || named.has(change.id)) return null
    named.add(change.id)
    voters.delete(change.id)
    learners.delete(change.id)
    if (change.kind === 'remove') continue
    addresses[change.id] = change.address
    if (change.kind === 'addVoter') voters.add(change.id)
    else learners.add(change.id)
  }
  const isMembership = voters.size > 0 && voters.size + learners.size <= bounds.membersMax
  if (!isMembership || named.size === 0) return null
  return normalize({
    ...emptyMembership,
    voters: [...voters],
    learners: [...learners],
    addresses,
  })
}

function votersChanged(from: Membership, to: Membership): number {
  return new Set(from.voters).symmetricDifference(new Set(to.voters)).size
}

function unique(ids: readonly NodeId[]): NodeId[] {
  return [...new Set(ids)].toSorted()
}

function assertMembership(membership: Membership): void {
  const voters = new Set(membership.voters)
  const outgoing = new Set(membership.outgoing)
  for (const id of membership.learners)
    assert(!voters.has(id) && !outgoing.has(id), `${id} is a learner and votes`)
  for (const id of membership.learnersNext)
    assert(
      outgoing.has(id) && !voters.has(id),
      `${id} becomes a learner and does not vote in the old half`,
    )
  assert(
    isJoint(membership) || membership.learnersNext.length === 0,
    'only a joint membership has learners to be',
  )
}
