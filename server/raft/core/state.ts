import { emptyMembership } from '../types.ts'
import type {
  HardState,
  Index,
  Membership,
  NodeId,
  Recovered,
  SnapshotMeta,
  Term,
} from '../types.ts'
import { assertRaftConfig } from './config.ts'
import type { RaftConfig } from './config.ts'
import { RaftLog } from './log.ts'
import { MembershipHistory } from './membership-history.ts'
import type { Outbound, RaftMessage } from './messages.ts'
import type { MembershipChange, ReadResult, Role, SnapshotOrder, Ticket } from './output.ts'
import type { Progress } from './progress.ts'
import { Tickets } from './tickets.ts'

/**
 * The one mutable object of the core. Each duty's file holds the functions that change its part of it; what belongs to one
 * role exists only in that role.
 */
export interface RaftState {
  readonly config: RaftConfig
  readonly log: RaftLog
  readonly members: MembershipHistory
  readonly tickets: Tickets
  /** The driver's clock at the last tick; null before the first. */
  nowMs: number
  /** When this process first knew the time. What it promised before that, it forgot. */
  startedMs: number | null
  term: Term
  vote: NodeId | null
  role: Role
  leader: NodeId | null
  /** When a leader of any term was last heard; -Infinity before. Kept across terms: it dates a promise, not a belief. */
  contactMs: number
  /** Since when no leader was heard and no vote given, and how long to bear that before campaigning. */
  electionSinceMs: number
  electionTimeoutMs: number
  /** Elections and pre-elections in a row that came to nothing; spreads the next attempt. */
  electionsLost: number
  /** Answers to the present campaign. */
  readonly votes: Map<NodeId, boolean>
  /** What only a leader has. */
  leadership: Leadership | null
  readonly outbox: Outbox
}

export interface Leadership {
  /** The term's first entry: nothing older is known to be committed, or may be read, before it is. */
  readonly noopIndex: Index
  /** Every member but this server; those being removed stay until they were told. */
  readonly progress: Map<NodeId, Progress>
  /** The membership that is committed and that `progress` agrees with. */
  settledMembership: Index
  heartbeatDueMs: number
  /** When a commit that no entries carried is told by itself; null when nobody waits to hear of one. */
  noticeDueMs: number | null
  /** Heartbeats sent before this instant renew no lease. */
  leaseFloorMs: number
  /** A `timeoutNow` left, and may arrive whenever: no lease for the rest of this term. */
  leaseForfeited: boolean
  transfer: Transfer | null
  readonly reads: PendingReads
  /** Payload bytes appended and not yet committed. */
  uncommittedBytes: number
  /** The proposal that began the joint configuration, to be settled when it is left. */
  jointTicket: Ticket | null
}

export interface Transfer {
  readonly to: NodeId
  readonly deadlineMs: number
  asked: boolean
  readonly held: HeldProposal[]
}

export type HeldProposal =
  | { readonly kind: 'propose'; readonly ticket: Ticket; readonly payload: Uint8Array }
  | {
      readonly kind: 'proposeMembership'
      readonly ticket: Ticket
      readonly changes: readonly MembershipChange[]
    }

/** Reads are numbered; a round confirms every number up to its own. */
export interface PendingReads {
  queue: { readonly position: number; readonly ticket: Ticket; readonly index: Index }[]
  lastPosition: number
  /** The highest position a heartbeat has carried. */
  sentPosition: number
  confirmedPosition: number
}

/** What the next output will hold. */
export interface Outbox {
  send: Outbound[]
  /** Messages and self-votes that may take effect only when everything appended before them is durable. */
  staged: Deferred[]
  /** The same, behind a batch that is being written. */
  waiting: { readonly seq: number; readonly deferred: readonly Deferred[] }[]
  lastSeq: number
  doneSeq: number
  writtenHardState: HardState
  reads: ReadResult[]
  snapshots: SnapshotOrder[]
  restore: SnapshotMeta | null
  /** A snapshot mark for the next batch. */
  snapshot: SnapshotMeta | null
  /** What may be compacted when a batch is durable. */
  compactAfter: { readonly seq: number; readonly through: Index } | null
  compactThrough: Index | null
  snapshotIndex: Index
}

export type Deferred =
  | { readonly kind: 'message'; readonly outbound: Outbound }
  | { readonly kind: 'selfVote'; readonly term: Term }

export function createState(config: RaftConfig, recovered: Recovered): RaftState {
  assertRaftConfig(config)
  const { hardState, snapshot, memberships, log } = recovered
  return {
    config,
    log: new RaftLog(log, snapshot, hardState.commit),
    members: new MembershipHistory(
      { index: snapshot?.index ?? 0, membership: snapshot?.membership ?? emptyMembership },
      memberships,
    ),
    tickets: new Tickets(),
    nowMs: 0,
    startedMs: null,
    term: hardState.term,
    vote: hardState.vote,
    role: 'follower',
    leader: null,
    contactMs: -Infinity,
    electionSinceMs: 0,
    electionTimeoutMs: Infinity,
    electionsLost: 0,
    votes: new Map(),
    leadership: null,
    outbox: {
      send: [],
      staged: [],
      waiting: [],
      lastSeq: 0,
      doneSeq: 0,
      writtenHardState: hardState,
      reads: [],
      snapshots: [],
      restore: null,
      snapshot: null,
      compactAfter: null,
      compactThrough: null,
      snapshotIndex: snapshot?.index ?? 0,
    },
  }
}

export function membershipOf(raft: RaftState): Membership {
  return raft.members.latest.membership
}

/** For what is true whatever the disk holds. */
export function send(raft: RaftState, to: NodeId, message: RaftMessage): void {
  raft.outbox.send.push({ to, message })
}

/** For what is true only once everything appended so far is durable: acknowledgements and votes (Raft §5, figure 2). */
export function sendWhenDurable(raft: RaftState, to: NodeId, message: RaftMessage): void {
  raft.outbox.staged.push({ kind: 'message', outbound: { to, message } })
}
