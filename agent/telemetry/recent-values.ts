/** A summary's quantiles are of the last ten seconds, in five steps, as in Prometheus' own client for Go. */
const bucketMs = 2000
const bucketsMax = 5
const valuesMax = 256

interface Bucket {
  /** The step of time it is of. */
  step: number
  /** Every `stride`-th value is kept. */
  stride: number
  /** Values since one was kept. */
  skipped: number
  length: number
  readonly values: Float64Array
}

/**
 * Values of the last ten seconds, evenly thinned out where there are many: when a bucket is full, every second value goes and only
 * every second one that comes is kept. So all of a bucket's time is represented, in bounded space and without chance.
 */
export class RecentValues {
  readonly #buckets: Bucket[] = []

  add(value: number, nowMs: number): void {
    const bucket = this.#open(Math.floor(nowMs / bucketMs))
    bucket.skipped += 1
    if (bucket.skipped < bucket.stride) return
    bucket.skipped = 0
    bucket.values[bucket.length] = value
    bucket.length += 1
    if (bucket.length < valuesMax) return
    for (let at = 0; at < valuesMax / 2; at += 1)
      bucket.values[at] = bucket.values[2 * at + 1] ?? value
    bucket.length = valuesMax / 2
    bucket.stride *= 2
  }

  /** For each fraction the smallest value with so much of the weight at or below it; NaN where nothing is recent. */
  quantiles(fractions: readonly number[], nowMs: number): readonly number[] {
    const oldest = Math.floor(nowMs / bucketMs) - bucketsMax
    const weighted = this.#buckets
      .filter(({ step }) => step > oldest)
      .flatMap(({ values, length, stride }) =>
        Array.from(values.subarray(0, length), (value) => ({ value, weight: stride })),
      )
      .toSorted((one, other) => one.value - other.value)
    const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
    return fractions.map((fraction) => {
      let below = 0
      return (
        weighted.find(({ weight }) => (below += weight) >= fraction * total)?.value ?? Number.NaN
      )
    })
  }

  /** The bucket of this step; the oldest is used again when there are enough. */
  #open(step: number): Bucket {
    const newest = this.#buckets.at(-1)
    if (newest?.step === step) return newest
    const fresh = this.#buckets.length < bucketsMax ? undefined : this.#buckets.shift()
    const bucket = fresh ?? {
      step,
      stride: 1,
      skipped: 0,
      length: 0,
      values: new Float64Array(valuesMax),
    }
    Object.assign(bucket, { step, stride: 1, skipped: 0, length: 0 })
    this.#buckets.push(bucket)
    return bucket
  }
}
