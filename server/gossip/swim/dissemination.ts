import type { Dead, GossipMessage, Suspect } from '../wire/messages.ts'
import type { UserQueue } from './events.ts'
import { messageBytesMax, sendMessages, sendNews } from './sending.ts'
import type { SwimState } from './state.ts'

/**
 * Gossip: what is new goes to a few random members every so often, on top of what probes carry. While there is no news there
 * is no tick either.
 */

/** Tells everybody of a member; older news of the same member is told no longer. */
export function spread(
  swim: SwimState,
  member: number,
  message: GossipMessage,
  onDone: (() => void) | null = null,
): void {
  const { lanes, needs, table } = swim
  const bytes =
    message.kind === 'alive'
      ? table.directory.encoded(message, needs.encode)
      : needs.encode(message)
  lanes.membership.put(member, bytes, onDone)
  wakeGossip(swim)
}

/** Tells everybody what the delegate wants told. */
export function spreadUser(
  swim: SwimState,
  queueName: UserQueue,
  subject: string | null,
  body: Uint8Array,
  onDone: (() => void) | null,
): void {
  const bytes = swim.needs.encode({ kind: 'user', body })
  // It would wait for ever for a packet that has room for it.
  if (bytes.length > messageBytesMax(swim)) return onDone?.()
  const queue = swim.lanes.queue(queueName)
  queue.put(subject, bytes, onDone)
  queue.prune(Math.max(swim.config.userQueueMax, 2 * swim.table.size))
  wakeGossip(swim)
}

/**
 * Tells a member itself what is held against it, so that it may refute (memberlist's issue 311: else a member that restarted with
 * a low incarnation is dead to everybody, and never learns why).
 */
export function accuse(swim: SwimState, member: number): void {
  swim.accusations.add(member)
  wakeGossip(swim)
}

/** The same at once, where it has just been heard of and has not been told lately. */
export function accuseNow(swim: SwimState, member: number): void {
  if (member === swim.self) return
  const message = accusationOf(swim, member)
  if (message === null) return
  if (swim.nowMs - (swim.toldMs.get(member) ?? -Infinity) < toldEveryMs) return
  swim.toldMs.set(member, swim.nowMs)
  sendMessages(swim, swim.table.statement(member).address, member, [message])
}

/** What would have to be refuted; null where nothing is said in public. */
export function accusationOf(swim: SwimState, member: number): Suspect | Dead | null {
  const trouble = swim.table.trouble(member)
  if (trouble === null || trouble.isPrivate) return null
  const { incarnation, state } = trouble
  const node = swim.table.directory.nameOf(member)
  if (state === 'suspect') return { kind: 'suspect', incarnation, node, from: swim.name }
  return { kind: 'dead', incarnation, node, from: state === 'left' ? node : swim.name }
}

export function wakeGossip(swim: SwimState): void {
  if (swim.gossip !== null) return
  if (swim.lanes.size === 0 && swim.accusations.size === 0) return
  const { nowMs, gossipPhaseMs, agenda } = swim
  const everyMs = swim.config.gossipIntervalMs
  const ticks = Math.floor((nowMs - gossipPhaseMs) / everyMs) + 1
  swim.gossip = agenda.at(gossipPhaseMs + ticks * everyMs, () => tick(swim))
}

function tick(swim: SwimState): void {
  swim.gossip = null
  deliverAccusations(swim)
  for (const member of listeners(swim))
    if (!sendNews(swim, swim.table.statement(member).address, member)) break
  wakeGossip(swim)
}

function deliverAccusations(swim: SwimState): void {
  let sent = 0
  for (const member of swim.accusations) {
    if (sent === accusationsPerTick) return
    swim.accusations.delete(member)
    accuseNow(swim, member)
    sent += 1
  }
}

/** f random live members; among them, in their proportion, those who died lately and may want to refute. */
function listeners(swim: SwimState): number[] {
  const { table, chance, config } = swim
  const dead = (swim.recentlyDead = swim.recentlyDead.filter(
    ({ member, untilMs }) => untilMs > swim.nowMs && table.state(member) === 'dead',
  ))
  const among = table.live.size + dead.length
  const drawn = new Set<number>()
  for (let pick = 0; pick < config.gossipNodes && dead.length > 0; pick += 1) {
    const member = dead[Math.floor(chance.fraction() * among)]?.member
    if (member !== undefined) drawn.add(member)
  }
  const live = table.live.draw(config.gossipNodes - drawn.size, () => true)
  return [...drawn, ...live]
}

/** How often a member is told directly. */
const toldEveryMs = 1000
/** A long partition ends with as many accusations as there were members on the other side. */
const accusationsPerTick = 16
