import type { Address, Versions } from './messages.ts'

/**
 * Serf's messages (protocol 2 to 5), as they are meant. They travel inside memberlist's: as the body of a `user` message, as the
 * user state of a push/pull, as the payload of a query's answer.
 *
 * A time is a Lamport time (Lamport, "Time, Clocks, and the Ordering of Events", CACM 1978) and a safe integer: larger ones are
 * refused on the way in, since nobody could ever count beyond them.
 */
export type LamportTime = number

/** A member says that it goes, or others say so of a failed one. */
export interface Leave {
  readonly kind: 'leave'
  readonly time: LamportTime
  readonly node: string
  /** Whether to forget it at once, without the usual day of remembrance. */
  readonly prune: boolean
}

export interface Join {
  readonly kind: 'join'
  readonly time: LamportTime
  readonly node: string
}

/** All that Serf knows beyond memberlist. Each clock is the time that will be given next, so one less is what was seen. */
export interface SerfState {
  readonly kind: 'state'
  readonly time: LamportTime
  /** When the status of each member changed last. */
  readonly statusTimes: ReadonlyMap<string, LamportTime>
  readonly leftMembers: readonly string[]
  readonly eventTime: LamportTime
  /** The recent events by their time, in no certain order. */
  readonly events: readonly EventsOfTime[]
  readonly queryTime: LamportTime
}

export interface EventsOfTime {
  readonly time: LamportTime
  readonly events: readonly { readonly name: string; readonly payload: Uint8Array }[]
}

export interface UserEvent {
  readonly kind: 'userEvent'
  readonly time: LamportTime
  readonly name: string
  readonly payload: Uint8Array
  /** Whether an event may stand for all of the same name that come close together. */
  readonly coalesce: boolean
}

export interface Query {
  readonly kind: 'query'
  readonly time: LamportTime
  /** 32 bits, which tell apart the queries of one time. */
  readonly id: number
  /** Where answers go. */
  readonly source: Address
  /** Who asks. Empty from members older than Serf 0.9. */
  readonly sourceNode: string
  /** All of them must hold of whoever answers. */
  readonly filters: readonly QueryFilter[]
  /** Whether everybody whom the filters let through is to say so at once. */
  readonly wantsAck: boolean
  readonly noBroadcast: boolean
  /** Through how many others each answer is sent as well. */
  readonly relayFactor: number
  /** How long answers are taken, from when the question was asked. */
  readonly timeoutMs: number
  readonly name: string
  readonly payload: Uint8Array
}

export type QueryFilter =
  | { readonly kind: 'nodes'; readonly nodes: readonly string[] }
  /** A regular expression of Go's, not anchored, over one tag. */
  | { readonly kind: 'tag'; readonly tag: string; readonly expression: string }
  /** Unknown or unreadable: who meets one passes the query on and does not answer. */
  | { readonly kind: 'unknown'; readonly bytes: Uint8Array }

export interface QueryResponse {
  readonly kind: 'queryResponse'
  /** The query's own time and id. */
  readonly time: LamportTime
  readonly id: number
  readonly from: string
  /** That the query arrived; an answer may follow. */
  readonly isAck: boolean
  readonly payload: Uint8Array
}

/** What is asked of others when two members have one name: which address they know it by. */
export interface ConflictResponse {
  readonly kind: 'conflictResponse'
  readonly member: KnownMember | undefined
}

/** A member as another describes it. The status numbers are those of `server/model/member.ts`. */
export interface KnownMember {
  readonly name: string
  readonly address: Address
  readonly tags: Readonly<Record<string, string>>
  readonly status: number
  readonly versions: Versions
}

/** The payload of the queries that install, use and remove a key. */
export interface KeyRequest {
  readonly kind: 'keyRequest'
  readonly key: Uint8Array
}

/** What a member answers to those, and to the one that lists. */
export interface KeyResponse {
  readonly kind: 'keyResponse'
  readonly done: boolean
  /** Why not; or that the list was cut short. */
  readonly message: string
  /** In base64. */
  readonly keys: readonly string[]
  /** In base64; empty from members older than Serf 0.9. */
  readonly primaryKey: string
}

/** Another Serf message, handed on by whoever gets this. */
export interface Relay {
  readonly kind: 'relay'
  readonly to: Address
  readonly toNode: string
  readonly body: Uint8Array
}

export type SerfMessage =
  | Leave
  | Join
  | SerfState
  | UserEvent
  | Query
  | QueryResponse
  | ConflictResponse
  | KeyRequest
  | KeyResponse
  | Relay

/** The queries that every member answers by itself, whatever it runs. */
export const internalQueries = {
  ping: '_serf_ping',
  conflict: '_serf_conflict',
  installKey: '_serf_install-key',
  useKey: '_serf_use-key',
  removeKey: '_serf_remove-key',
  listKeys: '_serf_list-keys',
} as const
