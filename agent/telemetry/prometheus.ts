import { must } from '../../server/model/assert.ts'
import { formatFloat } from './go-text.ts'
import type { Kind, Series } from './series.ts'

const quantiles = [0.5, 0.9, 0.99] as const
const typeNames: Readonly<Record<Kind, string>> = {
  gauge: 'gauge',
  counter: 'counter',
  sample: 'summary',
}

/** A metric that isn't of the registry: about the process, under the names that every Prometheus client gives. */
export interface ProcessMetric {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly value: number
}

/**
 * Prometheus' text format, version 0.0.4: families in the order of their names, each once. Series must come in the order of their
 * keys. Two metrics whose names differ only in what isn't allowed in a name are one family; if they are of different kinds, the
 * first one counts.
 */
export function exposition(
  series: readonly Series[],
  processMetrics: readonly ProcessMetric[],
  nowMs: number,
): string {
  const families = new Map<string, { type: string; help: string; lines: string[] }>()
  for (const one of series) {
    const name = metricName(one.name)
    const type = typeNames[one.kind]
    const family = families.get(name) ?? { type, help: name, lines: [] }
    families.set(name, family)
    if (family.type === type) family.lines.push(...linesOf(name, one, nowMs))
  }
  for (const { name, type, help, value } of processMetrics)
    families.set(name, { type, help, lines: [line(name, [], value)] })
  let text = ''
  for (const name of [...families.keys()].toSorted()) {
    const { type, help, lines } = must(families.get(name), 'a family by its own name')
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
  }
  return text
}

function linesOf(name: string, series: Series, nowMs: number): readonly string[] {
  const labels = series.labels.map(
    ([label, value]) => `${metricName(label)}="${escapeValue(value)}"`,
  )
  if (series.kind !== 'sample') return [line(name, labels, series.total)]
  const values = series.recent?.quantiles(quantiles, nowMs) ?? []
  return [
    ...quantiles.map((quantile, at) =>
      line(name, [...labels, `quantile="${quantile}"`], values[at] ?? Number.NaN),
    ),
    line(`${name}_sum`, labels, series.total),
    line(`${name}_count`, labels, series.count),
  ]
}

function line(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`} ${formatFloat(value)}\n`
}

/** What may not be in a name becomes an underscore: `runtime.gc-pause` is `runtime_gc_pause`. */
function metricName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_:]/g, '_')
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
