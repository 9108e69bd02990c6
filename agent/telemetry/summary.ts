import { formatTime, shortestSingle } from './go-text.ts'
import { windowMs } from './registry.ts'
import { deviation, mean } from './series.ts'
import type { Cell, Kind, Series, Window } from './series.ts'

/** A window as `/v1/agent/metrics` prints it, in Consul's order of fields. */
export function summarize(window: Window): Readonly<Record<string, unknown>> {
  return {
    Timestamp: formatTime(window.startMs),
    Gauges: ofKind(window, 'gauge').map(([series, cell]) => ({
      Name: series.name,
      Value: shortestSingle(cell.last),
      Labels: Object.fromEntries(series.labels),
    })),
    Points: [],
    Counters: ofKind(window, 'counter').map(summarizeCell),
    Samples: ofKind(window, 'sample').map(summarizeCell),
  }
}

function summarizeCell([series, cell]: readonly [Series, Cell]): Readonly<Record<string, unknown>> {
  return {
    Name: series.name,
    Count: cell.count,
    Rate: cell.sum / (windowMs / 1000),
    Sum: cell.sum,
    Min: cell.min,
    Max: cell.max,
    Mean: mean(cell),
    Stddev: deviation(cell),
    Labels: Object.fromEntries(series.labels),
  }
}

function ofKind(window: Window, kind: Kind): readonly (readonly [Series, Cell])[] {
  return window.cells
    .filter(([series]) => series.kind === kind)
    .toSorted(([one], [other]) => (one.key < other.key ? -1 : 1))
}

/** A window as SIGUSR1 prints it: a line for each metric, its labels' values behind its name. */
export function dumpLines(window: Window): readonly string[] {
  const time = formatTime(window.startMs)
  const lines = (kind: Kind, sign: string, describe: (cell: Cell) => string): string[] =>
    ofKind(window, kind).map(
      ([series, cell]) => `[${time}][${sign}] '${flatName(series)}': ${describe(cell)}`,
    )
  return [
    ...lines('gauge', 'G', ({ last }) => last.toFixed(3)),
    ...lines('counter', 'C', describeCell),
    ...lines('sample', 'S', describeCell),
  ]
}

function flatName({ name, labels }: Series): string {
  return [name, ...labels.map(([, value]) => value.replace(/[ :]/g, '_'))].join('.')
}

function describeCell(cell: Cell): string {
  const spread = deviation(cell)
  const last = `LastUpdated: ${formatTime(cell.lastMs)}`
  const sum = `Sum: ${cell.sum.toFixed(3)}`
  if (spread === 0) return `Count: ${cell.count} ${sum} ${last}`
  const [min, average, max] = [cell.min, mean(cell), cell.max].map((value) => value.toFixed(3))
  return `Count: ${cell.count} Min: ${min} Mean: ${average} Max: ${max} Stddev: ${spread.toFixed(3)} ${sum} ${last}`
}
