/**
 * Lifeguard's local health multiplier (§IV): a counter of signs that we ourselves are the slow one. 0 is well. It lengthens
 * what we wait for others, so that a starved prober doubts itself first.
 */
export class LocalHealth {
  #score = 0
  readonly #max: number

  /** `max` is one more than the worst score, as memberlist counts. */
  constructor(max: number) {
    this.#max = max
  }

  get score(): number {
    return this.#score
  }

  apply(delta: number): void {
    this.#score = Math.min(this.#max - 1, Math.max(0, this.#score + delta))
  }

  scale(waitMs: number): number {
    return waitMs * (this.#score + 1)
  }
}
