import { spread } from './dissemination.ts'
import type { Ticket } from './events.ts'
import { notify, ownStatement } from './state.ts'
import type { SwimState } from './state.ts'
import { bury, forget } from './transitions.ts'

/** Going for good, by one's own word or by somebody else's. */

/**
 * Declares ourselves dead: a member that says so of itself left (memberlist's dead message with the same name twice). Whoever asks
 * is still answered, so that the news gets around before our silence does.
 */
export function leave(swim: SwimState, ticket: Ticket): void {
  const { table, agenda, nowMs, config, name } = swim
  if (swim.hasLeft) return notify(swim, { kind: 'leaveDone', ticket, told: true })
  const { incarnation } = ownStatement(swim)
  swim.hasLeft = true
  table.condemn(swim.self, {
    state: 'left',
    incarnation,
    sinceMs: nowMs,
    suspicion: null,
    isPrivate: false,
  })
  for (const probe of swim.probes.values()) probe.abandon()
  if (table.live.size === 0) return notify(swim, { kind: 'leaveDone', ticket, told: false })
  let isDone = false
  const end = (told: boolean): void => {
    if (isDone) return
    isDone = true
    agenda.cancel(deadline)
    notify(swim, { kind: 'leaveDone', ticket, told })
  }
  const deadline = agenda.at(nowMs + config.leaveTimeoutMs, () => end(false))
  spread(swim, swim.self, { kind: 'dead', incarnation, node: name, from: name }, () => end(true))
}

/** A failed member counts as left from now on; it is looked for no longer, and its name is free. */
export function forceLeave(swim: SwimState, node: string, isForgotten: boolean): void {
  const { table } = swim
  const member = table.find(node)
  if (member === null || table.isLive(member)) return
  if (table.state(member) === 'dead') bury(swim, member, 'left', table.incarnation(member))
  if (isForgotten) forget(swim, member)
}
