import type { Chance } from '../../server/runtime/chance.ts'

/**
 * Where in its interval a check begins, so that those that start together don't go on together. Steps of the golden ratio leave no
 * gap and no crowd, however many follow one another (the three-gap theorem); chance would make crowds. Where the first step stands is
 * chance, since agents start together too.
 */
export class Spread {
  readonly #chance: Chance
  /** How many began, and where, for each interval: those of another one must not make steps for them. */
  readonly #last = new Map<number, number>()

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Milliseconds until the next check with that interval should run for the first time: less than the interval. */
  nextMs(intervalMs: number): number {
    const last = this.#last.get(intervalMs)
    const next = last === undefined ? this.#chance.fraction() : (last + goldenRatio) % 1
    this.#last.set(intervalMs, next)
    return next * intervalMs
  }
}

const goldenRatio = (Math.sqrt(5) - 1) / 2
