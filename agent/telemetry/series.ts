import type { Labels } from '../../server/runtime/metrics.ts'
import type { RecentValues } from './recent-values.ts'

export type Kind = 'gauge' | 'counter' | 'sample'

/** What has been said of one metric with one set of labels, since it was last forgotten. */
export interface Series {
  readonly kind: Kind
  /** With the prefix, and for gauges the host's name. */
  readonly name: string
  /** In alphabetical order of their names. */
  readonly labels: readonly (readonly [name: string, value: string])[]
  /** The name and labels in one text; lists are printed in this order. */
  readonly key: string
  /** What was said in the window that is open, or in the last one that anything was said in. */
  cell: Cell
  /** The window that `cell` is of. */
  window: Window | undefined
  /** Sum of everything, or a gauge's value. */
  total: number
  /** How often anything was said. */
  count: number
  lastMs: number
  /** For samples: what quantiles are taken from. */
  readonly recent: RecentValues | undefined
}

/** The sum of a series in one window; a gauge has only its last value. Values have single precision, as in go-metrics. */
export interface Cell {
  count: number
  sum: number
  sumOfSquares: number
  min: number
  max: number
  last: number
  lastMs: number
}

/** Ten seconds, and what was said in them. */
export interface Window {
  /** Wall time, a whole number of windows. */
  readonly startMs: number
  readonly cells: (readonly [series: Series, cell: Cell])[]
}

export function newCell(): Cell {
  return { count: 0, sum: 0, sumOfSquares: 0, min: 0, max: 0, last: 0, lastMs: 0 }
}

export function mean({ sum, count }: Cell): number {
  return count === 0 ? 0 : sum / count
}

/** The standard deviation of the sample; 0 for fewer than two values. */
export function deviation({ count, sum, sumOfSquares }: Cell): number {
  if (count < 2) return 0
  const squares = (count * sumOfSquares - sum * sum) / (count * (count - 1))
  // Rounding can take equal values a little below zero.
  return Math.sqrt(Math.max(squares, 0))
}

const spaces = / /g

export function keyOf(name: string, labels: Series['labels']): string {
  let key = name
  for (const [label, value] of labels) key += `;${label}=${value}`
  return key.replace(spaces, '_')
}

export function sortedLabels(labels: Labels | undefined): Series['labels'] {
  if (labels === undefined) return []
  return Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1))
}
