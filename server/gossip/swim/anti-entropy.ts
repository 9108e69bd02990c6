import type { Address, PushPull, RemoteState } from '../wire/messages.ts'
import { call } from './calls.ts'
import { accuse } from './dissemination.ts'
import type { CallerId } from './events.ts'
import type { Trouble } from './member-table.ts'
import { onAlive, onDead, onSuspect } from './membership.ts'
import { liveCount, notify, sample } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * Push/pull: now and then two members tell each other all they know, so that what gossip missed is repaired, and a newcomer
 * knows everybody at once.
 */
export function startAntiEntropy(swim: SwimState): void {
  const { agenda, nowMs, chance, config } = swim
  if (config.pushPullIntervalMs === 0) return
  const intervalMs = config.pushPullIntervalMs * pushPullScale(liveCount(swim))
  agenda.at(nowMs + chance.fraction() * intervalMs, () => tick(swim))
}

function tick(swim: SwimState): void {
  const { agenda, nowMs, config, table } = swim
  agenda.at(nowMs + config.pushPullIntervalMs * pushPullScale(liveCount(swim)), () => tick(swim))
  // The next one is soon enough where too many are still under way.
  if (swim.hasLeft || swim.pushPulls >= config.pushPullsMax) return
  const [member] = table.live.draw(1, (drawn) => table.state(drawn) === 'alive')
  if (member !== undefined) pushPull(swim, table.statement(member).address, member, false)
}

/** What a full exchange costs grows with the members, so that it is made rarer: memberlist's ⌈log2 n − log2 32⌉ + 1. */
export function pushPullScale(members: number): number {
  return members <= 32 ? 1 : Math.ceil(Math.log2(members) - 5) + 1
}

/**
 * Exchanges everything with one address. `member` is who is there as far as we know. `onDone` is told what went wrong, or null.
 * Waits while too many are under way.
 */
export function pushPull(
  swim: SwimState,
  to: Address,
  member: number | null,
  join: boolean,
  onDone: (failure: string | null) => void = () => {},
): void {
  if (swim.pushPulls >= swim.config.pushPullsMax) {
    swim.waitingPushPulls.push(() => pushPull(swim, to, member, join, onDone))
    return
  }
  const beganMs = swim.nowMs
  swim.pushPulls += 1
  const end = (failure: string | null): void => {
    swim.pushPulls -= 1
    sample(swim, 'memberlist.pushPullNode', swim.nowMs - beganMs)
    onDone(failure)
    swim.waitingPushPulls.shift()?.()
  }
  const isOfInterest = (about: number): boolean => about === member
  call(swim, to, ownStates(swim, join, isOfInterest), swim.config.streamTimeoutMs, {
    onFailure: end,
    onAnswer: (answer) => {
      if (answer.kind === 'error') return end(answer.text)
      if (answer.kind !== 'pushPull') return end('reset')
      const refusal = refusalOf(swim, answer.states, join)
      if (refusal === null) merge(swim, answer, to, nameOf(swim, member))
      end(refusal)
    },
  })
}

/** Somebody began one with us. Who may not be a member is told so, and nothing else. */
export function onPushPull(
  swim: SwimState,
  caller: CallerId,
  from: Address,
  request: PushPull,
): void {
  const refusal = refusalOf(swim, request.states, request.join)
  if (refusal !== null) {
    const message = { kind: 'error', text: refusal } as const
    swim.effects.push({ kind: 'answer', caller, message })
    return
  }
  const told = new Set(request.states.map(({ node }) => node))
  const isOfInterest = (about: number): boolean => told.has(swim.table.directory.nameOf(about))
  const message = ownStates(swim, false, isOfInterest)
  swim.effects.push({ kind: 'answer', caller, message })
  merge(swim, request, from, swim.name)
}

/**
 * All we know, but for those who are long gone: of them only who the other seems to know. What we believe and did not tell
 * stays untold.
 */
function ownStates(
  swim: SwimState,
  join: boolean,
  isOfInterest: (member: number) => boolean,
): PushPull {
  const { table, nowMs, config } = swim
  const states: RemoteState[] = []
  for (const member of table.numbers()) {
    const { node, address, meta, versions, incarnation } = table.statement(member)
    const trouble = table.trouble(member)
    if (trouble === null || trouble.isPrivate)
      states.push({ node, address, meta, versions, incarnation, state: 'alive' })
    else if (
      isToldStill(trouble, nowMs - config.gossipToTheDeadMs * longGone) ||
      isOfInterest(member)
    )
      states.push({
        node,
        address,
        meta,
        versions,
        incarnation: trouble.incarnation,
        state: trouble.state,
      })
  }
  return { kind: 'pushPull', join, states, user: noUserState }
}

const isToldStill = ({ state, sinceMs }: Trouble, longGoneMs: number): boolean =>
  state === 'suspect' || sinceMs > longGoneMs

function refusalOf(swim: SwimState, states: readonly RemoteState[], join: boolean): string | null {
  return join ? (swim.needs.admit?.(states) ?? null) : null
}

function merge(swim: SwimState, told: PushPull, from: Address, accuser: string): void {
  for (const state of told.states) mergeState(swim, state, accuser)
  if (told.user.length === 0) return
  notify(swim, { kind: 'userState', from, join: told.join, body: told.user })
}

/** Hearsay of a death is a suspicion: the subject may refute it. That somebody left is its own word. */
function mergeState(swim: SwimState, remote: RemoteState, accuser: string): void {
  const { node, incarnation, state, address, meta, versions } = remote
  if (state === 'left') return onDead(swim, { kind: 'dead', incarnation, node, from: node })
  if (state !== 'alive')
    return onSuspect(swim, { kind: 'suspect', incarnation, node, from: accuser })
  onAlive(swim, { kind: 'alive', incarnation, node, address, meta, versions }, null)
  // After a long partition each side holds the other for dead, and nobody can refute what he has not heard.
  const member = swim.table.find(node)
  if (member !== null && member !== swim.self && swim.table.state(member) === 'dead')
    accuse(swim, member)
}

function nameOf(swim: SwimState, member: number | null): string {
  const name = member === null ? null : (swim.table.directory.nameIfUsed(member) ?? null)
  return name ?? swim.name
}

const noUserState = new Uint8Array()
/** How many times as long as gossip still goes to the dead they are told of in push/pull. */
const longGone = 10
