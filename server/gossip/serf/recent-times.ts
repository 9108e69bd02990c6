import type { LamportTime } from '../wire/serf-messages.ts'

export interface RecentLimits {
  /** How many times back is remembered, from the clock's next on. */
  readonly times: number
  /** What all that is remembered may weigh. */
  readonly weightMax: number
}

/** `old`: from before what is remembered, so nobody can say whether it was seen. */
export type Recency = 'new' | 'seen' | 'old'

/**
 * What came lately, by its Lamport time, so that gossip that comes again is known and not passed on for ever. Many things may have
 * one time, since members that have not heard of each other give the same. Where they weigh too much the oldest times are
 * forgotten, and what comes of them later is old.
 */
export class RecentTimes<Item> {
  readonly #limits: RecentLimits
  readonly #keyOf: (item: Item) => string
  readonly #weigh: (item: Item) => number
  readonly #items = new Map<LamportTime, Map<string, Item>>()
  #weight = 0
  #oldest: LamportTime = 0

  /** Two items of one time are the same where their keys are. */
  constructor(
    limits: RecentLimits,
    keyOf: (item: Item) => string,
    weigh: (item: Item) => number = () => 1,
  ) {
    this.#limits = limits
    this.#keyOf = keyOf
    this.#weigh = weigh
  }

  /** Remembers the item where it is new. `next` is what the clock shows, which has witnessed the item's time. */
  note(next: LamportTime, time: LamportTime, item: Item): Recency {
    this.ignoreBefore(next - this.#limits.times)
    if (time < this.#oldest) return 'old'
    const items = this.#items.get(time) ?? new Map<string, Item>()
    const key = this.#keyOf(item)
    if (items.has(key)) return 'seen'
    this.#items.set(time, items.set(key, item))
    this.#weight += this.#weigh(item)
    while (this.#weight > this.#limits.weightMax)
      this.ignoreBefore(Math.min(...this.#items.keys()) + 1)
    return 'new'
  }

  /** Whatever has an earlier time is old from now on. */
  ignoreBefore(time: LamportTime): void {
    if (time <= this.#oldest) return
    this.#oldest = time
    for (const [earlier, items] of this.#items) {
      if (earlier >= time) continue
      for (const item of items.values()) this.#weight -= this.#weigh(item)
      this.#items.delete(earlier)
    }
  }

  /** What is remembered, with its times, in no certain order. */
  *all(): Iterable<readonly [time: LamportTime, items: readonly Item[]]> {
    for (const [time, items] of this.#items) yield [time, [...items.values()]]
  }
}
