import { assertNever } from '../../model/assert.ts'
import { isCompatible, roundTripSeconds } from '../../model/coordinate.ts'
import type { Coordinate } from '../../model/coordinate.ts'
import { PraetorError } from '../../model/errors.ts'
import type { Member } from '../../model/member.ts'
import type { SwimEvent } from '../swim/events.ts'
import { encodeTags } from '../wire/tags.ts'
import { expireAsked, ask } from './asked-queries.ts'
import {
  expireBroadcasts,
  forceLeave,
  leave,
  onBroadcastDone,
  onSwimLeft,
  stay,
} from './departure.ts'
import type {
  Restored,
  Serf,
  SerfCommand,
  SerfEffect,
  SerfInput,
  SerfNeeds,
  SerfStatus,
} from './events.ts'
import { announceJoin } from './intent-rules.ts'
import { endKeyTask } from './internal-queries.ts'
import { operateKeyring } from './keyring-operation.ts'
import { onAcked, shareCoordinate } from './measuring.ts'
import { asMember } from './members.ts'
import { onConflict, onFailed, onJoined, onLeft, onReaped, onUpdated } from './membership.ts'
import { settleNameConflict } from './name-conflict.ts'
import { expireOpen, respond } from './open-queries.ts'
import { encodeState, mergeState } from './push-pull.ts'
import { heed, receive } from './receive.ts'
import { createState, nextNumber, swim, tell, tellOf } from './state.ts'
import type { SerfState } from './state.ts'
import { fire } from './user-events.ts'

/** One member's part in Serf, as a value: what comes in, and what is to be done about it. `events.ts` is the contract. */
export class SerfCore implements Serf {
  readonly #serf: SerfState

