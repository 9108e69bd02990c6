import { assert } from '../../model/assert.ts'
import { bounds } from '../types.ts'
import type { NodeId } from '../types.ts'

/** Everything the core is told once. Times in milliseconds of the driver's monotonic clock. */
export interface RaftConfig {
  readonly id: NodeId
  /** A follower campaigns after one to one and a half of these without a leader's word; nobody deserts a leader sooner. */
  readonly electionTimeoutMinMs: number
  readonly heartbeatMs: number
  /**
   * How long a follower may go without being told that what it has is committed. Until then the next entries carry it, so that
   * under load nobody is woken for it alone. 0 tells it at once.
   */
  readonly commitNoticeMs: number
  /**
   * What a lease is short of its promise for: it must cover a heartbeat (the core's clock is as coarse as its ticks, on both
   * sides) and twice the longest stall of the loop that the driver does not report as one.
   */
  readonly leaseGuardMs: number
  /** Appends to one follower on their way at once. */
  readonly inflightMessagesMax: number
  readonly inflightBytesMax: number
  /** Payload in one append message. */
  readonly appendBytesMax: number
  readonly appendEntriesMax: number
  readonly payloadBytesMax: number
  /** Payload appended by this leader and not committed. */
  readonly uncommittedBytesMax: number
  /** Entries appended and not applied; beyond it proposals are refused. Bounds what the bytes do not: many small ones. */
  readonly unappliedEntriesMax: number
  /** Payload handed over to the state machine in one output. */
  readonly applyBytesMax: number
  readonly applyEntriesMax: number
  /** Proposals held back while leadership is being transferred. */
  readonly heldProposalsMax: number
  /** Reads waiting for a round or for the state machine. */
  readonly readsMax: number
  /** Entries kept behind a snapshot, so that a follower that was away briefly needs no snapshot. */
  readonly trailingEntries: number
  /** Uniform in [0, 1): what keeps two servers from campaigning at the same time for ever. */
  readonly rng: () => number
}

/** Consul's `raft_multiplier = 1` timings, and etcd's window. */
export const defaultRaftConfig: Omit<RaftConfig, 'id' | 'rng'> = {
  electionTimeoutMinMs: 1000,
  heartbeatMs: 100,
  commitNoticeMs: 5,
  leaseGuardMs: 100,
  inflightMessagesMax: 256,
  inflightBytesMax: 8 << 20,
  appendBytesMax: bounds.appendBytesMax,
  appendEntriesMax: bounds.appendEntriesMax,
  payloadBytesMax: bounds.payloadBytesMax,
  uncommittedBytesMax: 64 << 20,
  unappliedEntriesMax: 16_384,
  applyBytesMax: 4 << 20,
  applyEntriesMax: 1024,
  heldProposalsMax: 1024,
  readsMax: 65_536,
  trailingEntries: 10_240,
}

export function assertRaftConfig(config: RaftConfig): void {
  assert(config.id !== '', 'a server has an id')
  assert(config.heartbeatMs > 0, 'heartbeats take time')
  assert(config.commitNoticeMs >= 0, 'a commit is told after it was made')
  // A lease that is shorter than a heartbeat would be over before it could be renewed.
  assert(
    config.electionTimeoutMinMs >= 4 * config.heartbeatMs,
    'an election timeout is several heartbeats',
  )
  assert(config.leaseGuardMs >= config.heartbeatMs, 'a lease guard covers a heartbeat')
  assert(config.appendEntriesMax > 0 && config.applyEntriesMax > 0, 'a batch holds something')
  assert(config.appendBytesMax <= bounds.appendBytesMax, 'an append fits in its frame')
  assert(config.payloadBytesMax <= bounds.payloadBytesMax, 'a payload fits in its frame')
}
