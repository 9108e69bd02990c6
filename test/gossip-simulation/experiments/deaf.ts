import type { Experiment } from '../experiment.ts'
import { configOf, load, methods, simulate, someOf, verdicts } from '../measures.ts'
import { building } from '../network.ts'
import { loadColumns, mean, percent, rate } from './columns.ts'

/** Rapid's scenario: some hear little or nothing, and are heard. */
export const deaf: Experiment = {
  name: 'deaf',
  question: 'Do 1 in 100 members who hear nothing take others down?',
  members: 300,
  cells: (members) =>
    methods.flatMap((method) =>
      [0.8, 1].map((lost) => ({
        method,
        at: lost * 100,
        label: `${percent(lost)} to them lost`,
        run: (seed) => {
          const config = configOf(method)
          const run = { seed, members, config, weather: building, seconds: 120 }
          const pool = simulate(run, (pool, plan) => {
            for (const index of someOf(pool, plan, Math.ceil(members / 100))) {
              pool.oracle.afflicted.add(index)
              pool.network.putAside(index, 1)
            }
            pool.do(20_000, () => {
              pool.network.wall(0, 1, lost)
              pool.network.wall(1, 1, lost)
            })
          })
          return { ...verdicts(pool), ...load(pool) }
        },
      })),
    ),
  columns: [
    rate('innocents failed by healthy ones', 'innocents'),
    rate('views of healthy ones failed', 'failedHealthyViews'),
    rate('deaf ones failed', 'lost'),
    mean('suspicions of healthy ones', 'healthySuspicions', 1),
    ...loadColumns,
  ],
  chart: () => null,
}
