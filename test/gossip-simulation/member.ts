import type { Swim, SwimEffect, SwimInput } from '../../server/gossip/swim/events.ts'
import type { Address } from '../../server/gossip/wire/messages.ts'

/**
 * A member's process and its machine, as far as gossip feels them. What is held back waits in a socket's buffer of its own size.
 *
 *   up      it reads and sends at once
 *   blocked its clock runs and its timers fire, but nothing comes in or goes out (Lifeguard's anomaly: a starved network thread)
 *   paused  nothing runs at all: SIGSTOP, a garbage collection, a suspended machine
 *   slow    each packet takes its time, and while one does, nothing else is done
 */
export class SimulatedMember {
  readonly index: number
  readonly name: string
  readonly address: Address
  readonly swim: Swim
  condition: 'up' | 'blocked' | 'paused' | 'gone' = 'up'
  /** What one packet takes; 0 for no time at all. */
  serviceUs = 0
  busyUntilUs = 0
  /** The wake-up that counts; older ones are ignored. */
  wakeUs = Infinity
  readonly inbox: SwimInput[] = []
  readonly outbox: SwimEffect[] = []
  overflowed = 0
  /** Streams that others opened to it, by its own number for them. */
  readonly callers = new Map<number, Caller>()
  lastCaller = 0

  constructor(index: number, swim: Swim, name: string, address: Address) {
    this.index = index
    this.swim = swim
    this.name = name
    this.address = address
  }

  /** Keeps what it cannot read now; false where the buffer is full and it is a packet. */
  hold(input: SwimInput): boolean {
    if (this.inbox.length >= inboxMax && input.kind === 'packet') {
      this.overflowed += 1
      return false
    }
    this.inbox.push(input)
    return true
  }
}

export interface Caller {
  readonly from: SimulatedMember
  readonly call: number
  readonly isOver: () => boolean
  readonly answer: (input: SwimInput) => void
}

/** Packets in a receive buffer of 208 KiB, which is what most kernels give: a small one takes some 800 bytes of it. */
const inboxMax = 256
