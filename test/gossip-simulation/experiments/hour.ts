import type { Experiment } from '../experiment.ts'
import { configOf, load, simulate, verdicts } from '../measures.ts'
import { lossy } from '../network.ts'
import { loadColumns, mean, rate } from './columns.ts'

/** Nobody crashes. SWIM and Lifeguard drown in their own rumours, so that a minute of them costs more than an hour of ours. */
export const hour: Experiment = {
  name: 'hour',
  question: 'Is anybody healthy called failed in an hour at 25 % loss, and what does it cost?',
  members: 1000,
  cells: (members) =>
    (
      [
        ['swim', 30],
        ['lifeguard', 30],
        ['praetor', 3600],
      ] as const
    ).map(([method, seconds]) => ({
      method,
      at: seconds,
      label: `${seconds} s`,
      run: (seed) => {
        const config = configOf(method)
        const pool = simulate({ seed, members, config, weather: lossy(0.25), seconds }, () => {})
        return { ...verdicts(pool), ...load(pool) }
      },
    })),
  columns: [
    rate('innocents failed', 'innocents'),
    rate('views', 'failedByHealthyViews'),
    mean('false suspicions/s', 'suspicionsPerS', 4),
    ...loadColumns,
    mean('of it push/pull', 'pushPullKBPerS'),
  ],
  chart: () => null,
}
