import { assert } from '../../model/assert.ts'
import { normalSurprise, upperTail } from './normal-tail.ts'

/**
 * Accrual of one sender's heartbeats (Hayashibara et al., The φ Accrual Failure Detector, 2004): how surprising its silence is,
 * given how regular it has been.
 *
 * Two things are added to the paper. Silence is a mixture: with loss ℓ, m beats in a row are lost with the chance ℓ^m, and a
 * normal fitted to the gaps alone would call every lost beat impossible. And gaps longer than a bound are not learnt, so that
 * one pause does not blunt the detector for the whole window.
 */
export class PhiDetector {
  readonly #options: PhiOptions
  readonly #gaps: Float64Array
  #next = 0
  #count = 0
  #meanMs = 0
  /** Sum of squared distances from the mean (Welford). */
  #squares = 0
  #heardMs: number | null = null

  constructor(options: PhiOptions) {
    assert(options.windowSamples >= 2, 'a window has a spread')
    this.#options = options
    this.#gaps = new Float64Array(options.windowSamples)
    // Akka's way to begin: a mean as expected, and a spread wide enough not to be certain of it.
    this.#learn(options.expectedGapMs * 0.75)
    this.#learn(options.expectedGapMs * 1.25)
  }

  /** A beat came. */
  heard(nowMs: number): void {
    const { gapMaxMs } = this.#options
    if (this.#heardMs !== null) {
      const gapMs = nowMs - this.#heardMs
      if (gapMs <= gapMaxMs) this.#learn(gapMs)
    }
    this.#heardMs = nowMs
  }

  /** Silence until now is no fault of the sender's: we stood still, or it has just begun. Nothing is learnt from it. */
  excuse(nowMs: number): void {
    this.#heardMs = nowMs
  }

  /** φ now. 0 until enough was heard to judge by: a few samples convict nobody. */
  level(nowMs: number, loss: number): number {
    if (this.#heardMs === null || this.#count < seeds + samplesMin) return 0
    const silenceMs = nowMs - this.#heardMs - this.#options.acceptablePauseMs
    return silenceSurprise(silenceMs, this.#meanMs, this.deviationMs(), loss)
  }

  meanMs(): number {
    return this.#meanMs
  }

  /** Never below its least: a steady LAN would otherwise make a conviction out of one late interrupt. */
  deviationMs(): number {
    const variance = this.#squares / Math.max(1, this.#count - 1)
    return Math.max(this.#options.deviationMinMs, Math.sqrt(variance))
  }

  #learn(gapMs: number): void {
    if (this.#count === this.#gaps.length) this.#forget(this.#gaps[this.#next] ?? 0)
    this.#gaps[this.#next] = gapMs
    this.#next = (this.#next + 1) % this.#gaps.length
    this.#count += 1
    const distance = gapMs - this.#meanMs
    this.#meanMs += distance / this.#count
    this.#squares += distance * (gapMs - this.#meanMs)
  }

  #forget(gapMs: number): void {
    this.#count -= 1
    const distance = gapMs - this.#meanMs
    this.#meanMs -= distance / this.#count
    // What removal leaves of rounding must not become the root of a negative number.
    this.#squares = Math.max(0, this.#squares - distance * (gapMs - this.#meanMs))
  }
}

export interface PhiOptions {
  readonly windowSamples: number
  readonly expectedGapMs: number
  readonly deviationMinMs: number
  readonly acceptablePauseMs: number
  /** Longer gaps are not learnt. */
  readonly gapMaxMs: number
}

const seeds = 2
const samplesMin = 5
/** Beats that may be lost in a row before the rest of the mixture counts as one. */
const lostBeatsMax = 24

/**
 * −log10 of the chance that a living sender is silent for so long: m beats lost, and the next one late.
 * The gap over m lost beats is the sum of m + 1 gaps.
 */
export function silenceSurprise(
  silenceMs: number,
  meanMs: number,
  deviationMs: number,
  loss: number,
): number {
  const surpriseOf = (gaps: number): number =>
    (silenceMs - gaps * meanMs) / (deviationMs * Math.sqrt(gaps))
  if (loss <= 0) return normalSurprise(surpriseOf(1))
  let chance = loss ** lostBeatsMax
  let lost = 1
  for (let beats = 0; beats < lostBeatsMax; beats += 1) {
    chance += lost * (1 - loss) * upperTail(surpriseOf(beats + 1))
    lost *= loss
  }
  return Math.max(0, -Math.log10(chance))
}
