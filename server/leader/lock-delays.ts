import type { LockDelays } from '../endpoints/method.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Store } from '../state/store.ts'

/**
 * Keys that may not be locked again yet, since whoever lost them may still be at work. They are in one leader's memory and
 * measured by its own monotonic clock: a delay is a courtesy to slow clients, and not state that servers must agree on.
 */
export class LeaderLockDelays implements LockDelays {
  readonly #clock: Clock
  readonly #untilMs = new Map<string, number>()

  constructor(store: Store, clock: Clock) {
    this.#clock = clock
    store.onLockReleased(({ keys, delayMs }) => {
      const untilMs = clock.monotonicMs() + delayMs
      for (const key of keys) this.#untilMs.set(key, untilMs)
      clock.after(delayMs, () => this.#forget(keys))
    })
  }

  get size(): number {
    return this.#untilMs.size
  }

  isHeldBack(key: string): boolean {
    const untilMs = this.#untilMs.get(key)
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs
  }

  #forget(keys: readonly string[]): void {
    for (const key of keys) if (!this.isHeldBack(key)) this.#untilMs.delete(key)
  }
}
