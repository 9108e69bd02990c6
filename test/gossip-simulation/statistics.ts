import { must } from '../../server/model/assert.ts'
import { seededChance } from '../../server/runtime/chance.ts'

/** A figure, and between what it lies with 95 % confidence. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : sum(values) / values.length
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** The least value that so large a part is not above (nearest rank). */
export function quantile(values: readonly number[], part: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).toSorted()
  return must(sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)], 'a rank within')
}

/**
 * A statistic of what several seeds gave, with its percentile bootstrap interval (Efron 1979). Whole seeds are drawn again, not the
 * samples within: what happens in one run hangs together.
 */
export function bootstrap(
  seeds: readonly (readonly number[])[],
  statistic: (values: readonly number[]) => number,
): Estimate {
  const value = statistic(seeds.flat())
  if (seeds.length < 2) return { value, low: Number.NaN, high: Number.NaN }
  const chance = seededChance(seeds.length)
  const drawn = Array.from({ length: resamples }, () =>
    statistic(seeds.flatMap(() => seeds[Math.floor(chance.fraction() * seeds.length)] ?? [])),
  )
  return { value, low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) }
}

/**
 * How often something rare happens in one run, counted over several: Poisson. The interval is from the bootstrap where it was
 * seen; where it never was, up to 3 in all of them (the rule of three, which is 95 % one-sided).
 */
export function rate(seeds: readonly number[]): Estimate {
  if (sum(seeds) === 0) return { value: 0, low: 0, high: 3 / Math.max(1, seeds.length) }
  return bootstrap(
    seeds.map((value) => [value]),
    mean,
  )
}

const resamples = 1000
