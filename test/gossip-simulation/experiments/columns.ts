import type { Column } from '../experiment.ts'

export const mean = (title: string, measure: string, digits = 2): Column => ({
  title,
  measure,
  by: 'mean',
  digits,
})

export const p99 = (title: string, measure: string): Column => ({
  title,
  measure,
  by: 'p99',
  digits: 2,
})

/** Of something rare. */
export const rate = (title: string, measure: string): Column => ({
  title,
  measure,
  by: 'rate',
  digits: 2,
})

export const loadColumns: readonly Column[] = [
  mean('kB/s sent', 'kBPerS'),
  mean('datagrams/s', 'packetsPerS', 1),
]

export const percent = (part: number): string => `${part * 100} %`
