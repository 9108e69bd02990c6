import type { Clock, Timer } from '../../server/runtime/clock.ts'

interface Due {
  readonly atMs: number
  readonly order: number
  readonly callback: () => void
}

/** Time that passes when a test says so. Timers fire in the order of their times, each with the clock showing its own. */
export class VirtualClock implements Clock {
  /** What the wall clock shows beyond the monotonic one; a test may let it jump. */
  wallOffsetMs = Date.UTC(2026, 0, 1)
  #nowMs = 0
  #order = 0
  readonly #due = new Set<Due>()

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs + this.wallOffsetMs
  }

  /** Timers that are waiting: nothing should leave any behind. */
  get timers(): number {
    return this.#due.size
  }

  after(delayMs: number, callback: () => void): Timer {
    this.#order += 1
    const due = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, callback }
    this.#due.add(due)
    return { cancel: () => void this.#due.delete(due) }
  }

  /** Lets time pass, and everything that follows from each timer happen before the next. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs
    await settle()
    for (;;) {
      const next = this.#next()
      if (next === undefined || next.atMs > untilMs) break
      this.#due.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.callback()
      await settle()
    }
    this.#nowMs = untilMs
  }

  #next(): Due | undefined {
    let first: Due | undefined
    for (const due of this.#due)
      if (
        first === undefined ||
        due.atMs < first.atMs ||
        (due.atMs === first.atMs && due.order < first.order)
      )
        first = due
    return first
  }
}

/** Until every promise that can go on has: two turns of the loop see chains of any length through. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
