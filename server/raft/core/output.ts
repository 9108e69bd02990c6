import type {
  Entry,
  EntryId,
  HardState,
  Index,
  Membership,
  NodeId,
  SnapshotMeta,
  Term,
} from '../types.ts'
import type { Outbound, RaftMessage, SnapshotChunk } from './messages.ts'

/**
 * The core's two sides. A driver gathers events during a turn of the loop, steps each, calls `take()` once, and carries out
 * what it got. One output per turn is what makes one write and one message per peer out of many proposals.
 *
 * The driver's promises:
 *   1. Append batches are written in the order of `seq`; `appendDone{seq}` means every batch up to `seq` is on disk.
 *      Batches may be merged in one write. After a failed write or sync the process ends; there is no event for it.
 *   2. `restore` and `apply` are carried out in the order of the outputs, each entry once; `applyDone` follows.
 *   3. Messages to one peer leave in order. They may be lost. `send` need not wait for `append`: a message whose truth
 *      depends on the disk is kept by the core and appears in the `send` of the output that follows its `appendDone`.
 *   4. An event is never stepped while another is, and `take()` follows every turn that stepped one.
 */
export type RaftEvent =
  /**
   * Time, in monotonic milliseconds, never decreasing. Every turn begins with one, and no turn is later than `heartbeatMs / 2`
   * after the last: what a message promises or proves is dated by the tick before it, and a date that is too early breaks a
   * promise. A process that stood still needs do nothing else.
   */
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** The machine slept, or its clocks disagree: whatever was concluded from time is void. */
  | { readonly kind: 'clockJumped' }
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: RaftMessage }
  /** Ends in exactly one Settlement with this ticket. The payload belongs to the core from now on. */
  | { readonly kind: 'propose'; readonly ticket: Ticket; readonly payload: Uint8Array }
  | {
      readonly kind: 'proposeMembership'
      readonly ticket: Ticket
      readonly changes: readonly MembershipChange[]
    }
  /** Ends in exactly one ReadResult with this ticket. */
  | { readonly kind: 'readIndex'; readonly ticket: Ticket }
  /** Hand leadership to `to`, or to the most up-to-date voter. Follow `role` to see it happen; it may not. */
  | { readonly kind: 'transfer'; readonly to: NodeId | null }
  /** Every batch with this `seq` or a lower one is durable. */
  | { readonly kind: 'appendDone'; readonly seq: number }
  /** The state machine holds every entry up to `index`, by `apply` or by `restore`. */
  | { readonly kind: 'applyDone'; readonly index: Index }
  /** A snapshot of our own state machine is durable under its final name. `snapshot` came from `snapshotMeta(index)`. */
  | { readonly kind: 'snapshotSaved'; readonly snapshot: SnapshotMeta }
  /** Answers a `store` order: bytes up to `nextOffsetBytes` of that snapshot are kept (not yet durable). */
  | {
      readonly kind: 'chunkStored'
      readonly from: NodeId
      readonly snapshot: EntryId
      readonly nextOffsetBytes: number
    }
  /** Answers a `store` order whose chunk was the last: the whole snapshot is durable under its final name, and checked. */
  | { readonly kind: 'snapshotReceived'; readonly from: NodeId; readonly snapshot: SnapshotMeta }
  /** Answers a `stream` order: one chunk for that peer. */
  | {
      readonly kind: 'chunkRead'
      readonly to: NodeId
      readonly chunk: Omit<SnapshotChunk, 'kind' | 'term'>
    }
  /** Answers a `stream` order that cannot be met (the snapshot is gone or unreadable): start over after a pause. */
  | { readonly kind: 'streamFailed'; readonly to: NodeId }
  /** A message to this peer was refused by its socket; do not pipeline until it answers again. */
  | { readonly kind: 'unreachable'; readonly to: NodeId }

/** The driver's own number for a proposal or a read. */
export type Ticket = number

/** One step of a change of members; several are made in one joint configuration. */
export type MembershipChange =
  | { readonly kind: 'addVoter'; readonly id: NodeId; readonly address: string }
  | { readonly kind: 'addLearner'; readonly id: NodeId; readonly address: string }
  | { readonly kind: 'remove'; readonly id: NodeId }

