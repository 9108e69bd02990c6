import type { Coordinate } from '../../model/coordinate.ts'
import type { KeyVerb } from '../../model/keyring.ts'
import type { Member } from '../../model/member.ts'
import type { Chance } from '../../runtime/chance.ts'
import type { MetricEffect, SwimCommand, SwimEvent } from '../swim/events.ts'
import type { Address, Alive } from '../wire/messages.ts'
import type { LamportTime, QueryFilter } from '../wire/serf-messages.ts'
import type { SerfConfig } from './config.ts'

/**
 * Serf's two sides: what it is told (`SerfInput`), what it wants done (`SerfEffect`), and what it must be given to exist
 * (`SerfNeeds`). It stands on the membership core (`swim/events.ts`) and has no clock, chance, timer or socket of its own.
 *
 * A driver's turn:
 *   1. `step(now, { kind: 'swim', event })` for every event that the membership core's `take()` has, in order.
 *   2. `step(now, { kind: 'tick' })`, at `dueMs()` at the latest.
 *   3. Carry out `take()`, in order; its `swim` commands are stepped into the membership core.
 *   4. Wherever that core wants a push/pull sent, its `user` is `encodeState()`.
 *
 * A command that Serf refuses throws a PraetorError in Serf's words, and nothing was done. Nothing else is thrown.
 */
export type SerfInput =
  | { readonly kind: 'swim'; readonly event: SwimEvent }
  | { readonly kind: 'tick' }
  /** Answers a `key` effect. */
  | { readonly kind: 'keyDone'; readonly task: KeyTask; readonly outcome: KeyOutcome }
  | SerfCommand

export type SerfCommand =
  /**
   * Ends in one `joinDone`. With `ignoreOld`, user events from before are not replayed to us: who just came has nothing to do with
   * them.
   */
  | {
      readonly kind: 'join'
      readonly ticket: Ticket
      readonly addresses: readonly Address[]
      readonly ignoreOld: boolean
    }
  /** We go for good. Ends in one `leaveDone`; a second one ends with the first. */
  | { readonly kind: 'leave'; readonly ticket: Ticket }
  /**
   * A failed member is not coming back: everybody is to count it as left, or with `prune` to forget it. One that lives refutes it.
   * Ends in one `forceLeaveDone`.
   */
  | {
      readonly kind: 'forceLeave'
      readonly ticket: Ticket
      readonly node: string
      readonly prune: boolean
    }
  /** Our own tags, all of them. Refused where they take more than 512 bytes encoded. */
  | { readonly kind: 'setTags'; readonly tags: Readonly<Record<string, string>> }
  /** A user event, to everybody and to ourselves. Refused where it is too long. */
  | {
      readonly kind: 'fire'
      readonly name: string
      readonly payload: Uint8Array
      readonly coalesce: boolean
    }
  /** A question to everybody, ourselves included. Ends in one `queryDone`; what comes in until then is told as it comes. */
  | { readonly kind: 'query'; readonly ticket: Ticket; readonly question: Question }
  /** Answers a `query` event, once. Refused when it is too late, or too long. */
  | { readonly kind: 'respond'; readonly query: QueryHandle; readonly payload: Uint8Array }
  /** Has every member do something with its keyring, and ends in one `keyringDone`. */
  | {
      readonly kind: 'keyring'
      readonly ticket: Ticket
      readonly verb: KeyVerb
      /** 16, 24 or 32 bytes, as members will tell; empty for `list`. */
      readonly key: Uint8Array
      readonly relayFactor: number
    }

export interface Question {
  readonly name: string
  readonly payload: Uint8Array
  /** All of them must hold of who is to answer. */
  readonly filters: readonly QueryFilter[]
  /** Whether everybody whom the filters let through says at once that it was asked. */
  readonly wantsAck: boolean
  /** Through how many others each answer comes as well. 0 to 5. */
  readonly relayFactor: number
  /** How long answers are taken; null for what suits the size of the pool. */
  readonly timeoutMs: number | null
}

/** The caller's number for a command that ends in an event. */
export type Ticket = number
/** Serf's number for a query that waits for an answer from here. */
export type QueryHandle = number
/** Serf's number for something to be done with the keyring. */
export type KeyTask = number
export type { KeyVerb }

export type SerfEffect =
  | { readonly kind: 'swim'; readonly command: SwimCommand }
  | { readonly kind: 'event'; readonly event: SerfEvent }
  /** Do this with our own keyring, and say so by `keyDone`. For `list` the key is empty. */
  | {
      readonly kind: 'key'
      readonly task: KeyTask
      readonly verb: KeyVerb
      readonly key: Uint8Array
    }
  | MetricEffect

export type KeyOutcome =
  | { readonly kind: 'done' }
  /** What `list` found; the primary key is one of them. */
  | { readonly kind: 'listed'; readonly keys: readonly Uint8Array[]; readonly primary: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string }
  /** This pool is not encrypted. */
  | { readonly kind: 'unencrypted' }

