/**
 * Round trips to everybody, pooled: each divided by what was expected of that member, so that a minute of probing tells of all
 * members however many there are. (A fixed pair meets once in N periods; its own history would be years old before it is long.)
 *
 * Logarithmic bins, four to an octave; old samples fade, so that the tail is that of the last thousand.
 */
export class RttHistogram {
  readonly #ratios = new Float64Array(bins)
  #total = 0
  /** The same of plain round trips in ms, for whoever has no expectation of its own. */
  readonly #plain = new Float64Array(bins)

  record(rttMs: number, expectedMs: number): void {
    fade(this.#ratios)
    fade(this.#plain)
    this.#total = this.#total * keep + 1
    add(this.#ratios, rttMs / Math.max(expectedMs, expectedMinMs))
    add(this.#plain, rttMs)
  }

  /** Samples that have not faded. */
  get total(): number {
    return this.#total
  }

  get isTrained(): boolean {
    return this.#total >= trainedSamples
  }

  /** What to expect of a member of whom nothing is known. */
  medianMs(): number {
    return quantile(this.#plain, this.#total, 0.5)
  }

  /** The ratio of a round trip to its expectation that only `1 − q` exceed. */
  ratioAt(q: number): number {
    return quantile(this.#ratios, this.#total, q)
  }

  /** F̂: which part of all answers were there by then. Below 1 by what so few samples cannot know. */
  answeredBy(elapsedMs: number, expectedMs: number): number {
    const last = binOf(elapsedMs / Math.max(expectedMs, expectedMinMs))
    let sum = 0
    // A bin that the time ends in has not been waited for in full.
    for (let bin = 0; bin < last; bin += 1) sum += this.#ratios[bin] ?? 0
    return sum / (this.#total + 1)
  }
}

/** Below this, what is measured is the machine and not the network. */
export const expectedMinMs = 1

const bins = 96
const binsPerOctave = 4
/** The first bin begins at 2^-6; the last ends at 2^18. */
const firstOctave = -6
const keep = 0.999
const trainedSamples = 8

function binOf(value: number): number {
  const bin = Math.floor((Math.log2(Math.max(value, 1e-9)) - firstOctave) * binsPerOctave)
  return Math.min(bins - 1, Math.max(0, bin))
}

function add(counts: Float64Array, value: number): void {
  const bin = binOf(value)
  counts[bin] = (counts[bin] ?? 0) + 1
}

function fade(counts: Float64Array): void {
  for (let bin = 0; bin < counts.length; bin += 1) counts[bin] = (counts[bin] ?? 0) * keep
}

/** The upper end of the bin that the quantile is in: rather too long than too short. */
function quantile(counts: Float64Array, total: number, q: number): number {
  let sum = 0
  for (let bin = 0; bin < bins; bin += 1) {
    sum += counts[bin] ?? 0
    if (sum >= q * total) return 2 ** ((bin + 1) / binsPerOctave + firstOctave)
  }
  return 2 ** (bins / binsPerOctave + firstOctave)
}
