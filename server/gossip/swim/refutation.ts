import type { Alive, Dead, Suspect } from '../wire/messages.ts'
import { isSameDescription } from './directory.ts'
import { spread } from './dissemination.ts'
import { isOwnPast, isSameAddress } from './name-claim.ts'
import { incarnationMax } from './precedence.ts'
import { count, notify, ownStatement } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * What others say of this node. It is the only one that may raise its own incarnation (SWIM §4.2), and does so when what is said
 * is not what it would say itself.
 */

/** An accusation: suspect or dead. Who has left is dead by its own word. */
export function onOwnAccusation(swim: SwimState, accusation: Suspect | Dead): void {
  if (swim.hasLeft) return
  if (accusation.incarnation < ownStatement(swim).incarnation) {
    count(swim, 'memberlist.msg.old')
    return retell(swim)
  }
  refute(swim, accusation.incarnation)
}

/** Somebody tells what this node was, or claims to be it. */
export function onOwnStatement(swim: SwimState, statement: Alive): void {
  const own = ownStatement(swim)
  if (swim.hasLeft) return
  if (!isSameAddress(own.address, statement.address) && !isOwnPast(swim, statement)) {
    const claim = { ...statement, state: 'alive' } as const
    return notify(swim, { kind: 'conflict', member: swim.table.view(swim.self), claim })
  }
  if (statement.incarnation < own.incarnation) return count(swim, 'memberlist.msg.old')
  if (statement.incarnation === own.incarnation && isSameDescription(own, statement)) return
  refute(swim, statement.incarnation)
}

/** Something to be known of this node by all. */
export function restateSelf(
  swim: SwimState,
  change: Partial<Pick<Alive, 'meta'>>,
  above = 0,
): void {
  const own = ownStatement(swim)
  const incarnation = Math.max(own.incarnation, above) + 1
  swim.table.restate(swim.self, { ...own, ...change, incarnation })
  spread(swim, swim.self, ownStatement(swim))
}

/** Who still says so has missed the refutation, and others may have missed it too. It goes with the answer, where we were asked. */
function retell(swim: SwimState): void {
  if (swim.config.accrual.enabled) spread(swim, swim.self, ownStatement(swim))
}

function refute(swim: SwimState, accused: number): void {
  // Beyond it others would not listen; only a forger gets there.
  if (accused >= incarnationMax) return
  count(swim, 'memberlist.refuted')
  // Who is suspected is probably slow itself.
  if (swim.config.lifeguard.localHealth) swim.health.apply(1)
  restateSelf(swim, {}, accused)
}
