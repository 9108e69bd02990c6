import type { UserEvent } from '../../model/user-event.ts'
import type { Clock } from '../../runtime/clock.ts'

/** As many as Consul's agents remember. */
const eventsMax = 256

/** The last events that an agent heard of, for those who ask what there was and those who wait for the next. */
export class RecentEvents {
  readonly #clock: Clock
  readonly #events: UserEvent[] = []
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The oldest first. */
  list(): readonly UserEvent[] {
    return [...this.#events]
  }

  add(event: UserEvent): void {
    this.#events.push(event)
    if (this.#events.length > eventsMax) this.#events.shift()
    for (const look of this.#waiting) look()
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Resolves when that holds of the list, at once where it does; else when the wait is over or the signal fires. */
  until(
    holds: (events: readonly UserEvent[]) => boolean,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || holds(this.#events)) return resolve()
      const end = (): void => {
        timer.cancel()
        this.#waiting.delete(look)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const look = (): void => {
        if (holds(this.#events)) end()
      }
      const timer = this.#clock.after(waitMs, end)
      this.#waiting.add(look)
      signal.addEventListener('abort', end, { once: true })
    })
  }
}
