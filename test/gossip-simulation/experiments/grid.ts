import { lanConfig } from '../../../server/gossip/swim/config.ts'
import type { Experiment } from '../experiment.ts'
import { lineChart } from '../line-chart.ts'
import type { Measures } from '../measures.ts'
import { configOf, load, methods, simulate, someOf, verdicts } from '../measures.ts'
import { building } from '../network.ts'
import type { Pool } from '../pool.ts'
import { mean, rate } from './columns.ts'

/** Lifeguard's: C members at once are blocked for D, free for I, again and again. A cell is one C, with all four (D, I) in turn. */
const anomalies = [
  [2048, 64],
  [8192, 64],
  [16_384, 1024],
  [32_768, 4096],
] as const

export const grid: Experiment = {
  name: 'grid',
  question: 'Whom do members accuse while some of them are blocked for seconds?',
  members: 128,
  cells: (members) =>
    methods.flatMap((method) =>
      [1, 4, 8, 16, 32].map((count) => ({
        method,
        at: count,
        label: `${count} blocked`,
        run: (seed) =>
          added(
            anomalies.map(([blockedMs, freeMs]) => {
              const config = configOf(method, { ...lanConfig, suspicionMult: 5 })
              const run = { seed, members, config, weather: building, seconds: 120 }
              const pool = simulate(run, (pool, plan) => {
                for (const index of someOf(pool, plan, count)) {
                  pool.oracle.afflicted.add(index)
                  alternate(pool, index, { fromMs: 10_000, blockedMs, freeMs })
                }
              })
              return { ...verdicts(pool), ...load(pool) }
            }),
          ),
      })),
    ),
  columns: [
    rate('views of healthy members failed', 'failedHealthyViews'),
    rate('by healthy observers', 'failedByHealthyViews'),
    rate('healthy members failed', 'innocents'),
    mean('false suspicions', 'suspicions', 0),
    mean('Σ kB/s sent', 'kBPerS'),
  ],
  chart: lineChart({
    title: 'Traffic of a pool of 128 while some are blocked',
    x: 'members blocked at once',
    y: 'kB/s sent by each, sum of four patterns',
    measure: 'kBPerS',
  }),
}

function alternate(
  pool: Pool,
  index: number,
  { fromMs, blockedMs, freeMs }: { fromMs: number; blockedMs: number; freeMs: number },
): void {
  pool.do(fromMs, () => pool.block(index))
  pool.do(fromMs + blockedMs, () => pool.release(index))
  pool.do(fromMs + blockedMs, () =>
    alternate(pool, index, { fromMs: fromMs + blockedMs + freeMs, blockedMs, freeMs }),
  )
}

function added(all: readonly Measures[]): Measures {
  const total: Record<string, number> = {}
  for (const measures of all)
    for (const [name, value] of Object.entries(measures))
      if (typeof value === 'number') total[name] = (total[name] ?? 0) + value
  return total
}