  constructor(needs: SerfNeeds) {
    this.#serf = createState(needs)
    tellOf(this.#serf, 'memberJoined', this.#serf.members.own)
    shareCoordinate(this.#serf)
  }

  step(nowMs: number, input: SerfInput): void {
    const serf = this.#serf
    serf.nowMs = Math.max(serf.nowMs, nowMs)
    take(serf, input)
    for (let own = serf.toSelf.shift(); own !== undefined; own = serf.toSelf.shift())
      heed(serf, own.message, own.body)
  }

  take(): readonly SerfEffect[] {
    return this.#serf.effects.splice(0)
  }

  dueMs(): number {
    const { asked, open, broadcasts, departure, intents } = this.#serf
    let due = Math.min(departure?.stayUntilMs ?? Infinity, intents.dueMs())
    for (const waiting of [asked, open, broadcasts])
      for (const { deadlineMs } of waiting.values()) due = Math.min(due, deadlineMs)
    return due
  }

  encodeState(): Uint8Array {
    return encodeState(this.#serf)
  }

  members(): Member[] {
    const members = Array.from(this.#serf.members.all(), asMember)
    return members.toSorted((a, b) => (a.Name < b.Name ? -1 : 1))
  }

  member(name: string): Member | null {
    const record = this.#serf.members.get(name)
    return record === undefined ? null : asMember(record)
  }

  coordinate(): Coordinate {
    return this.#serf.vivaldi.coordinate
  }

  coordinateOf(name: string): Coordinate | null {
    const { members, coordinates } = this.#serf
    return name === members.own.name ? this.coordinate() : (coordinates.get(name) ?? null)
  }

  expectedRttMs(name: string): number | null {
    const other = this.coordinateOf(name)
    if (other === null || !isCompatible(this.coordinate(), other)) return null
    return roundTripSeconds(this.coordinate(), other) * 1000
  }

  memory(): Restored {
    return { clocks: this.status().clocks, coordinate: this.coordinate() }
  }

  status(): SerfStatus {
    const { members, memberClock, eventClock, queryClock, coordinateResets } = this.#serf
    return {
      members: members.size,
      failed: members.count('failed'),
      left: members.count('left'),
      clocks: { member: memberClock.next, event: eventClock.next, query: queryClock.next },
      coordinateResets,
    }
  }
}

function take(serf: SerfState, input: SerfInput): void {
  switch (input.kind) {
    case 'swim':
      return takeEvent(serf, input.event)
    case 'tick':
      return tick(serf)
    case 'keyDone':
      return endKeyTask(serf, input.task, input.outcome)
    default:
      return takeCommand(serf, input)
  }
}

function takeEvent(serf: SerfState, event: SwimEvent): void {
  switch (event.kind) {
    case 'joined':
      return onJoined(serf, event.member)
    case 'updated':
      return onUpdated(serf, event.member)
    case 'failed':
      return onFailed(serf, event.member)
    case 'left':
      return onLeft(serf, event.member)
    case 'reaped':
      return onReaped(serf, event.member)
    case 'conflict':
      onConflict(serf, event.member, event.claim.address)
      if (event.member.name === serf.members.own.name && serf.config.settlesNameConflicts)
        settleNameConflict(serf)
      return
    case 'user':
      return receive(serf, event.body)
    case 'userState':
      return mergeState(serf, event.body, event.join)
    case 'acked':
      return onAcked(serf, event.node, event.rttMs, event.payload)
    case 'joinDone':
      return onJoinDone(serf, event)
    case 'leaveDone':
      return onSwimLeft(serf, event.told)
    case 'broadcastDone':
      return onBroadcastDone(serf, event.ticket, true)
    case 'suspected':
    case 'cleared':
    case 'degraded':
      // Doubts are the membership core's own until it is sure.
      return
    default:
      return assertNever(event)
  }
}

function tick(serf: SerfState): void {
  expireAsked(serf)
  expireOpen(serf)
  expireBroadcasts(serf)
  serf.intents.expire(serf.nowMs)
  stay(serf)
}

function takeCommand(serf: SerfState, command: SerfCommand): void {
  switch (command.kind) {
    case 'join':
      return join(serf, command)
    case 'leave':
      return leave(serf, command.ticket)
    case 'forceLeave':
      return forceLeave(serf, command.ticket, command.node, command.prune)
    case 'setTags':
      return setTags(serf, command.tags)
    case 'fire':
      return fire(serf, command)
    case 'query': {
      const { ticket, question } = command
      return ask(serf, question, {
        onAck: (from) => tell(serf, { kind: 'queryAcked', ticket, from }),
        onAnswer(from, payload) {
          tell(serf, { kind: 'queryAnswered', ticket, from, payload })
          return false
        },
        onDone: () => tell(serf, { kind: 'queryDone', ticket }),
      })
    }
    case 'respond':
      return respond(serf, command.query, command.payload)
    case 'keyring':
      return operateKeyring(serf, command)
    default:
      return assertNever(command)
  }
}

function join(
  serf: SerfState,
  { ticket, addresses, ignoreOld }: Extract<SerfCommand, { kind: 'join' }>,
): void {
  if (serf.life !== 'alive')
    throw new PraetorError('failed', "Serf can't Join after Leave or Shutdown")
  const own = nextNumber(serf)
  serf.joins.set(own, { ticket, ignoreOld })
  swim(serf, { kind: 'join', ticket: own, addresses })
}

function onJoinDone(
  serf: SerfState,
  { ticket: own, joined, failures }: Extract<SwimEvent, { kind: 'joinDone' }>,
): void {
  const asked = serf.joins.get(own)
  serf.joins.delete(own)
  if (asked === undefined) return
  if (joined > 0 && serf.life === 'alive') announceJoin(serf)
  tell(serf, { kind: 'joinDone', ticket: asked.ticket, joined, failures })
}

const metaBytesMax = 512

function setTags(serf: SerfState, tags: Readonly<Record<string, string>>): void {
  const meta = encodeTags(tags)
  if (meta.length > metaBytesMax)
    throw new PraetorError(
      'failed',
      `Encoded length of tags exceeds limit of ${metaBytesMax} bytes`,
    )
  const { own } = serf.members
  own.tags = tags
  swim(serf, { kind: 'setMeta', meta })
  tellOf(serf, 'memberUpdated', own)
}
