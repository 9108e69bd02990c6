import type { Labels } from '../../server/runtime/metrics.ts'
import { RecentValues } from './recent-values.ts'
import { keyOf, newCell, sortedLabels } from './series.ts'
import type { Kind, Series, Window } from './series.ts'

export const windowMs = 10_000
/** Finished windows that are still there to be dumped: a minute. */
const windowsMax = 6
/**
 * Metrics at a time. Some have labels that clients choose, such as the name of a service nobody has; what is new beyond this number is
 * not counted until others are forgotten.
 */
const seriesMax = 20_000

export interface RegistryOptions {
  /** What a metric is called; `undefined` for one that isn't wanted. */
  readonly nameOf: (kind: Kind, name: string) => string | undefined
  /** How long after its last value a metric is forgotten. */
  readonly retentionMs: number
  readonly hasQuantiles: boolean
}

/** One metric's series by their labels, and the one that was asked for last: most callers always give the same labels. */
interface Family {
  readonly name: string
  lastLabels: Labels | undefined
  lastSeries: Series | undefined
  readonly byKey: Map<string, Series>
}

/** All that was said of all metrics, in windows of ten seconds that begin at whole tens of the clock, as in go-metrics. */
export class Registry {
  readonly #options: RegistryOptions
  readonly #families: Readonly<Record<Kind, Map<string, Family | undefined>>> = {
    gauge: new Map(),
    counter: new Map(),
    sample: new Map(),
  }
  #windows: Window[] = []
  #open: Window | undefined
  #openUntilMs = 0
  #seriesCount = 0

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  record(kind: Kind, name: string, value: number, labels: Labels | undefined, nowMs: number): void {
    if (nowMs >= this.#openUntilMs) this.#advance(nowMs)
    const series = this.#find(kind, name, labels)
    if (series === undefined) return
    const single = Math.fround(value)
    if (series.window !== this.#open) this.#begin(series)
    const { cell } = series
    if (cell.count === 0 || single < cell.min) cell.min = single
    if (cell.count === 0 || single > cell.max) cell.max = single
    cell.count += 1
    cell.sum += single
    cell.sumOfSquares += single * single
    cell.last = single
    cell.lastMs = nowMs
    series.lastMs = nowMs
    series.count += 1
    series.total = kind === 'gauge' ? single : series.total + single
    series.recent?.add(single, nowMs)
  }

  /** The windows that are over and kept, oldest first, and the open one. */
  windows(nowMs: number): { readonly finished: readonly Window[]; readonly open: Window } {
    const open =
      nowMs >= this.#openUntilMs ? this.#advance(nowMs) : (this.#open ?? this.#advance(nowMs))
    return { finished: this.#windows, open }
  }

  /** What was not forgotten yet, in the order of keys. */
  series(nowMs: number): readonly Series[] {
    this.#forget(nowMs)
    const all: Series[] = []
    for (const families of Object.values(this.#families))
      for (const family of families.values())
        if (family !== undefined) all.push(...family.byKey.values())
    return all.toSorted((one, other) => (one.key < other.key ? -1 : 1))
  }

  #find(kind: Kind, name: string, labels: Labels | undefined): Series | undefined {
    const families = this.#families[kind]
    let family = families.get(name)
    if (family === undefined) {
      if (families.has(name)) return undefined
      const full = this.#options.nameOf(kind, name)
      family = full === undefined ? undefined : newFamily(full)
      families.set(name, family)
      if (family === undefined) return undefined
    }
    if (family.lastSeries !== undefined && family.lastLabels === labels) return family.lastSeries
    const series = this.#findLabelled(kind, family, labels)
    family.lastLabels = labels
    family.lastSeries = series
    return series
  }

  #findLabelled(kind: Kind, family: Family, labels: Labels | undefined): Series | undefined {
    const sorted = sortedLabels(labels)
    const key = keyOf(family.name, sorted)
    const known = family.byKey.get(key)
    if (known !== undefined || this.#seriesCount >= seriesMax) return known
    const series: Series = {
      kind,
      name: family.name,
      labels: sorted,
      key,
      cell: newCell(),
      window: undefined,
      total: 0,
      count: 0,
      lastMs: 0,
      recent: this.#options.hasQuantiles && kind === 'sample' ? new RecentValues() : undefined,
    }
    family.byKey.set(key, series)
    this.#seriesCount += 1
    return series
  }

  /** The first value of a series in the window that is open. */
  #begin(series: Series): void {
    series.cell = newCell()
    series.window = this.#open
    this.#open?.cells.push([series, series.cell])
  }

  #advance(nowMs: number): Window {
    const startMs = Math.floor(nowMs / windowMs) * windowMs
    if (this.#open !== undefined) this.#windows = [...this.#windows, this.#open].slice(-windowsMax)
    this.#open = { startMs, cells: [] }
    this.#openUntilMs = startMs + windowMs
    this.#forget(nowMs)
    return this.#open
  }

  #forget(nowMs: number): void {
    const oldestMs = nowMs - this.#options.retentionMs
    for (const families of Object.values(this.#families))
      for (const [name, family] of families)
        if (family === undefined || this.#forgetIn(family, oldestMs) === 0) families.delete(name)
  }

  /** How many of a metric's series are left. */
  #forgetIn(family: Family, oldestMs: number): number {
    for (const [key, { lastMs }] of family.byKey) {
      if (lastMs >= oldestMs) continue
      family.byKey.delete(key)
      family.lastSeries = undefined
      this.#seriesCount -= 1
    }
    return family.byKey.size
  }
}

function newFamily(name: string): Family {
  return {
    name,
    lastLabels: undefined,
    lastSeries: undefined,
    byKey: new Map(),
  }
}
