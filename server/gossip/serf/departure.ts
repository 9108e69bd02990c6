import { encodeSerfMessage } from '../wire/serf-codec.ts'
import type { Ticket } from './events.ts'
import { heedLeave } from './intent-rules.ts'
import { becomeLeft } from './membership.ts'
import { broadcastIntent, nextNumber, swim, tell } from './state.ts'
import type { SerfState } from './state.ts'

/**
 * We go. First everybody is told of the intent, so that nobody takes it for a failure; then the membership core says goodbye; then
 * we stay a little to answer those who have not heard yet.
 *
 *     intent broadcast ──told, or too late──► leave of the core ──leaveDone──► stay ──leavePropagateMs──► leaveDone
 */
export function leave(state: SerfState, ticket: Ticket): void {
  if (state.departure !== null) {
    state.departure.tickets.push(ticket)
    if (state.life === 'left') finish(state)
    return
  }
  state.life = 'leaving'
  state.departure = { tickets: [ticket], told: true, stayUntilMs: Infinity }
  const node = state.members.own.name
  const time = state.memberClock.take()
  heedLeave(state, { time, node, prune: false })
  if (state.members.isAlone()) return sayGoodbye(state)
  const body = encodeSerfMessage({ kind: 'leave', time, node, prune: false })
  broadcastIntent(state, node, body, (told) => {
    if (state.departure !== null) state.departure.told = told
    sayGoodbye(state)
  })
}

function sayGoodbye(state: SerfState): void {
  swim(state, { kind: 'leave', ticket: nextNumber(state) })
}

export function onSwimLeft(state: SerfState, told: boolean): void {
  const { departure, nowMs, config } = state
  if (departure === null) return
  if (state.members.own.status !== 'left') becomeLeft(state, state.members.own)
  departure.told &&= told
  departure.stayUntilMs = state.members.isAlone() ? nowMs : nowMs + config.leavePropagateMs
  stay(state)
}

/** Ends the stay when it was long enough. */
export function stay(state: SerfState): void {
  if (state.departure !== null && state.nowMs >= state.departure.stayUntilMs) finish(state)
}

function finish(state: SerfState): void {
  const { departure } = state
  if (departure === null) return
  state.life = 'left'
  departure.stayUntilMs = Infinity
  for (const ticket of departure.tickets.splice(0))
    tell(state, { kind: 'leaveDone', ticket, told: departure.told })
}

/** Has everybody count a failed member as left. */
export function forceLeave(state: SerfState, ticket: Ticket, node: string, prune: boolean): void {
  const done = (told: boolean): void => tell(state, { kind: 'forceLeaveDone', ticket, told })
  // We would refute it at once, and both would be news about one member.
  if (node === state.members.own.name) return done(false)
  const time = state.memberClock.take()
  const isAlone = state.members.isAlone()
  heedLeave(state, { time, node, prune })
  if (isAlone) return done(true)
  broadcastIntent(state, node, encodeSerfMessage({ kind: 'leave', time, node, prune }), done)
}

/** A broadcast of ours left its queue; or it took too long. */
export function onBroadcastDone(state: SerfState, ticket: Ticket, told: boolean): void {
  const awaited = state.broadcasts.get(ticket)
  state.broadcasts.delete(ticket)
  awaited?.onDone(told)
}

export function expireBroadcasts(state: SerfState): void {
  for (const [ticket, { deadlineMs }] of state.broadcasts)
    if (state.nowMs >= deadlineMs) onBroadcastDone(state, ticket, false)
}
