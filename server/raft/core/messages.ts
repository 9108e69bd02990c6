import type { Entry, EntryId, Index, NodeId, SnapshotMeta, Term } from '../types.ts'

/**
 * What servers say to each other. Every message carries its sender's term (a pre-vote request and its grant carry the term
 * the candidate would take). Delivery may lose, duplicate and reorder; nothing here relies on more.
 */
export type RaftMessage =
  | PreVote
  | PreVoteResponse
  | Vote
  | VoteResponse
  | Append
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | SnapshotChunk
  | SnapshotChunkResponse
  | TimeoutNow

/** "Would you vote for me in `term`?" Changes nothing at the receiver (thesis §9.6). */
export interface PreVote {
  readonly kind: 'preVote'
  /** The sender's term plus one. */
  readonly term: Term
  readonly lastLog: EntryId
}

export interface PreVoteResponse {
  readonly kind: 'preVoteResponse'
  /** Granted: the request's term, so that it is not mistaken for stale. Refused: the voter's own term. */
  readonly term: Term
  readonly granted: boolean
}

export interface Vote {
  readonly kind: 'vote'
  readonly term: Term
  readonly lastLog: EntryId
  /** The old leader asked for this election, so loyalty to it is no reason to refuse (thesis §4.2.3). */
  readonly transfer: boolean
}

export interface VoteResponse {
  readonly kind: 'voteResponse'
  readonly term: Term
  readonly granted: boolean
}

export interface Append {
  readonly kind: 'append'
  readonly term: Term
  /** The entry just before `entries`. */
  readonly previous: EntryId
  readonly entries: readonly Entry[]
  readonly commit: Index
}

export interface AppendResponse {
  readonly kind: 'appendResponse'
  readonly term: Term
  /** `true`: the sender's log equals the leader's through `match`, durably. */
  readonly accepted: boolean
  /** Accepted: the index of agreement. Rejected: the `previous.index` of the refused append. */
  readonly index: Index
  /**
   * Rejected only: the newest entry of the follower that could agree, so that one probe per term finds the fork.
   * `origin` in an acceptance.
   */
  readonly hint: EntryId
}

/** Never carries entries and never waits for a disk on either side. */
export interface Heartbeat {
  readonly kind: 'heartbeat'
  readonly term: Term
  /** At most the receiver's known match, so it never runs ahead of the receiver's log. */
  readonly commit: Index
  /** The newest read registered when this was sent; the answer confirms every read up to it. */
  readonly round: number
  /** The leader's monotonic clock at sending, handed back for the lease: a promise counts from then. */
  readonly sentAtMs: number
}

export interface HeartbeatResponse {
  readonly kind: 'heartbeatResponse'
  readonly term: Term
  readonly round: number
  readonly sentAtMs: number
}

export interface SnapshotChunk {
  readonly kind: 'snapshotChunk'
  readonly term: Term
  readonly snapshot: SnapshotMeta
  readonly offsetBytes: number
  readonly data: Uint8Array
  readonly last: boolean
}

export interface SnapshotChunkResponse {
  readonly kind: 'snapshotChunkResponse'
  readonly term: Term
  readonly snapshot: EntryId
  /** Where the next chunk should begin: 0 starts over. */
  readonly nextOffsetBytes: number
}

/** "Campaign now, without waiting and without asking first." */
export interface TimeoutNow {
  readonly kind: 'timeoutNow'
  readonly term: Term
}

export interface Outbound {
  readonly to: NodeId
  readonly message: RaftMessage
}
