import type { Clock, Timer } from '../../server/runtime/clock.ts'

/** Waking up costs more than a look, so that what is due at nearly the same time is done at the same time. */
export const turnMs = 100

/**
 * What is to be done when, in turns of a tenth of a second. A turn that somebody waits for has one timer, however many they are. What
 * is repeated every so often comes in the same turn each time, since a wait ends in the turn that is nearest to its end.
 */
export class Agenda {
  readonly #clock: Clock
  readonly #turns = new Map<number, Turn>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls back once, up to half a turn before or after the delay has passed. */
  after(delayMs: number, callback: () => void): Timer {
    const nowMs = this.#clock.monotonicMs()
    const number = Math.round((nowMs + delayMs) / turnMs)
    const turn = this.#turns.get(number) ?? this.#open(number, number * turnMs - nowMs)
    // Two that wait may have the same callback.
    const entry = { callback }
    turn.entries.add(entry)
    return {
      cancel: () => {
        if (!turn.entries.delete(entry) || turn.entries.size > 0) return
        turn.timer.cancel()
        if (this.#turns.get(number) === turn) this.#turns.delete(number)
      },
    }
  }

  #open(number: number, delayMs: number): Turn {
    const entries: Turn['entries'] = new Set()
    const timer = this.#clock.after(delayMs, () => {
      this.#turns.delete(number)
      for (const { callback } of entries) callback()
    })
    const turn = { timer, entries }
    this.#turns.set(number, turn)
    return turn
  }
}

interface Turn {
  readonly timer: Timer
  readonly entries: Set<{ readonly callback: () => void }>
}