export type SerfEvent =
  /** A member unknown before, or one that is back. */
  | { readonly kind: 'memberJoined'; readonly member: Member }
  /** Its tags, address or versions changed. */
  | { readonly kind: 'memberUpdated'; readonly member: Member }
  | { readonly kind: 'memberFailed'; readonly member: Member }
  /** Of its own will, or because it failed and somebody said that it does not come back. */
  | { readonly kind: 'memberLeft'; readonly member: Member }
  /** It is forgotten. */
  | { readonly kind: 'memberReaped'; readonly member: Member }
  | {
      readonly kind: 'userEvent'
      readonly time: LamportTime
      readonly name: string
      readonly payload: Uint8Array
      readonly coalesce: boolean
    }
  /** Somebody asks, and may be answered by `respond` until then. */
  | {
      readonly kind: 'query'
      readonly query: QueryHandle
      readonly time: LamportTime
      readonly name: string
      readonly payload: Uint8Array
      /** Empty from members older than Serf 0.9. */
      readonly from: string
      readonly deadlineMs: number
    }
  | { readonly kind: 'queryAcked'; readonly ticket: Ticket; readonly from: string }
  | {
      readonly kind: 'queryAnswered'
      readonly ticket: Ticket
      readonly from: string
      readonly payload: Uint8Array
    }
  | { readonly kind: 'queryDone'; readonly ticket: Ticket }
  | { readonly kind: 'keyringDone'; readonly ticket: Ticket; readonly tally: KeyringTally }
  /** As the membership core's. Nobody was reached where `joined` is 0. */
  | {
      readonly kind: 'joinDone'
      readonly ticket: Ticket
      readonly joined: number
      readonly failures: readonly { readonly to: Address; readonly reason: string }[]
    }
  /** Whether the others were told, as far as one can know. */
  | { readonly kind: 'leaveDone'; readonly ticket: Ticket; readonly told: boolean }
  | { readonly kind: 'forceLeaveDone'; readonly ticket: Ticket; readonly told: boolean }
  /** Somebody else claims the name of a member, which keeps it. Where the name is ours it may be voted on. */
  | { readonly kind: 'nameConflict'; readonly member: Member; readonly claim: Address }
  /** The others know somebody else by our name: we have to go. Only where name conflicts are settled. */
  | {
      readonly kind: 'nameLost'
      readonly answers: number
      /** How many of them know us by it. */
      readonly ours: number
    }

/** What came of a `keyring` command. */
export interface KeyringTally {
  /** What members had to say, by name: why they failed, or that their list was cut short. */
  readonly messages: ReadonlyMap<string, string>
  /** Keys in base64, with how many members have each. */
  readonly keys: ReadonlyMap<string, number>
  /** Keys in base64, with how many members encrypt with each. */
  readonly primaryKeys: ReadonlyMap<string, number>
  /** How many members there are, how many of them answered, and how many of those failed. */
  readonly nodes: number
  readonly answers: number
  readonly errors: number
  /** In Serf's words, where not all members did it. */
  readonly error: string | null
}

/** What Serf is given once. */
export interface SerfNeeds {
  /** This node, as the membership core was told it; its meta are the tags. */
  readonly self: Alive
  readonly config: SerfConfig
  readonly chance: Chance
  readonly nowMs: number
  /** A test for a regular expression of Go's, not anchored. Throws where it is none. */
  readonly compilePattern: (expression: string) => (text: string) => boolean
  /** What was known before a restart: the same event is then not delivered twice. */
  readonly restored?: Restored
}

/** What is worth keeping over a restart. */
export interface Restored {
  readonly clocks: Clocks
  readonly coordinate: Coordinate
}

/** The three clocks, each as the time that it gives next. */
export interface Clocks {
  readonly member: LamportTime
  readonly event: LamportTime
  readonly query: LamportTime
}

/** What `SerfCore` offers. */
export interface Serf {
  step(nowMs: number, input: SerfInput): void
  /** Everything wanted since the last time, in order. */
  take(): readonly SerfEffect[]
  /** When a `tick` is wanted next at the latest; Infinity where none is. */
  dueMs(): number
  /** For the `user` field of a push/pull: all that Serf knows. */
  encodeState(): Uint8Array
  /** Everyone known, this node included, by name. */
  members(): Member[]
  member(name: string): Member | null
  /** Where we stand. */
  coordinate(): Coordinate
  /** Where somebody stands, as it said when we measured it last. */
  coordinateOf(name: string): Coordinate | null
  /** The estimated round trip; null where nothing was measured. For the membership core's `expectedRttMs`. */
  expectedRttMs(name: string): number | null
  /** What to keep over a restart. */
  memory(): Restored
  status(): SerfStatus
}

/** Numbers for operators, as `/v1/agent/self` shows them. */
export interface SerfStatus {
  readonly members: number
  readonly failed: number
  readonly left: number
  readonly clocks: Clocks
  readonly coordinateResets: number
}
