import type { Finding } from './judge.ts'
import type { TortureOptions } from './options.ts'
import type { Record } from './record.ts'
import { describeRecovery } from './recovery.ts'

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
    `  recovery  ${describeRecovery(record).join('\n            ')}`,
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
