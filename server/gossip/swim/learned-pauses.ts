/**
 * A_j: how long each member may be silent before a suspicion of it is published. Who was suspected and refuted it has shown how
 * long a pause it survives, and is given half as much again; the lesson fades as it answers.
 */
export class LearnedPauses {
  readonly #pauses = new Map<number, number>()
  readonly #minMs: number
  readonly #maxMs: number

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
  }

  acceptedMs(member: number): number {
    return Math.max(this.#minMs, this.#pauses.get(member) ?? 0)
  }

  /** It was silent for this long, and alive. */
  refuted(member: number, silenceMs: number): void {
    const learnt = Math.max((this.#pauses.get(member) ?? 0) * decay, silenceMs * margin)
    if (learnt > this.#minMs) this.#pauses.set(member, Math.min(learnt, this.#maxMs))
  }

  /** It answered in time. */
  answered(member: number): void {
    const pauseMs = this.#pauses.get(member)
    if (pauseMs === undefined) return
    if (pauseMs * decay > this.#minMs) this.#pauses.set(member, pauseMs * decay)
    else this.#pauses.delete(member)
  }

  forget(member: number): void {
    this.#pauses.delete(member)
  }
}

const margin = 1.5
const decay = 0.9
