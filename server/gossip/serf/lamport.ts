import type { LamportTime } from '../wire/serf-messages.ts'

/**
 * A logical clock (Lamport, "Time, Clocks, and the Ordering of Events", CACM 1978, IR1 and IR2). It shows the time that is given
 * next, as Serf tells it in push/pull.
 */
export class LamportClock {
  #next: LamportTime

  constructor(next: LamportTime = 1) {
    this.#next = next
  }

  get next(): LamportTime {
    return this.#next
  }

  /** The time of something that happens here now. */
  take(): LamportTime {
    const time = this.#next
    this.witness(time)
    return time
  }

  /** Somebody else's time: what happens here from now on is later. The last number there is would leave none after it. */
  witness(time: LamportTime): void {
    if (time >= this.#next && time < Number.MAX_SAFE_INTEGER) this.#next = time + 1
  }
}
