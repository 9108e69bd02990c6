/**
 * What one episode of probing holds against a member: φ, the sum over independent paths of how surprising their silence is.
 *
 *      φ(t) = Σ −log10[1 − (1 − ℓ̂)·F̂(t − t_sent)]
 *
 * A path adds at most −log10 ℓ̂. Under the hypothesis that the member lives, the product of these likelihood ratios is a
 * supermartingale, so it ever reaches 10^Φ with a chance of at most 10^−Φ, whatever the loss, whenever we look (Ville 1939).
 * What does not tell a living member from a dead one adds nothing: a relay that is silent itself, for one.
 */
export class Ledger {
  /** When pings were sent, in order; those of a group share their luck and count as one. */
  readonly #direct: number[] = []
  readonly #streams: number[] = []
  #nacks = 0
  #refusals = 0
  #refusedMs = -Infinity
  readonly #coherenceMs: number

  constructor(coherenceMs: number) {
    this.#coherenceMs = coherenceMs
  }

  get isRefused(): boolean {
    return this.#refusals > 0
  }

  get directPings(): number {
    return this.#direct.length
  }

  pinged(nowMs: number): void {
    this.#direct.push(nowMs)
  }

  called(nowMs: number): void {
    this.#streams.push(nowMs)
  }

  /** A relay reached us, and the member did not answer the relay. */
  nacked(): void {
    this.#nacks += 1
  }

  /** Its machine says that nobody listens there. A restart looks like that for a moment, so it counts once a second. */
  refused(nowMs: number): void {
    if (nowMs - this.#refusedMs < refusalEveryMs) return
    this.#refusedMs = nowMs
    this.#refusals += 1
  }

  /** φ at a moment. What we saw over our own paths counts for `ownPathsMax` at most. */
  level(nowMs: number, odds: Odds, ownPathsMax: number): number {
    const streamOdds = { ...odds, answeredBy: (ms: number) => odds.answeredBy(ms / streamTrips) }
    const ownPaths = this.directLevel(nowMs, odds) + this.#silence(this.#streams, nowMs, streamOdds)
    return (
      Math.min(ownPaths, ownPathsMax) +
      this.#nacks * -Math.log10(odds.loss) +
      this.#refusals * refusalWeight
    )
  }

  /** φ of the direct datagrams alone: whether UDP reaches the member, whatever else does. */
  directLevel(nowMs: number, odds: Odds): number {
    return this.#silence(this.#direct, nowMs, odds)
  }

  /** We did not look for that long: what was sent before counts as sent that much later. */
  shift(pauseMs: number): void {
    for (const sent of [this.#direct, this.#streams])
      for (const [at, sentMs] of sent.entries()) sent[at] = sentMs + pauseMs
  }

  #silence(sent: readonly number[], nowMs: number, { loss, answeredBy }: Odds): number {
    let sum = 0
    let group = 0
    let groupMs = -Infinity
    for (const sentMs of sent) {
      if (sentMs - groupMs >= this.#coherenceMs) {
        sum += group
        group = 0
        groupMs = sentMs
      }
      group = Math.max(group, -Math.log10(1 - (1 - loss) * answeredBy(nowMs - sentMs)))
    }
    return sum + group
  }
}

export interface Odds {
  /** ℓ̂: the chance that a round trip to a living member fails. */
  readonly loss: number
  /** F̂: the chance that an answer that comes has come by then. */
  readonly answeredBy: (elapsedMs: number) => number
}

/** A refusal is evidence of two decimal orders: hosts that refuse and yet have a living member are that rare. */
const refusalWeight = 2
const refusalEveryMs = 1000
/** Round trips until a stream has brought an answer: the connection, then the ping. */
const streamTrips = 2
