import { assertNever } from '../../model/assert.ts'
import type { Address, GossipMessage, StreamMessage } from '../wire/messages.ts'
import { onPushPull, startAntiEntropy } from './anti-entropy.ts'
import { call, onCallAnswered, onCallFailed } from './calls.ts'
import { spread, spreadUser } from './dissemination.ts'
import type {
  CallerId,
  Swim,
  SwimCommand,
  SwimEffect,
  SwimInput,
  SwimMember,
  SwimNeeds,
} from './events.ts'
import { heartbeatLevel, startHeartbeats } from './heartbeats.ts'
import { join } from './join.ts'
import { forceLeave, leave } from './leave.ts'
import { notePause, passTime } from './local-pause.ts'
import { onAlive, onDead, onSuspect } from './membership.ts'
import { startHealing } from './partition-heal.ts'
import { onAck, onNack } from './pings.ts'
import { startProbing } from './probe-scheduler.ts'
import { startReaping } from './reaper.ts'
import { restateSelf } from './refutation.ts'
import { onIndirectPing, onPing } from './relay.ts'
import { messageBytesMax, sendMessages } from './sending.ts'
import { createState, liveCount, notify, ownStatement } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * One member's part in the pool, as a value: inputs in, effects out, nothing else. `events.ts` is the contract.
 *
 *      packet · called · callAnswered                    send · call · answer
 *      drained · paused · commands  ──step──►   ──take──► events · metrics
 *                                        dueMs
 */
export class SwimCore implements Swim {
  readonly #swim: SwimState

  constructor(needs: SwimNeeds) {
    const swim = createState(needs)
    this.#swim = swim
    if (needs.known === undefined) spread(swim, swim.self, ownStatement(swim))
    startProbing(swim)
    startAntiEntropy(swim)
    startHealing(swim)
    startReaping(swim)
    startHeartbeats(swim)
  }

  step(nowMs: number, input: SwimInput): void {
    const swim = this.#swim
    passTime(swim, nowMs)
    switch (input.kind) {
      case 'packet':
        return onPacket(swim, input.messages, input.from)
      case 'drained':
        return swim.agenda.runDue(swim.nowMs)
      case 'callAnswered':
        return onCallAnswered(swim, input.call, input.message)
      case 'callFailed':
        return onCallFailed(swim, input.call, input.reason)
      case 'called':
        return onCalled(swim, input.caller, input.from, input.message)
      case 'paused':
        return notePause(swim, input.pauseMs)
      case 'lagged':
        swim.lagMs = input.lagMs
        return doubtOurselves(swim, input.lagMs > swim.config.accrual.silenceMinMs / 2)
      case 'dropped':
        return doubtOurselves(swim, input.packets > 0)
      default:
        return onCommand(swim, input)
    }
  }

  take(): readonly SwimEffect[] {
    const { effects } = this.#swim
    if (effects.length > 0) this.#swim.effects = []
    return effects
  }

  dueMs(): number {
    return this.#swim.agenda.dueMs()
  }

  members(): SwimMember[] {
    const { table } = this.#swim
    return Array.from(table.numbers(), (member) => table.view(member))
  }

  member(name: string): SwimMember | null {
    const { table } = this.#swim
    const member = table.find(name)
    return member === null ? null : table.view(member)
  }

  liveCount(): number {
    return liveCount(this.#swim)
  }

  healthScore(): number {
    return this.#swim.health.score
  }

  suspicionLevel(name: string, nowMs: number): number {
    const { table, probes, config, self } = this.#swim
    const member = table.find(name)
    if (member === null || !table.isLive(member)) return Infinity
    if (member === self) return 0
    const suspicion = table.trouble(member)?.suspicion ?? null
    // Who accuses in public has passed its threshold.
    const accused =
      suspicion === null ? 0 : config.accrual.threshold * (1 + suspicion.confirmations())
    const probed = probes.get(member)?.level(nowMs) ?? 0
    return Math.max(accused, probed, heartbeatLevel(this.#swim, member, nowMs))
  }
}

function doubtOurselves(swim: SwimState, isUnwell: boolean): void {
  if (isUnwell && swim.config.lifeguard.localHealth) swim.health.apply(1)
}

/** News first: a refutation that it calls for then goes with the answer to the ping beside it. */
function onPacket(swim: SwimState, messages: readonly GossipMessage[], from: Address): void {
  swim.hearing.heard(swim.nowMs)
  for (const message of messages) onNews(swim, message, from)
  for (const message of messages) onProbe(swim, message, from)
}

function onNews(swim: SwimState, message: GossipMessage, from: Address): void {
  switch (message.kind) {
    case 'alive':
      return onAlive(swim, message, from)
    case 'suspect':
      return onSuspect(swim, message)
    case 'dead':
      return onDead(swim, message)
    case 'user':
      return notify(swim, { kind: 'user', from, body: message.body })
    default:
      return
  }
}

function onProbe(swim: SwimState, message: GossipMessage, from: Address): void {
  switch (message.kind) {
    case 'ping':
      return onPing(swim, message, from)
    case 'indirectPing':
      return onIndirectPing(swim, message, from)
    case 'ack':
      return onAck(swim, message)
    case 'nack':
      return onNack(swim, message)
    default:
      return
  }
}

function onCalled(swim: SwimState, caller: CallerId, from: Address, message: StreamMessage): void {
  switch (message.kind) {
    case 'pushPull':
      return onPushPull(swim, caller, from, message)
    case 'ping': {
      const { node, sequence } = message
      if (node !== '' && node !== swim.name) break
      const ack = { kind: 'ack', sequence, payload: noPayload } as const
      swim.effects.push({ kind: 'answer', caller, message: ack })
      return
    }
    case 'user':
      notify(swim, { kind: 'user', from, body: message.body })
      break
    default:
      break
  }
  swim.effects.push({ kind: 'hangUp', caller })
}

function onCommand(swim: SwimState, command: SwimCommand): void {
  switch (command.kind) {
    case 'join':
      return join(swim, command)
    case 'leave':
      return leave(swim, command.ticket)
    case 'forceLeave':
      return forceLeave(swim, command.node, command.forget)
    case 'setMeta': {
      const before = swim.table.view(swim.self)
      restateSelf(swim, { meta: command.meta })
      return notify(swim, { kind: 'updated', member: swim.table.view(swim.self), before })
    }
    case 'setAckPayload':
      swim.ackPayload = command.payload
      return
    case 'broadcast': {
      const { queue, subject, body, ticket } = command
      const onDone =
        ticket === null ? null : (): void => notify(swim, { kind: 'broadcastDone', ticket })
      return spreadUser(swim, queue, subject, body, onDone)
    }
    case 'sendUser':
      return sendUser(swim, command)
    case 'watch':
      swim.watched = command.nodes
      return
    default:
      return assertNever(command)
  }
}

function sendUser(
  swim: SwimState,
  { to, body, reliable }: Extract<SwimCommand, { kind: 'sendUser' }>,
): void {
  const message = { kind: 'user', body } as const
  if (!reliable && body.length + userHeaderBytes <= messageBytesMax(swim))
    return sendMessages(swim, to, null, [message])
  call(swim, to, message, swim.config.streamTimeoutMs, { onAnswer() {}, onFailure() {} })
}

/** The type of the message. */
const userHeaderBytes = 1
const noPayload = new Uint8Array()
