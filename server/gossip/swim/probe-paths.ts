import { call } from './calls.ts'
import { expectAnswer, nextSequence } from './pings.ts'
import { sendMessages } from './sending.ts'
import type { SwimState } from './state.ts'

/** The two ways around the direct one: by another member, and by a stream. */

/** Asks a member to ping another for us. Its answer comes under a number of its own, so that we know whose it is. */
export function pingThrough(
  swim: SwimState,
  relay: number,
  member: number,
  onAck: () => void,
  onNack: () => void,
): void {
  const { table } = swim
  const { node, address: target } = table.statement(member)
  const sequence = expectAnswer(swim, { onAck, onNack })
  sendMessages(swim, table.statement(relay).address, relay, [
    { kind: 'indirectPing', sequence, target, node, wantsNack: true },
  ])
}

/** Members who may probe for us: alive ones, and not those who hear no datagrams themselves. */
export function drawRelays(
  swim: SwimState,
  member: number,
  count: number,
  used: ReadonlySet<number>,
): number[] {
  const { table } = swim
  const isFit = (relay: number): boolean =>
    relay !== member && table.state(relay) === 'alive' && !table.isDegraded(relay)
  const fresh = table.live.draw(count, (relay) => isFit(relay) && !used.has(relay))
  // In a small pool everybody was asked already, and is asked again.
  return fresh.length > 0 || used.size === 0 ? fresh : table.live.draw(count, isFit)
}

/** Whether it says so when its ping is not answered. */
export function sendsNacks(swim: SwimState, relay: number): boolean {
  return swim.table.statement(relay).versions.protocol[1] >= nackSince
}

/** False where the member is too old to answer pings over streams. */
export function pingByStream(
  swim: SwimState,
  member: number,
  timeoutMs: number,
  onEnd: (outcome: 'answered' | 'refused' | 'silent') => void,
): boolean {
  const { node, address, versions } = swim.table.statement(member)
  if (versions.protocol[1] < streamPingSince) return false
  const sequence = nextSequence(swim)
  const ping = { kind: 'ping', sequence, node } as const
  call(swim, address, ping, timeoutMs, {
    onAnswer: (answer) =>
      onEnd(answer.kind === 'ack' && answer.sequence === sequence ? 'answered' : 'silent'),
    onFailure: (reason) => onEnd(reason === 'refused' ? 'refused' : 'silent'),
  })
  return true
}

/** memberlist's protocol versions that brought them. */
const streamPingSince = 3
const nackSince = 4
