import type { Chart } from './chart.ts'
import type { Experiment } from './experiment.ts'
import { methods } from './measures.ts'
import { bootstrap, mean } from './statistics.ts'
import { samplesOf } from './table.ts'

/** The mean of a measure, a line for each method. */
export function lineChart({
  title,
  x,
  y,
  measure,
  isLogarithmic = false,
}: {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly measure: string
  readonly isLogarithmic?: boolean
}): Experiment['chart'] {
  return (rows): Chart | null => {
    const lines = methods
      .map((name) => ({
        name,
        points: rows
          .filter(({ cell, measures }) => cell.method === name && measures.length > 0)
          .map(({ cell, measures }) => {
            const { value, low, high } = bootstrap(samplesOf(measures, measure), mean)
            return { x: cell.at, y: value, low, high }
          })
          .toSorted((a, b) => a.x - b.x),
      }))
      .filter(({ points }) => points.length > 1)
    return lines.length === 0 ? null : { title, x, y, isLogarithmic, lines }
  }
}
