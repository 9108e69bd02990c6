import type { Chart } from './chart.ts'
import type { Measures, Method } from './measures.ts'

/** A question, the cells of its table, and what the table says. */
export interface Experiment {
  readonly name: string
  readonly question: string
  /** How many members it is about, unless told otherwise. */
  readonly members: number
  readonly cells: (members: number) => readonly Cell[]
  readonly columns: readonly Column[]
  /** From the rows of the table; null where there are too few. */
  readonly chart: (rows: readonly Row[]) => Chart | null
}

export interface Cell {
  readonly method: Method
  /** What is varied: a number for the chart's axis, and words. */
  readonly at: number
  readonly label: string
  readonly run: (seed: number) => Measures
}

export interface Column {
  readonly title: string
  /** The measure that it tells of, and how: the mean of its samples, their 99th percentile, or a rare event's rate a run. */
  readonly measure: string
  readonly by: 'mean' | 'p99' | 'rate'
  readonly digits: number
}

export interface Row {
  readonly cell: Cell
  /** One for each seed. */
  readonly measures: readonly Measures[]
}
