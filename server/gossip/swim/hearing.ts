/**
 * Whether we hear anything at all. Who does not must not accuse others of silence: that is how a member with a blocked inbox
 * takes a healthy pool down (Lifeguard's motive; Rapid's one-way faults).
 *
 * φ of ourselves is the surprise of hearing nothing for so long, at the rate λ at which packets usually come: a Poisson process
 * is silent for t with the chance e^−λt.
 */
export class Hearing {
  /** Packets heard, in a window that fades. */
  #weight = 0
  #heardMs: number | null = null
  #sinceMs = 0
  #packets = 0

  /** How many packets were ever heard. */
  get packets(): number {
    return this.#packets
  }

  heard(nowMs: number): void {
    if (this.#heardMs === null) this.#sinceMs = nowMs
    else this.#weight *= Math.exp((this.#heardMs - nowMs) / windowMs)
    this.#weight += 1
    this.#packets += 1
    this.#heardMs = nowMs
  }

  /** φ_self. */
  level(nowMs: number): number {
    if (this.#heardMs === null) return 0
    // While the window is not full the rate is that of the time there was.
    const ageMs = this.#heardMs - this.#sinceMs
    const spanMs = windowMs * (1 - Math.exp(-Math.max(ageMs, youngMs) / windowMs))
    return (this.#weight / spanMs) * (nowMs - this.#heardMs) * Math.LOG10E
  }

  /** We did not listen for that long. */
  shift(pauseMs: number): void {
    if (this.#heardMs !== null) this.#heardMs += pauseMs
  }
}

/** φ_self from which on we do not trust ourselves. */
export const deafLevel = 3

const windowMs = 30_000
/** A rate is not judged by a shorter time than this. */
const youngMs = 5000
