import { assert } from '../model/assert.ts'

/**
 * The vocabulary of consensus, shared by the core (pure), the storage (files) and the driver (time and sockets).
 * Terms and indexes are JS numbers: 2^53 entries at a million a second is 285 years. They are asserted safe where they
 * come from outside, and are u64 little endian on disk and on the wire.
 */

/** A server's identity: a UUID made with its data directory, so that a server that lost its disk is a new server. */
export type NodeId = string

/** A period with at most one leader. 0 is before the first election. */
export type Term = number

/** A place in the log. The first entry has index 1; 0 is "before the log". */
export type Index = number

/** Two logs that hold an entry with the same id hold the same entries up to it (Raft §5.3, Log Matching). */
export interface EntryId {
  readonly term: Term
  readonly index: Index
}

/** What stands before the first entry of a log that was never compacted. */
export const origin: EntryId = { term: 0, index: 0 }

/**
 * `command` is the state machine's; `noop` is a new leader's first entry, with no payload; `membership` holds an encoded
 * Membership (core/membership.ts). All three are handed to apply, so that the state machine's index never has holes.
 */
export type EntryKind = 'command' | 'noop' | 'membership'

/** One place in the log. The payload is opaque from propose to apply: storage and wire copy it and never look inside. */
export interface Entry extends EntryId {
  readonly kind: EntryKind
  readonly payload: Uint8Array
}

/**
 * What a server may never forget. Term and vote are written together before any reply that depends on them; commit rides
 * along and is only a hint (it may lag what was committed, never run ahead of the log written with it).
 */
export interface HardState {
  readonly term: Term
  /** Whom this server voted for in `term`. */
  readonly vote: NodeId | null
  readonly commit: Index
}

export const emptyHardState: HardState = { term: 0, vote: null, commit: 0 }

/**
 * Who takes part. While `outgoing` is not empty the configuration is joint (Raft §6): an election or a commit needs a
 * majority of `voters` and a majority of `outgoing`. Ids are sorted, so that equal memberships are equal bytes.
 */
export interface Membership {
  /** The majority that decides once the change is through (C_new). */
  readonly voters: readonly NodeId[]
  /** The majority that must agree as well while the configuration is joint (C_old); empty otherwise. */
  readonly outgoing: readonly NodeId[]
  /** They receive the log and are not counted. */
  readonly learners: readonly NodeId[]
  /** Voters of `outgoing` that become learners when the joint configuration is left. */
  readonly learnersNext: readonly NodeId[]
  /** `host:port` of each of the above. The core carries addresses and never reads them. */
  readonly addresses: Readonly<Record<NodeId, string>>
}

export const emptyMembership: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}

/** What a snapshot replaces: every entry up to `index`, and the membership in effect there. */
export interface SnapshotMeta extends EntryId {
  readonly membership: Membership
}

/** A membership as a log entry: kept as a list, because truncation may take back any number of them. */
export interface MembershipEntry {
  readonly index: Index
  readonly membership: Membership
}

/**
 * How the core reads what is durable; storage implements it. Synchronous, because the core is. The core asks only for
 * indexes in `[firstIndex, lastIndex]` that an `appendDone` has covered and that it has not truncated since, so the view
 * may lag or run ahead of what is being written without harm.
 */
export interface LogView {
  /** The oldest entry kept; `lastIndex() + 1` when there is none. */
  firstIndex(): Index
  /** The newest entry kept; the snapshot's index when there is none (0 without a snapshot). */
  lastIndex(): Index
  term(index: Index): Term
  /**
   * Entries `from` up to and including `through`, in order, as many as fit in `bytesMax` of payload, and always at least
   * one.
   */
  entries(from: Index, through: Index, bytesMax: number): readonly Entry[]
}

/** What storage found when it opened. The state machine has already been restored from `snapshot`. */
export interface Recovered {
  readonly hardState: HardState
  readonly snapshot: SnapshotMeta | null
  /** Every membership entry in the log above the snapshot's index, in order. */
  readonly memberships: readonly MembershipEntry[]
  readonly log: LogView
}

/** Bounds that storage and wire share with the core, so that what one admits no other refuses. */
export const bounds = {
  /** Largest payload of one entry: two of Consul's largest values (512 KiB), or one transaction. */
  payloadBytesMax: 1 << 20,
  /** Payload bytes in one append message; a single entry may exceed it alone. */
  appendBytesMax: 1 << 20,
  /** Entries in one append message. */
  appendEntriesMax: 4096,
  /** Bytes of a snapshot in one chunk message. */
  chunkBytesMax: 1 << 20,
  /** Members of every kind in one configuration. */
  membersMax: 64,
} as const

/** Asserts that a number that came from outside can be an index or a term. */
export function assertPosition(value: number, what: string): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${what} ${value} is no position`)
}
