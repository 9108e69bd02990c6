import type { GossipMessage } from '../wire/messages.ts'
import { accusationOf, accuseNow } from './dissemination.ts'
import { expectAnswer } from './pings.ts'
import { expectedMs } from './probe-timeout.ts'
import { sendMessages } from './sending.ts'
import { notify } from './state.ts'
import type { SwimState } from './state.ts'
import { takeBack } from './transitions.ts'

/** A ping from us to a member, and what its answer teaches whoever asked. */
export interface DirectPing {
  readonly sentMs: number
  /** We stood still while it was under way: how long it took tells nothing. */
  isDisturbed: boolean
}

/** A suspect is told so in the same packet (Lifeguard's buddy system), and may refute in the one that answers. */
export function pingDirectly(
  swim: SwimState,
  member: number,
  onAnswer: (ping: DirectPing) => void,
): DirectPing {
  const { table, config, nowMs } = swim
  const ping: DirectPing = { sentMs: nowMs, isDisturbed: false }
  const { node, address } = table.statement(member)
  const sequence = expectAnswer(swim, {
    onNack: () => {},
    onAck: ({ payload }) => {
      learn(swim, member, node, ping, payload)
      onAnswer(ping)
    },
  })
  const messages: GossipMessage[] = [{ kind: 'ping', sequence, node }]
  const accusation = config.lifeguard.buddy ? accusationOf(swim, member) : null
  if (accusation?.kind === 'suspect') messages.push(accusation)
  sendMessages(swim, address, member, messages)
  return ping
}

function learn(
  swim: SwimState,
  member: number,
  node: string,
  ping: DirectPing,
  payload: Uint8Array,
): void {
  const { table, rtts, nowMs } = swim
  // It may have been reaped, and its number be somebody else's.
  if (table.find(node) !== member) return
  const rttMs = Math.max(0, nowMs - ping.sentMs)
  if (!ping.isDisturbed) {
    rtts.record(rttMs, expectedMs(swim, member))
    notify(swim, { kind: 'acked', node, rttMs, payload })
  }
  if (table.degrade(member, false)) notify(swim, { kind: 'degraded', member: table.view(member) })
  takeBack(swim, member)
  // It lives, whatever is said of it, and should hear what that is.
  if (swim.config.lifeguard.buddy && table.state(member) !== 'alive') accuseNow(swim, member)
}
