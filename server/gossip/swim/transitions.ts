import type { Alive } from '../wire/messages.ts'
import { isSameDescription, isSameStatement } from './directory.ts'
import { spread } from './dissemination.ts'
import { liveCount, notify } from './state.ts'
import type { SwimState } from './state.ts'
import { Suspicion, suspicionBounds } from './suspicion.ts'

/**
 * What becomes of a member: each change of its state, with all that goes with it, whoever decided it.
 *
 *            welcome              suspect                 bury
 *   unknown ─────────► alive ◄─────────────► suspect ─────────────► dead or left ─────► forgotten
 *                        ▲        restate                                │      forget
 *                        └───────────────────────────────────────────────┘
 */

export function welcome(swim: SwimState, statement: Alive): void {
  const { table } = swim
  const member = table.add(statement)
  spread(swim, member, table.statement(member))
  notify(swim, { kind: 'joined', member: table.view(member) })
}

/** It spoke for itself, after all that was said of it: it is alive. */
export function restate(swim: SwimState, member: number, statement: Alive): void {
  const { table } = swim
  const before = table.view(member)
  const trouble = table.trouble(member)
  const isNews = !isSameStatement(table.statement(member), statement)
  if (trouble?.state === 'suspect' && !trouble.isPrivate)
    swim.pauses.refuted(member, swim.nowMs - trouble.sinceMs + swim.config.accrual.silenceMinMs)
  clearTrouble(swim, member)
  table.restate(member, statement)
  if (isNews) spread(swim, member, table.statement(member))
  // Only the member itself could say so: it lives, whatever we were about to conclude.
  swim.probes.get(member)?.proven()
  const now = table.view(member)
  if (before.state === 'dead' || before.state === 'left')
    return notify(swim, { kind: 'joined', member: now })
  if (before.state === 'suspect') notify(swim, { kind: 'cleared', member: now })
  if (!isSameDescription(before, now)) notify(swim, { kind: 'updated', member: now, before })
}

/** Private suspicions are those that we do not trust ourselves to tell: see `suspectPrivately`. Its verdict is to be awaited. */
export function suspect(
  swim: SwimState,
  member: number,
  incarnation: number,
  from: string,
  isPrivate: boolean,
): void {
  const { table, config, nowMs } = swim
  const wasLive = table.isLive(member)
  clearTrouble(swim, member)
  const bounds = suspicionBounds(config, liveCount(swim), swim.loss.rate)
  const suspicion = new Suspicion(
    isPrivate ? { ...bounds, minMs: bounds.maxMs } : bounds,
    nowMs,
    from,
    swim.name,
  )
  table.condemn(member, { state: 'suspect', incarnation, sinceMs: nowMs, suspicion, isPrivate })
  if (!wasLive) notify(swim, { kind: 'joined', member: table.view(member) })
  notify(swim, { kind: 'suspected', member: table.view(member), from })
}

/** It answered: what we believed of it and told nobody was wrong, and for the rest it is not buried now. */
export function takeBack(swim: SwimState, member: number): void {
  if (isUntold(swim, member)) restate(swim, member, swim.table.statement(member))
  else swim.verdicts.get(member)?.answered()
}

export function isUntold(swim: SwimState, member: number): boolean {
  return swim.table.trouble(member)?.isPrivate === true
}

export function bury(
  swim: SwimState,
  member: number,
  state: 'dead' | 'left',
  incarnation: number,
  isPrivate = false,
): void {
  const { table, nowMs } = swim
  const before = table.state(member)
  clearTrouble(swim, member)
  table.condemn(member, { state, incarnation, sinceMs: nowMs, suspicion: null, isPrivate })
  swim.probes.get(member)?.abandon()
  swim.heartbeats.delete(member)
  if (state === 'dead')
    swim.recentlyDead.push({ member, untilMs: nowMs + swim.config.gossipToTheDeadMs })
  // Who was dead before has only lost another life, of which nobody here knew.
  if (before !== state)
    notify(swim, { kind: state === 'left' ? 'left' : 'failed', member: table.view(member) })
}

export function forget(swim: SwimState, member: number): void {
  const { table } = swim
  const view = table.view(member)
  clearTrouble(swim, member)
  swim.probes.get(member)?.abandon()
  swim.pauses.forget(member)
  swim.heartbeats.delete(member)
  swim.recentlyDead = swim.recentlyDead.filter((dead) => dead.member !== member)
  table.remove(member)
  notify(swim, { kind: 'reaped', member: view })
}

/** Ends what was under way because of the state that it had. */
function clearTrouble(swim: SwimState, member: number): void {
  swim.verdicts.get(member)?.drop()
  swim.verdicts.delete(member)
  swim.accusations.delete(member)
  swim.toldMs.delete(member)
}