export interface RaftOutput {
  /** May leave at once, before `append` is durable. */
  readonly send: readonly Outbound[]
  /** To be written durably, in order of `seq`, then answered by `appendDone`. */
  readonly append: AppendBatch | null
  /**
   * Before anything in `apply` of this or a later output: replace the state machine by this snapshot (it was received
   * whole) and answer `applyDone{index: restore.index}`.
   */
  readonly restore: SnapshotMeta | null
  /** Committed entries in order, without holes, each exactly once per process. Answered by `applyDone`. */
  readonly apply: readonly Entry[]
  /**
   * Proposals that came to an end. One that was committed appears in the same output as its entry in `apply`, so a driver
   * that notes `settled` before applying finds the ticket of every result.
   */
  readonly settled: readonly Settlement[]
  /** Reads that came to an end. When one is ready the state machine already holds `index`: read now. */
  readonly reads: readonly ReadResult[]
  /** What to do about snapshots on their way from or to another server. */
  readonly snapshots: readonly SnapshotOrder[]
  /** Entries up to here are never read again; whole segments below may go. The snapshot that covers them is durable. */
  readonly compactThrough: Index | null
  /** Set when role, term or leader changed since the last output. */
  readonly role: RoleChange | null
  /** Set when the members changed: whom to keep connections to. In effect since it was appended, not yet committed. */
  readonly membership: Membership | null
}

/** Written in the order of its fields, as one record that is there whole or not at all. Never empty. */
export interface AppendBatch {
  /** 1, 2, 3, … */
  readonly seq: number
  /** Null when term, vote and commit are what the last batch said. */
  readonly hardState: HardState | null
  /** Forget entries with this index and above. */
  readonly truncateFrom: Index | null
  /**
   * From now on the log begins after this snapshot, or before it where entries are kept. When it lies beyond the last entry
   * (after `truncateFrom`), the log is empty and goes on at `snapshot.index + 1`: the only gap there may be.
   */
  readonly snapshot: SnapshotMeta | null
  /** Consecutive, following what the fields above left. */
  readonly entries: readonly Entry[]
}

export type Settlement =
  | {
      readonly ticket: Ticket
      readonly outcome: 'committed'
      readonly index: Index
      readonly term: Term
    }
  /** Never appended: safe to try again, at `leader` if it is known. */
  | { readonly ticket: Ticket; readonly outcome: 'notLeader'; readonly leader: NodeId | null }
  /** Appended, and then overwritten by another leader: certain not to have happened. */
  | { readonly ticket: Ticket; readonly outcome: 'lost'; readonly leader: NodeId | null }
  /** Appended, and leadership lost before the fate was known: it may yet be committed. */
  | { readonly ticket: Ticket; readonly outcome: 'unknown'; readonly leader: NodeId | null }
  /** Never appended: against a bound or a rule. */
  | { readonly ticket: Ticket; readonly outcome: 'refused'; readonly reason: Refusal }

export type Refusal =
  | 'payload-too-large'
  /** More payload bytes are appended and uncommitted than `uncommittedBytesMax`. */
  | 'too-many-uncommitted'
  /** More entries are appended and not applied than `unappliedEntriesMax`. */
  | 'too-many-unapplied'
  /** Another change is under way, or no entry of this term is committed yet (Raft's 2015 membership bug). */
  | 'membership-busy'
  /** The change is empty, names a member twice, leaves no voter, or has too many members. */
  | 'membership-invalid'

export type ReadResult =
  | { readonly ticket: Ticket; readonly outcome: 'ready'; readonly index: Index }
  | { readonly ticket: Ticket; readonly outcome: 'notLeader'; readonly leader: NodeId | null }
  | { readonly ticket: Ticket; readonly outcome: 'refused'; readonly reason: 'too-many-reads' }

/**
 * Chunks are pulled: the leader's core orders one, the follower's core asks for the next by its answer. So a slow disk on
 * either side sets the pace, and a lost chunk is simply ordered again.
 */
export type SnapshotOrder =
  /**
   * Leader: answer with `chunkRead` beginning at `offsetBytes` of `snapshot`, or with `streamFailed`. When `snapshot` is
   * null choose the newest.
   */
  | {
      readonly kind: 'stream'
      readonly to: NodeId
      readonly snapshot: EntryId | null
      readonly offsetBytes: number
    }
  /**
   * Follower: keep these bytes of an incoming snapshot and answer `chunkStored` (with the offset you have, if this chunk
   * does not continue it) or, if it is the last, `snapshotReceived`. A chunk of a newer snapshot replaces an unfinished one.
   */
  | { readonly kind: 'store'; readonly from: NodeId; readonly chunk: SnapshotChunk }

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader'

export interface RoleChange {
  readonly role: Role
  readonly term: Term
  readonly leader: NodeId | null
}
