import type { GossipMessage } from '../../server/gossip/wire/messages.ts'

/** What bytes are spent on. `frame`: headers of IP and UDP, checksums, and what holds the parts of a packet together. */
export const trafficClasses = ['probe', 'news', 'user', 'frame', 'pushPull', 'stream'] as const
export type TrafficClass = (typeof trafficClasses)[number]

/** What all members sent together. What is lost was sent. */
export class Traffic {
  packets = 0
  received = 0
  /** Thrown away by full receive buffers. */
  overflowed = 0
  streams = 0
  largestPacketBytes = 0
  readonly bytes: Record<TrafficClass, number> = {
    probe: 0,
    news: 0,
    user: 0,
    frame: 0,
    pushPull: 0,
    stream: 0,
  }

  /** Gives the packet's size as UDP's payload. */
  sent(parts: readonly Uint8Array[], messages: readonly GossipMessage[], crc: boolean): number {
    let payloadBytes = crc ? crcBytes : 0
    if (parts.length > 1) payloadBytes += compoundHeadBytes + compoundPartBytes * parts.length
    this.bytes.frame += payloadBytes + headerBytes
    for (let at = 0; at < parts.length; at += 1) {
      const length = parts[at]?.length ?? 0
      payloadBytes += length
      this.bytes[classOf(messages[at])] += length
    }
    this.packets += 1
    this.largestPacketBytes = Math.max(this.largestPacketBytes, payloadBytes)
    return payloadBytes
  }

  totalBytes(): number {
    return trafficClasses.reduce((sum, name) => sum + this.bytes[name], 0)
  }
}

function classOf(message: GossipMessage | undefined): TrafficClass {
  switch (message?.kind) {
    case 'suspect':
    case 'alive':
    case 'dead':
      return 'news'
    case 'user':
      return 'user'
    default:
      return 'probe'
  }
}

/** As `server/gossip/wire/packet.ts` writes them; the test compares. */
const crcBytes = 5
const compoundHeadBytes = 2
const compoundPartBytes = 2
/** IPv4 and UDP. */
const headerBytes = 28
