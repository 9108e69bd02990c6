import { electionMs } from './faults.ts'
import type { Finding } from './judge.ts'
import type { TortureOptions } from './options.ts'
import type { Record } from './record.ts'

const shownMax = 5

/** The run on one screen: what was done, what was promised, and whether it held. */
export function report(
  { seed, seconds, servers }: TortureOptions,
  record: Record,
  findings: readonly Finding[],
): string {
  const { answered, refused, unknown } = record.counts
  const rows = findings.map(({ promise, checked, breaches }) => [
    breaches.length === 0 ? 'kept' : 'BROKEN',
    promise,
    checked,
  ])
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return [
    `seed ${seed}: ${servers} server${servers === 1 ? '' : 's'}, ${Math.round(seconds)} s`,
    `  requests  ${answered} answered, ${refused} refused, ${unknown} in doubt`,
    `  faults    ${countFaults(record)}`,
    `  recovery  ${recovery(record, servers)}`,
    ...rows.map(([state = '', promise = '', checked = '']) =>
      `  ${state.padEnd(widths[0] ?? 0)}  ${promise.padEnd(widths[1] ?? 0)}  ${checked}`.trimEnd(),
    ),
    ...findings
      .filter(({ breaches }) => breaches.length > 0)
      .flatMap(({ promise, breaches }) => [
        '',
        `${promise}: broken ${breaches.length} times`,
        ...breaches.slice(0, shownMax),
      ]),
  ].join('\n')
}

function countFaults({ inflicted }: Record): string {
  const kinds = Map.groupBy(inflicted, ({ what }) => /^[a-z]+/.exec(what)?.[0] ?? 'slow')
  kinds.delete('start')
  return [...kinds].map(([kind, times]) => `${kind} ${times.length}`).join(', ') || 'none'
}

function recovery(record: Record, servers: number): string {
  const times = recoveryTimes(record)
  if (times.length === 0) return 'no leader was lost'
  const from = servers === 1 ? 'from start' : 'from the loss of a leader'
  const worst = times.at(-1) ?? 0
  const compared =
    servers === 1 ? '' : `, ${(median(times) / electionMs).toFixed(1)} election timeouts`
  return `${from} to a write: median ${Math.round(median(times))} ms${compared}, worst ${Math.round(worst)} ms (${times.length} times)`
}

/** From each loss of a leader until a write that was asked for afterwards was acknowledged; ascending, in milliseconds. */
export function recoveryTimes({ accepted, inflicted }: Record): number[] {
  const losses = inflicted.filter(({ leaderLost }) => leaderLost).map(({ at }) => at)
  return losses
    .flatMap((at, position) => {
      const next = losses[position + 1] ?? Infinity
      const first = Math.min(
        ...accepted.filter(({ calledAt }) => calledAt >= at).map(({ returnedAt }) => returnedAt),
      )
      // Where another followed before anything was accepted, only the last tells a time.
      return first < next ? [first - at] : []
    })
    .toSorted((a, b) => a - b)
}

function median(ascending: readonly number[]): number {
  return ascending[Math.floor(ascending.length / 2)] ?? Number.NaN
}
