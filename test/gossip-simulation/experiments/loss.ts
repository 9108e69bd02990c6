import type { Experiment } from '../experiment.ts'
import { lineChart } from '../line-chart.ts'
import { configOf, crashSome, detection, load, methods, simulate, verdicts } from '../measures.ts'
import { lossy } from '../network.ts'
import { loadColumns, mean, p99, percent, rate } from './columns.ts'

/** Crashes 1 in 50 under independent loss. */
export const loss: Experiment = {
  name: 'loss',
  question: 'How soon is a crash noticed, and how often is one imagined, when packets are lost?',
  members: 1000,
  cells: (members) =>
    methods.flatMap((method) =>
      [0, 0.01, 0.05, 0.1, 0.25].map((lost) => ({
        method,
        at: lost * 100,
        label: `${percent(lost)} lost`,
        run: (seed) => {
          const config = configOf(method)
          const pool = simulate(
            { seed, members, config, weather: lossy(lost), seconds: 75 },
            (pool, plan) =>
              crashSome(pool, plan, { count: Math.ceil(members / 50), fromS: 15, toS: 45 }),
          )
          return { ...detection(pool), ...verdicts(pool), ...load(pool) }
        },
      })),
    ),
  columns: [
    mean('first suspicion', 'suspected'),
    p99('p99', 'suspected'),
    mean('failed everywhere', 'everywhere'),
    p99('p99', 'everywhere'),
    rate('unnoticed', 'unnoticed'),
    mean('false suspicions/s', 'suspicionsPerS'),
    rate('innocents failed', 'innocents'),
    ...loadColumns,
  ],
  chart: lineChart({
    title: 'First suspicion of a crashed member',
    x: 'packets lost (%)',
    y: 'seconds, mean',
    measure: 'suspected',
  }),
}
