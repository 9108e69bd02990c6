import { Refused } from '../wire/refusal.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../wire/serf-codec.ts'
import type { SerfState as WireState } from '../wire/serf-messages.ts'
import { heedJoin, heedLeave } from './intent-rules.ts'
import { count } from './state.ts'
import type { SerfState } from './state.ts'
import { heedEvent } from './user-events.ts'

/**
 * All that we know, for the one on the other side. It takes a leave as one later than the time that is said of it: so what is said is
 * one less than when that was.
 */
export function encodeState(state: SerfState): Uint8Array {
  const statusTimes = new Map<string, number>()
  const leftMembers: string[] = []
  for (const { name, status, statusTime } of state.members.all()) {
    const isLeft = status === 'left'
    statusTimes.set(name, isLeft ? Math.max(0, statusTime - 1) : statusTime)
    if (isLeft) leftMembers.push(name)
  }
  return encodeSerfMessage({
    kind: 'state',
    time: state.memberClock.next,
    statusTimes,
    leftMembers,
    eventTime: state.eventClock.next,
    events: Array.from(state.events.all(), ([time, events]) => ({ time, events })),
    queryTime: state.queryClock.next,
  })
}

/**
 * What somebody else knows, as if the gossip that it was learnt from had come here. Nothing of it is passed on: the others have
 * push/pulls of their own.
 */
export function mergeState(state: SerfState, body: Uint8Array, join: boolean): void {
  const remote = stateIn(body)
  if (remote === undefined) return count(state, 'serf.msgs.refused')
  // Their clocks show what they give next, and nobody has seen that yet.
  state.memberClock.witness(remote.time - 1)
  state.eventClock.witness(remote.eventTime - 1)
  state.queryClock.witness(remote.queryTime - 1)
  mergeStatuses(state, remote)
  const isIgnored = join && [...state.joins.values()].some(({ ignoreOld }) => ignoreOld)
  if (isIgnored) state.events.ignoreBefore(remote.eventTime)
  for (const { time, events } of remote.events)
    for (const event of events)
      heedEvent(state, { kind: 'userEvent', time, ...event, coalesce: false })
}

/**
 * First those who left. When that was is not said, only the time of the last word about them before; so their leave is taken as one
 * later than that. Whoever knows it already must not count on: two members would drive each other's times ahead of all clocks, until
 * nobody could say anything later of who left, such as that it is to be forgotten. Serf's do.
 */
function mergeStatuses(state: SerfState, { statusTimes, leftMembers }: WireState): void {
  const left = new Set(leftMembers)
  for (const node of left)
    if (state.members.get(node)?.status !== 'left')
      heedLeave(state, { node, time: (statusTimes.get(node) ?? 0) + 1, prune: false })
  for (const [node, time] of statusTimes) if (!left.has(node)) heedJoin(state, { node, time })
}

function stateIn(body: Uint8Array): WireState | undefined {
  try {
    const message = decodeSerfMessage(body)
    return message.kind === 'state' ? message : undefined
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
