import type { Clock } from '../runtime/clock.ts'

/** How far the two clocks may drift apart in a period: more than any clock is off by, less than any lease guards against. */
const toleranceMs = 25

/**
 * Sees that time was lost. The monotonic clock stands still while the machine sleeps (Linux, macOS), so by it alone a lease
 * that ran out in the night is still good in the morning; the wall clock goes on. That it also jumps when somebody sets it
 * costs a lease now and then, and nothing else.
 */
export class ClockWatch {
  readonly #clock: Clock
  readonly #periodMs: number
  #apartMs: number
  #sinceMs: number

  /** Small differences are forgotten after `periodMs`; within it they add up. */
  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock
    this.#periodMs = periodMs
    this.#apartMs = apart(clock)
    this.#sinceMs = clock.monotonicMs()
  }

  /** Whether the clocks went together since the last look. */
  get agrees(): boolean {
    return Math.abs(apart(this.#clock) - this.#apartMs) <= toleranceMs
  }

  /** To be called often. False once for every time that was lost: whatever was concluded from time is void. */
  look(): boolean {
    const { agrees } = this
    const nowMs = this.#clock.monotonicMs()
    if (agrees && nowMs - this.#sinceMs < this.#periodMs) return true
    this.#apartMs = apart(this.#clock)
    this.#sinceMs = nowMs
    return agrees
  }
}

function apart(clock: Clock): number {
  return clock.wallMs() - clock.monotonicMs()
}
