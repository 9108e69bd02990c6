import { encodeSerfMessage } from '../wire/serf-codec.ts'
import type { Join, Leave } from '../wire/serf-messages.ts'
import type { MemberRecord } from './members.ts'
import { becomeLeft } from './membership.ts'
import { broadcastIntent, swim } from './state.ts'
import type { SerfState } from './state.ts'

/**
 * Somebody says that a member goes. True where it is news, and so to be passed on.
 *
 * Where the member is there it goes by itself, and the membership core will tell; where it failed it is now known to have left. The
 * time is taken over in every case: an intent that is passed on without it is news again wherever it comes by, for ever.
 */
export function heedLeave(state: SerfState, { time, node, prune }: Omit<Leave, 'kind'>): boolean {
  state.memberClock.witness(time)
  const known = state.members.get(node)
  if (known === undefined)
    return state.intents.note(node, { kind: 'leave', time, heardMs: state.nowMs })
  if (time <= known.statusTime) return false
  if (known === state.members.own && state.life === 'alive') {
    announceJoin(state)
    return false
  }
  known.statusTime = time
  known.prune ||= prune
  if (known.status === 'alive') known.status = 'leaving'
  else if (known.status === 'failed') bury(state, known)
  else if (known.status === 'left' && prune) forget(state, known)
  return true
}

/** Somebody says that a member has come. True where it is news. */
export function heedJoin(state: SerfState, { time, node }: Omit<Join, 'kind'>): boolean {
  state.memberClock.witness(time)
  const known = state.members.get(node)
  if (known === undefined)
    return state.intents.note(node, { kind: 'join', time, heardMs: state.nowMs })
  if (time <= known.statusTime) return false
  known.statusTime = time
  known.prune = false
  // The leave was of an earlier stay.
  if (known.status === 'leaving') known.status = 'alive'
  return true
}

/** Says that we are here, later than whatever said that we are not. */
export function announceJoin(state: SerfState): void {
  const node = state.members.own.name
  const time = state.memberClock.take()
  heedJoin(state, { time, node })
  broadcastIntent(state, node, encodeSerfMessage({ kind: 'join', time, node }))
}

/** A failed member that is not expected back. */
function bury(state: SerfState, known: MemberRecord): void {
  becomeLeft(state, known)
  forget(state, known)
}

function forget(state: SerfState, { name, prune }: MemberRecord): void {
  swim(state, { kind: 'forceLeave', node: name, forget: prune })
}
