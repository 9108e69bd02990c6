import type { Coordinate } from '../../model/coordinate.ts'
import type { SwimCommand } from '../swim/events.ts'
import type { Address } from '../wire/messages.ts'
import { encodeSerfMessage } from '../wire/serf-codec.ts'
import type { LamportTime, Query, SerfMessage, UserEvent } from '../wire/serf-messages.ts'
import type { SerfConfig } from './config.ts'
import type { KeyTask, QueryHandle, SerfEffect, SerfEvent, SerfNeeds, Ticket } from './events.ts'
import { IntentBuffer } from './intents.ts'
import { LamportClock } from './lamport.ts'
import { asMember, MemberTable, tagsIn } from './members.ts'
import type { MemberRecord } from './members.ts'
import { RecentTimes } from './recent-times.ts'
import { Vivaldi, vivaldiDefaults } from './vivaldi.ts'

/** The one mutable object; every duty works on it. */
export interface SerfState {
  readonly needs: SerfNeeds
  readonly config: SerfConfig
  nowMs: number
  life: 'alive' | 'leaving' | 'left'

  readonly memberClock: LamportClock
  readonly eventClock: LamportClock
  readonly queryClock: LamportClock

  readonly members: MemberTable
  /** About those who are not members yet. */
  readonly intents: IntentBuffer
  readonly events: RecentTimes<Pick<UserEvent, 'name' | 'payload'>>
  readonly queries: RecentTimes<number>

  readonly vivaldi: Vivaldi
  coordinateResets: number
  /** Where others said that they stand. */
  readonly coordinates: Map<string, Coordinate>

  /** Queries of ours, by their time, which no two of them share. */
  readonly asked: Map<LamportTime, AskedQuery>
  /** Queries that wait for an answer from here, the oldest first. */
  readonly open: Map<QueryHandle, OpenQuery>
  /** What is being done with our keyring, and who wants to know. */
  readonly keyTasks: Map<KeyTask, OpenQuery>

  readonly joins: Map<Ticket, { readonly ticket: Ticket; readonly ignoreOld: boolean }>
  /** Broadcasts that somebody waits for. */
  readonly broadcasts: Map<Ticket, AwaitedBroadcast>
  departure: Departure | null
  /** Whether a vote on our name is under way. */
  isSettlingName: boolean

  /** Tickets, handles and tasks that we give are numbers that are given once. */
  lastNumber: number
  /** Messages from ourselves to ourselves, which are taken like any other when the present step is done. */
  readonly toSelf: { readonly message: SerfMessage; readonly body: Uint8Array }[]
  readonly effects: SerfEffect[]
}

export interface AskedQuery {
  readonly id: number
  readonly deadlineMs: number
  readonly acked: Set<string>
  readonly answered: Set<string>
  readonly listener: QueryListener
}

/** Who asked. Both sides of a query that Serf asks itself are in this room. */
export interface QueryListener {
  readonly onAck?: (from: string) => void
  /** True where no further answer is wanted. */
  readonly onAnswer: (from: string, payload: Uint8Array) => boolean
  readonly onDone: () => void
}

/** A query as it is answered. */
export interface OpenQuery {
  readonly query: Query
  readonly deadlineMs: number
}

export interface AwaitedBroadcast {
  readonly deadlineMs: number
  readonly onDone: (told: boolean) => void
}

/** How far our own leave is. */
export interface Departure {
  /** Everybody who wants to know. */
  readonly tickets: Ticket[]
  told: boolean
  /** When the news has had its time to travel; Infinity before it was told. */
  stayUntilMs: number
}

export function createState(needs: SerfNeeds): SerfState {
  const { self, config, chance, nowMs, restored } = needs
  const state: SerfState = {
    needs,
    config,
    nowMs,
    life: 'alive',
    memberClock: new LamportClock(restored?.clocks.member),
    eventClock: new LamportClock(restored?.clocks.event),
    queryClock: new LamportClock(restored?.clocks.query),
    members: new MemberTable({
      name: self.node,
      address: self.address,
      tags: tagsIn(self.meta),
      versions: self.versions,
      status: 'alive',
      statusTime: 0,
      goneMs: 0,
      prune: false,
    }),
    intents: new IntentBuffer({ memoryMs: config.intentMemoryMs, intentsMax: config.intentsMax }),
    events: new RecentTimes(
      { times: config.recentTimes, weightMax: config.recentEventBytesMax },
      ({ name, payload }) => `${name}\u0000${Buffer.from(payload).toString('latin1')}`,
      ({ name, payload }) => eventOverheadBytes + name.length + payload.length,
    ),
    queries: new RecentTimes(
      { times: config.recentTimes, weightMax: config.recentQueriesMax },
      String,
    ),
    vivaldi: new Vivaldi(chance, vivaldiDefaults, restored?.coordinate),
    coordinateResets: 0,
    coordinates: new Map(),
    asked: new Map(),
    open: new Map(),
    keyTasks: new Map(),
    joins: new Map(),
    broadcasts: new Map(),
    departure: null,
    isSettlingName: false,
    lastNumber: 0,
    toSelf: [],
    effects: [],
  }
  if (restored !== undefined) {
    state.events.ignoreBefore(restored.clocks.event)
    state.queries.ignoreBefore(restored.clocks.query)
  }
  return state
}

/** What an event costs beside its bytes, so that empty ones are not for nothing. */
const eventOverheadBytes = 64

export function nextNumber(state: SerfState): number {
  state.lastNumber += 1
  return state.lastNumber
}

export function swim(state: SerfState, command: SwimCommand): void {
  state.effects.push({ kind: 'swim', command })
}

export function tell(state: SerfState, event: SerfEvent): void {
  state.effects.push({ kind: 'event', event })
}

export function tellOf(
  state: SerfState,
  kind: 'memberJoined' | 'memberUpdated' | 'memberFailed' | 'memberLeft' | 'memberReaped',
  record: MemberRecord,
): void {
  tell(state, { kind, member: asMember(record) })
}

export function count(state: SerfState, name: string): void {
  state.effects.push({ kind: 'metric', type: 'count', name, value: 1 })
}

export function sample(state: SerfState, name: string, value: number): void {
  state.effects.push({ kind: 'metric', type: 'sample', name, value })
}

/** To one member, ourselves included, as a datagram. */
export function send(state: SerfState, to: Address, message: SerfMessage): void {
  const body = encodeSerfMessage(message)
  const { address } = state.members.own
  if (to.host === address.host && to.port === address.port) state.toSelf.push({ message, body })
  else swim(state, { kind: 'sendUser', to, body, reliable: false })
}

/**
 * Of an intent only the newest about a member is worth gossiping, so there is never more than one of each in the queue: a storm
 * of joins and leaves can't fill it.
 */
export function broadcastIntent(
  state: SerfState,
  node: string,
  body: Uint8Array,
  onDone: AwaitedBroadcast['onDone'] | null = null,
): void {
  const ticket = onDone === null ? null : nextNumber(state)
  if (ticket !== null && onDone !== null) {
    const deadlineMs = state.nowMs + state.config.broadcastTimeoutMs
    state.broadcasts.set(ticket, { deadlineMs, onDone })
  }
  swim(state, { kind: 'broadcast', queue: 'intent', subject: node, body, ticket })
}

export function broadcast(state: SerfState, queue: 'query' | 'event', body: Uint8Array): void {
  swim(state, { kind: 'broadcast', queue, subject: null, body, ticket: null })
}
