import type { Address, Alive, Dead, Suspect } from '../wire/messages.ts'
import { accuseNow, spread } from './dissemination.ts'
import type { Trouble } from './member-table.ts'
import { isSameAddress, mayTakeName } from './name-claim.ts'
import { incarnationMax, isPlausible, outranks } from './precedence.ts'
import { onOwnAccusation, onOwnStatement } from './refutation.ts'
import { count, notify } from './state.ts'
import type { SwimState } from './state.ts'
import { bury, isUntold, restate, suspect, welcome } from './transitions.ts'
import { awaitVerdict } from './verdict.ts'

/**
 * What is said of members: whether it is news, and what follows. Whoever hears news tells it on; what is no news stops here, so
 * that gossip ends.
 */

/** A member says that it is there. `from` sent us that; null where it came with somebody's push/pull. */
export function onAlive(swim: SwimState, statement: Alive, from: Address | null): void {
  const { table } = swim
  if (!isSound(statement)) return count(swim, 'memberlist.msg.alive.refused')
  const member = table.find(statement.node)
  if (member === swim.self) return onOwnStatement(swim, statement)
  if (!mayBe(swim, statement.address) || (from !== null && !mayBe(swim, from)))
    return count(swim, 'memberlist.msg.alive.refused')
  if (member === null) {
    const refusal = swim.needs.admit?.([{ ...statement, state: 'alive' }]) ?? null
    if (refusal !== null) return count(swim, 'memberlist.msg.alive.refused')
    count(swim, 'memberlist.msg.alive')
    return welcome(swim, statement)
  }
  if (!isSameAddress(table.statement(member).address, statement.address)) {
    if (mayTakeName(swim, member, statement)) return restate(swim, member, statement)
    const claim = { ...statement, state: 'alive' } as const
    return notify(swim, { kind: 'conflict', member: table.view(member), claim })
  }
  const { incarnation } = statement
  const known = table.claim(member)
  const isTakenBack = isUntold(swim, member) && incarnation >= known.incarnation
  if (isTakenBack || outranks({ incarnation, state: 'alive' }, known)) {
    count(swim, 'memberlist.msg.alive')
    return restate(swim, member, statement)
  }
  if (incarnation < known.incarnation) countOld(swim)
  // Who still says so does not know what is held against it, and cannot refute it.
  if (known.state !== 'alive' && from !== null && isSameAddress(from, statement.address))
    accuseNow(swim, member)
}

function mayBe({ needs }: SwimState, { host }: Address): boolean {
  return needs.allows?.(host) ?? true
}

/** Somebody accuses a member of being silent, or we do ourselves. */
export function onSuspect(swim: SwimState, accusation: Suspect): void {
  const { table } = swim
  const { incarnation, from } = accusation
  const member = table.find(accusation.node)
  if (member === null) return
  if (member === swim.self) return onOwnAccusation(swim, accusation)
  const known = table.claim(member)
  if (incarnation < known.incarnation) return countOld(swim)
  if (!isPlausible(incarnation, known.incarnation)) return
  const trouble = table.trouble(member)
  if (trouble?.state === 'suspect' && !trouble.isPrivate)
    return confirm(swim, member, trouble, accusation)
  if (!outranks({ incarnation, state: 'suspect' }, known) && !isUntold(swim, member)) return
  count(swim, 'memberlist.msg.suspect')
  spread(swim, member, accusation)
  suspect(swim, member, incarnation, from, false)
  awaitVerdict(swim, member)
}

/** A second accusation shortens the first one's time; each accuser's is passed on once. */
function confirm(swim: SwimState, member: number, trouble: Trouble, accusation: Suspect): void {
  const { suspicion } = trouble
  const { incarnation, from } = accusation
  if (incarnation > trouble.incarnation) swim.table.condemn(member, { ...trouble, incarnation })
  if (suspicion === null || !suspicion.confirm(from)) return
  spread(swim, member, accusation)
  awaitVerdict(swim, member)
}

/** Somebody has given a member up, or it says itself that it goes. */
export function onDead(swim: SwimState, dead: Dead): void {
  const { table } = swim
  const { incarnation, node, from } = dead
  const member = table.find(node)
  if (member === null) return
  if (member === swim.self) return onOwnAccusation(swim, dead)
  const known = table.claim(member)
  if (incarnation < known.incarnation) return countOld(swim)
  if (!isPlausible(incarnation, known.incarnation)) return
  const state = node === from ? 'left' : 'dead'
  const isPublished = isUntold(swim, member) && incarnation >= known.incarnation
  if (!outranks({ incarnation, state }, known) && !isPublished) return
  count(swim, 'memberlist.msg.dead')
  spread(swim, member, dead)
  bury(swim, member, state, incarnation)
}

/** What our own probing has come to. */
export function publishSuspicion(swim: SwimState, member: number): void {
  const node = swim.table.directory.nameOf(member)
  const incarnation = swim.table.incarnation(member)
  onSuspect(swim, { kind: 'suspect', incarnation, node, from: swim.name })
}

/**
 * The same where we are deaf ourselves: nobody is told, and any answer takes it back. Without it a node that is cut off would
 * for ever list as alive whom it cannot reach.
 */
export function suspectPrivately(swim: SwimState, member: number): void {
  if (swim.table.state(member) !== 'alive') return
  suspect(swim, member, swim.table.incarnation(member), swim.name, true)
  awaitVerdict(swim, member)
}

/** What we hold against a suspect ourselves shortens its time, as much as it is of what we would publish. */
export function weighSuspicion(swim: SwimState, member: number, part: number): void {
  const suspicion = swim.table.trouble(member)?.suspicion ?? null
  if (suspicion?.weigh(part) === true) awaitVerdict(swim, member)
}

/** Late, or sent again by somebody who kept it: what is said of an earlier life or refuted accusation is no news to anybody. */
function countOld(swim: SwimState): void {
  count(swim, 'memberlist.msg.old')
}

/** memberlist's versions are there or not, never half; and no incarnation may leave no room to refute it. */
function isSound({ versions, incarnation }: Alive): boolean {
  const [min, max] = versions.protocol
  return min > 0 && max > 0 && min <= max && incarnation <= incarnationMax
}
