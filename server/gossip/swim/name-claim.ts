import type { Address, Alive } from '../wire/messages.ts'
import type { Identity } from './events.ts'
import type { SwimState } from './state.ts'

/**
 * Who may have a name that another address had before. memberlist lets go of a name when its owner left, or was dead for a while:
 * a restart at a new address had to wait for its own death. What tells lives apart settles it at once: the same node id is the
 * same node, and of two of its lives the one that started later is the present one.
 */
export function mayTakeName(swim: SwimState, member: number, claim: Alive): boolean {
  const { table, config, nowMs } = swim
  const known = table.statement(member)
  const trouble = table.trouble(member)
  if (trouble?.state === 'left') return true
  const deadMs = trouble?.state === 'dead' ? nowMs - trouble.sinceMs : null
  if (deadMs !== null && config.deadNodeReclaimMs > 0 && deadMs > config.deadNodeReclaimMs)
    return true
  const before = identityOf(swim, known)
  const now = identityOf(swim, claim)
  if (before === null || now === null || before.id !== now.id) return false
  if (before.startedMs !== null && now.startedMs !== null) return now.startedMs > before.startedMs
  // Of an agent that does not tell when it started: two at once would be a copied disk, one after the other is a move.
  return deadMs !== null || (trouble?.state === 'suspect' && claim.incarnation >= known.incarnation)
}

export function isSameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host
}

/** Whether somebody who claims our name is an earlier life of ours, of whom others still tell. */
export function isOwnPast(swim: SwimState, claim: Alive): boolean {
  const own = identityOf(swim, swim.table.statement(swim.self))
  const past = identityOf(swim, claim)
  if (own === null || past === null || own.id !== past.id) return false
  return own.startedMs === null || past.startedMs === null || past.startedMs <= own.startedMs
}

function identityOf(swim: SwimState, statement: Alive): Identity | null {
  return swim.needs.identify?.(statement.meta) ?? null
}
