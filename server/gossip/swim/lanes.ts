import { BroadcastQueue } from './broadcast-queue.ts'
import { userQueues } from './events.ts'
import type { UserQueue } from './events.ts'

/**
 * The classes of news that share a packet: what is said of members, and the delegate's three queues. The more urgent is served
 * first, but whoever waits is promised a share of every packet and saves up what it did not get, until its next message fits
 * (deficit round robin, Shreedhar and Varghese 1996). So neither storms of suspicions nor floods of events starve the other.
 */
export class Lanes {
  readonly membership = new BroadcastQueue()
  readonly #lanes: readonly Lane[]

  constructor() {
    this.#lanes = [
      { name: 'membership', queue: this.membership, share: shares.membership, savedBytes: 0 },
      ...userQueues.map((name) => ({
        name,
        queue: new BroadcastQueue(),
        share: shares[name],
        savedBytes: 0,
      })),
    ]
  }

  queue(name: UserQueue): BroadcastQueue {
    return this.#lanes.find((lane) => lane.name === name)?.queue ?? this.membership
  }

  get size(): number {
    let size = 0
    for (const { queue } of this.#lanes) size += queue.size
    return size
  }

  /** Adds news to a packet and counts it as sent. */
  pack(parts: Uint8Array[], roomBytes: number, transmitsMax: number): void {
    let leftBytes = roomBytes
    let promisedBytes = 0
    for (const lane of this.#lanes) {
      save(lane, roomBytes)
      promisedBytes += promise(lane)
    }
    for (const lane of this.#lanes) {
      promisedBytes -= promise(lane)
      const room = leftBytes - Math.min(leftBytes, promisedBytes)
      const takenBytes = lane.queue.pack(parts, room, partBytes, transmitsMax)
      lane.savedBytes = Math.max(0, lane.savedBytes - takenBytes)
      leftBytes -= takenBytes
    }
  }
}

/** What a part costs in a compound beside itself. */
export const partBytes = 2

interface Lane {
  readonly name: 'membership' | UserQueue
  readonly queue: BroadcastQueue
  readonly share: number
  savedBytes: number
}

const shares: Readonly<Record<'membership' | UserQueue, number>> = {
  membership: 0.6,
  intent: 0.15,
  query: 0.15,
  event: 0.1,
}

function save(lane: Lane, roomBytes: number): void {
  lane.savedBytes =
    lane.queue.size === 0 ? 0 : Math.min(roomBytes, lane.savedBytes + lane.share * roomBytes)
}

/** What is kept free for a lane: nothing before its next message fits into what it saved. */
function promise(lane: Lane): number {
  if (lane.queue.size === 0) return 0
  return lane.queue.firstBytes() + partBytes <= lane.savedBytes ? lane.savedBytes : 0
}
