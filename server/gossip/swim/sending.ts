import type { Address, GossipMessage } from '../wire/messages.ts'
import { partBytes } from './lanes.ts'
import { liveCount } from './state.ts'
import type { SwimState } from './state.ts'

/**
 * Datagrams. Every one that has a reason of its own carries as much news as fits beside it; so most gossip costs no packet.
 */

/** Sends these, and news with them. `member` is whose packet it is, where that is known. */
export function sendMessages(
  swim: SwimState,
  to: Address,
  member: number | null,
  messages: readonly GossipMessage[],
): void {
  const parts = messages.map((message) => swim.needs.encode(message))
  fillUp(swim, parts)
  send(swim, to, member, parts, false)
}

/** Sends news alone; false where there is none left. */
export function sendNews(swim: SwimState, to: Address, member: number): boolean {
  const parts: Uint8Array[] = []
  fillUp(swim, parts)
  if (parts.length > 0) send(swim, to, member, parts, true)
  return parts.length > 0
}

/** How much one message may take in a packet of its own. */
export function messageBytesMax({ config }: SwimState): number {
  return config.packetBytesMax - config.packetOverheadBytes
}

/** How often news is sent by each who hears it: memberlist's mult·⌈log10(n + 1)⌉. */
export function transmitsMax(swim: SwimState): number {
  return swim.config.retransmitMult * Math.ceil(Math.log10(liveCount(swim) + 1))
}

function fillUp(swim: SwimState, parts: Uint8Array[]): void {
  if (swim.lanes.size === 0) return
  let roomBytes = messageBytesMax(swim) - compoundBytes
  for (const part of parts) roomBytes -= part.length + partBytes
  if (roomBytes > 0) swim.lanes.pack(parts, roomBytes, transmitsMax(swim))
}

function send(
  swim: SwimState,
  to: Address,
  member: number | null,
  parts: readonly Uint8Array[],
  droppable: boolean,
): void {
  const versions = member === null ? null : swim.table.statement(member).versions
  const crc = versions !== null && versions.protocol[1] >= crcSince
  swim.effects.push({ kind: 'send', to, parts, crc, droppable })
}

/** A compound's type and count. */
const compoundBytes = 2
/** memberlist's protocol version that knows checksums. */
const crcSince = 5
