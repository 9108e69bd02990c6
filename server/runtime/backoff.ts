import type { Clock } from './clock.ts'

export interface BackoffTimes {
  readonly firstMs: number
  readonly mostMs: number
}

/** How long something that failed is left alone: twice as long each time in a row. */
export class Backoff {
  readonly #clock: Clock
  readonly #times: BackoffTimes
  #failures = 0
  #untilMs = -Infinity

  constructor(clock: Clock, times: BackoffTimes) {
    this.#clock = clock
    this.#times = times
  }

  /** Whether it may be tried now. */
  get isOver(): boolean {
    return this.#failures === 0 || this.#clock.monotonicMs() >= this.#untilMs
  }

  /** Gives the time for which it is left alone now. */
  failed(): number {
    const { firstMs, mostMs } = this.#times
    const pauseMs = Math.min(mostMs, firstMs * 2 ** this.#failures)
    this.#failures += 1
    this.#untilMs = this.#clock.monotonicMs() + pauseMs
    return pauseMs
  }

  succeeded(): void {
    this.#failures = 0
  }
}
