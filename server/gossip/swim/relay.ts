import type { Address, IndirectPing, Ping } from '../wire/messages.ts'
import { expectAnswer } from './pings.ts'
import { probeTimeoutMs } from './probe-timeout.ts'
import { sendMessages } from './sending.ts'
import type { SwimState } from './state.ts'

/** What others ask of us: whether we are there, and whether somebody else is. */

/** Answers go to where the packet came from, whatever it says of its source: else anybody could have us talk to anybody. */
export function onPing(swim: SwimState, ping: Ping, from: Address): void {
  if (ping.node !== '' && ping.node !== swim.name) return
  const { sequence } = ping
  sendMessages(swim, from, null, [{ kind: 'ack', sequence, payload: swim.ackPayload }])
}

/**
 * Pings a member for another, and passes the answer on. That there is none is said early, while the other still listens; if an
 * answer comes after that, it is passed on as well.
 */
export function onIndirectPing(swim: SwimState, request: IndirectPing, from: Address): void {
  const { table, agenda, nowMs } = swim
  const member = table.find(request.node)
  if (member === null || member === swim.self || swim.pings.size >= pingsMax) return
  const { sequence: askedAs } = request
  const { node, address } = table.statement(member)
  const reply = (kind: 'ack' | 'nack'): void =>
    sendMessages(swim, from, null, [
      kind === 'ack'
        ? { kind, sequence: askedAs, payload: noPayload }
        : { kind, sequence: askedAs },
    ])
  const nack = request.wantsNack
    ? agenda.judgeAt(nowMs + nackAfterMs(swim, member), () => reply('nack'))
    : null
  const sequence = expectAnswer(swim, {
    onNack: () => {},
    onAck: () => {
      agenda.cancel(nack)
      reply('ack')
    },
  })
  sendMessages(swim, address, member, [{ kind: 'ping', sequence, node }])
}

/** What memberlist leaves a relay is the rest of the period after its own timeout; at four fifths of that it may not be late. */
function nackAfterMs(swim: SwimState, member: number): number {
  const { probeIntervalMs, probeTimeoutMs: timeoutMs, lifeguard } = swim.config
  if (!lifeguard.earlyNacks) return timeoutMs
  const budgetMs = Math.max(probeIntervalMs - timeoutMs, minBudgetMs)
  return Math.min(budgetMs * nackPart, probeTimeoutMs(swim, member))
}

/** Pings on their way at once, beyond which nobody is helped. */
const pingsMax = 4096
const nackPart = 0.8
const minBudgetMs = 100
const noPayload = new Uint8Array()
