import { formatDuration } from '../model/duration.ts'
import { membersOf } from './core/membership.ts'
import type { RaftStatus } from './core/raft.ts'
import type { EntryId, Index, Membership } from './types.ts'

/** What `consul info` prints under `raft:`, by its names. */
export type RaftStats = Readonly<Record<(typeof statNames)[number], string>>

const statNames = [
  'applied_index',
  'commit_index',
  'fsm_pending',
  'last_contact',
  'last_log_index',
  'last_log_term',
  'last_snapshot_index',
  'last_snapshot_term',
  'latest_configuration',
  'latest_configuration_index',
  'num_peers',
  'protocol_version',
  'protocol_version_max',
  'protocol_version_min',
  'snapshot_version_max',
  'snapshot_version_min',
  'state',
  'term',
] as const

interface Observed {
  readonly status: RaftStatus
  /** The driver's own: the core hears of it a moment later. */
  readonly applied: Index
  readonly pending: number
  /** Zero for a leader, Infinity for a server that never heard one. */
  readonly lastContactMs: number
  readonly lastSnapshot: EntryId
  /** State index minus log index: people see state indexes only. */
  readonly shift: number
}

/** Consul's raft library knows three states; a pre-candidate is a follower there, for it has not left its term. */
export const stateNames = {
  follower: 'Follower',
  preCandidate: 'Follower',
  candidate: 'Candidate',
  leader: 'Leader',
} as const

/** The version numbers are those of the protocol whose behaviour Consul's clients may rely on. */
export function describeRaft(observed: Observed): RaftStats {
  const { lastSnapshot, pending, shift, status } = observed
  const { membership } = status
  const shown = (index: Index): string => String(index === 0 ? 0 : index + shift)
  return {
    applied_index: shown(observed.applied),
    commit_index: shown(status.commitIndex),
    fsm_pending: String(pending),
    last_contact: describeContact(observed.lastContactMs),
    last_log_index: shown(status.lastIndex),
    last_log_term: String(status.lastTerm),
    last_snapshot_index: shown(lastSnapshot.index),
    last_snapshot_term: String(lastSnapshot.term),
    latest_configuration: describeMembership(membership),
    latest_configuration_index: shown(status.membershipIndex),
    num_peers: String(votersOf(membership).filter((voter) => voter !== status.id).length),
    protocol_version: '3',
    protocol_version_max: '3',
    protocol_version_min: '0',
    snapshot_version_max: '1',
    snapshot_version_min: '0',
    state: stateNames[status.role],
    term: String(status.term),
  }
}

/** As Go prints a slice of its server structs. */
function describeMembership(membership: Membership): string {
  const voters = new Set(votersOf(membership))
  const servers = membersOf(membership).map((id) => {
    const suffrage = voters.has(id) ? 'Voter' : 'Nonvoter'
    return `{Suffrage:${suffrage} ID:${id} Address:${membership.addresses[id] ?? ''}}`
  })
  return `[${servers.join(' ')}]`
}

function votersOf({ voters, outgoing }: Membership): string[] {
  return [...new Set([...voters, ...outgoing])]
}

function describeContact(lastContactMs: number): string {
  if (lastContactMs === 0) return '0'
  return lastContactMs === Infinity ? 'never' : formatDuration(lastContactMs)
}
