import type { Column, Experiment, Row } from './experiment.ts'
import type { Measures } from './measures.ts'
import { bootstrap, mean, quantile, rate } from './statistics.ts'
import type { Estimate } from './statistics.ts'

/** The experiment's results in Markdown: figures with what they lie between (95 %). */
export function formatTable({ columns }: Experiment, rows: readonly Row[]): string {
  const body = rows
    .filter(({ measures }) => measures.length > 0)
    .map(({ cell, measures }) => [
      cell.label,
      cell.method,
      String(measures.length),
      ...columns.map((column) => format(estimate(column, measures), column)),
    ])
  const lines = [['', 'method', 'seeds', ...columns.map(({ title }) => title)], ...body]
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const padded = lines.map((line) => line.map((text, at) => text.padEnd(widths?.[at] ?? 0)))
  const rule = (widths ?? []).map((width) => '-'.repeat(width))
  const [head, ...rest] = padded
  return [head ?? [], rule, ...rest].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

/** What each seed has to say of a measure. */
export function samplesOf(measures: readonly Measures[], name: string): (readonly number[])[] {
  return measures.map((of) => {
    const value = of[name] ?? []
    return typeof value === 'number' ? [value] : value
  })
}

function estimate({ by, measure }: Column, measures: readonly Measures[]): Estimate {
  const samples = samplesOf(measures, measure)
  if (by === 'rate') return rate(samples.flat())
  return bootstrap(samples, by === 'mean' ? mean : (values) => quantile(values, 0.99))
}

function format({ value, low, high }: Estimate, { digits, by }: Column): string {
  const text = (number: number): string =>
    number.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: digits })
  if (by === 'rate' && value === 0) return `0 (< ${text(high)})`
  return Number.isNaN(low) ? text(value) : `${text(value)} (${text(low)}–${text(high)})`
}
