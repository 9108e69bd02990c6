import { assert } from '../../model/assert.ts'
import type { Chance } from '../../runtime/chance.ts'
import type { Ack, Alive, StreamMessage } from '../wire/messages.ts'
import { Agenda } from './agenda.ts'
import type { Appointment } from './agenda.ts'
import { assertSwimConfig } from './config.ts'
import type { SwimConfig } from './config.ts'
import { Directory } from './directory.ts'
import type { CallFailure, CallId, SwimEffect, SwimEvent, SwimNeeds } from './events.ts'
import { Hearing } from './hearing.ts'
import { Lanes } from './lanes.ts'
import { LearnedPauses } from './learned-pauses.ts'
import { LocalHealth } from './local-health.ts'
import { LossEstimate } from './loss-estimate.ts'
import { MemberTable } from './member-table.ts'
import type { PhiDetector } from './phi-detector.ts'
import { RttHistogram } from './rtt-histogram.ts'

/** The one mutable object of the core. Each duty's file holds the functions that change its part of it. */
export interface SwimState {
  readonly needs: SwimNeeds
  readonly config: SwimConfig
  readonly chance: Chance
  /** The driver's clock at the last step. */
  nowMs: number
  readonly name: string
  /** This node's number in the table. */
  readonly self: number
  readonly table: MemberTable
  readonly agenda: Agenda
  /** What the next `take` gives. */
  effects: SwimEffect[]

  readonly lanes: Lanes
  /** The next gossip; null while there is nothing to tell. */
  gossip: Appointment | null
  /** Gossip ticks fall on multiples of the interval after this. */
  readonly gossipPhaseMs: number
  /** Who died lately and still gets gossip, in order of death. */
  recentlyDead: { readonly member: number; readonly untilMs: number }[]
  /** Whom to tell what is held against them, when there is room for packets. */
  readonly accusations: Set<number>
  /** When each suspect was last told directly. */
  readonly toldMs: Map<number, number>

  /** Pings on their way, by their numbers, in order of sending. */
  readonly pings: Map<number, PendingPing>
  lastSequence: number
  /** One for each suspect. */
  readonly verdicts: Map<number, OpenVerdict>
  readonly probes: Map<number, OpenProbe>
  readonly calls: Map<CallId, PendingCall>
  lastCall: CallId
  ackPayload: Uint8Array

  readonly health: LocalHealth
  readonly loss: LossEstimate
  readonly rtts: RttHistogram
  readonly hearing: Hearing
  readonly pauses: LearnedPauses
  /** How late the loop runs what is due. */
  lagMs: number
  /** Who is watched by heartbeats. */
  readonly heartbeats: Map<number, PhiDetector>
  watched: readonly string[]

  pushPulls: number
  /** Those that wait for one under way to end. */
  readonly waitingPushPulls: (() => void)[]
  hasLeft: boolean
}

/** A ping that may be answered, by whichever way it went. */
export interface PendingPing {
  readonly sentMs: number
  readonly onAck: (ack: Ack) => void
  readonly onNack: () => void
}

/** A member being probed, whatever the method. */
export interface OpenProbe {
  /** φ of this probe alone. */
  level(nowMs: number): number
  /** Something else than an answer to it proved that the member lives. */
  proven(): void
  /** We did not look for that long. */
  disturb(pauseMs: number): void
  /** Ends it without a verdict. */
  abandon(): void
}

/** A suspect's time to refute, and what comes at its end. */
export interface OpenVerdict {
  /** The suspicion's time has changed. */
  reschedule(): void
  /** The suspect answered somebody: it lives. */
  answered(): void
  /** We did not look for that long. */
  disturb(pauseMs: number): void
  /** There is nothing to judge any more. */
  drop(): void
}

export interface PendingCall {
  readonly onAnswer: (message: StreamMessage) => void
  readonly onFailure: (reason: CallFailure) => void
}

export function createState(needs: SwimNeeds): SwimState {
  const { config, chance, nowMs, self } = needs
  assertSwimConfig(config)
  const table = new MemberTable(needs.directory ?? new Directory(), chance)
  const number = table.addSelf(self)
  for (const statement of needs.known ?? []) {
    assert(table.find(statement.node) === null, 'everybody is known once')
    table.add(statement)
  }
  return {
    needs,
    config,
    chance,
    nowMs,
    name: self.node,
    self: number,
    table,
    agenda: new Agenda(),
    effects: [],
    lanes: new Lanes(),
    gossip: null,
    gossipPhaseMs: nowMs + chance.fraction() * config.gossipIntervalMs,
    recentlyDead: [],
    accusations: new Set(),
    toldMs: new Map(),
    pings: new Map(),
    // Answers to a former life of this process must not be taken for ours.
    lastSequence: Math.floor(chance.fraction() * 2 ** 32),
    verdicts: new Map(),
    probes: new Map(),
    calls: new Map(),
    lastCall: 0,
    ackPayload: new Uint8Array(),
    health: new LocalHealth(config.awarenessMax),
    loss: new LossEstimate(),
    rtts: new RttHistogram(),
    hearing: new Hearing(),
    pauses: new LearnedPauses(config.accrual.silenceMinMs, config.accrual.silenceMaxMs),
    lagMs: 0,
    heartbeats: new Map(),
    watched: [],
    pushPulls: 0,
    waitingPushPulls: [],
    hasLeft: false,
  }
}

export function notify(swim: SwimState, event: SwimEvent): void {
  swim.effects.push({ kind: 'event', event })
}

export function count(swim: SwimState, name: string, value = 1): void {
  swim.effects.push({ kind: 'metric', type: 'count', name, value })
}

export function gauge(swim: SwimState, name: string, value: number): void {
  swim.effects.push({ kind: 'metric', type: 'gauge', name, value })
}

export function sample(swim: SwimState, name: string, value: number): void {
  swim.effects.push({ kind: 'metric', type: 'sample', name, value })
}

/** What this node says of itself. */
export function ownStatement(swim: SwimState): Alive {
  return swim.table.statement(swim.self)
}

/** Alive and suspect members, this node included while it stays. */
export function liveCount(swim: SwimState): number {
  return swim.table.live.size + (swim.hasLeft ? 0 : 1)
}
