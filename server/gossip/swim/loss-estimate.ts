/**
 * The chance ℓ̂ that a direct ping to a living member stays unanswered, learnt from first pings only: later ones are sent because
 * the first failed, and would count the unlucky twice. Whose death was the reason is never counted.
 *
 * The bound on false suspicions (gossip.md §2.5) holds while ℓ̂ is not below the true loss. So a quick and a slow average
 * are kept and the larger one counts: bad weather is believed within a few probes, and good weather only after many.
 */
export class LossEstimate {
  #slow = prior
  #quick = prior
  #samples = 0

  get rate(): number {
    return Math.min(ceiling, Math.max(floor, this.#slow, this.#quick))
  }

  record(isLost: boolean): void {
    this.#samples += 1
    const outcome = isLost ? 1 : 0
    const youth = 1 / (this.#samples + priorWeight)
    this.#slow += Math.max(slowWeight, youth) * (outcome - this.#slow)
    this.#quick += Math.max(quickWeight, youth) * (outcome - this.#quick)
  }
}

/** Beta prior: as if half a ping in five had been lost before. More confidence made a cold start exceed the bound. */
const prior = 0.1
const priorWeight = 4
const slowWeight = 0.005
const quickWeight = 0.05
const floor = 0.01
/** So that evidence never becomes worthless. */
const ceiling = 0.9
