import type { Experiment } from '../experiment.ts'
import { configOf, crashSome, detection, load, methods, simulate, verdicts } from '../measures.ts'
import { building } from '../network.ts'
import { loadColumns, mean, p99, rate } from './columns.ts'

/** Not independent: bad times of a second in which nine of ten packets of a member are lost. */
export const bursts: Experiment = {
  name: 'bursts',
  question: 'And when losses come in bursts, of links or of members?',
  members: 300,
  cells: (members) =>
    methods.flatMap((method) =>
      (['link', 'member'] as const).flatMap((of) =>
        [500, 2000].map((badMeanMs) => ({
          method,
          at: badMeanMs,
          label: `${of}s, ${badMeanMs} ms`,
          run: (seed) => {
            const weather = {
              ...building,
              bursts: { of, goodMeanMs: badMeanMs * 19, badMeanMs, badLoss: 0.9 },
            }
            const config = configOf(method)
            const pool = simulate({ seed, members, config, weather, seconds: 75 }, (pool, plan) =>
              crashSome(pool, plan, { count: Math.ceil(members / 50), fromS: 15, toS: 45 }),
            )
            return { ...detection(pool), ...verdicts(pool), ...load(pool) }
          },
        })),
      ),
    ),
  columns: [
    mean('first suspicion', 'suspected'),
    p99('p99', 'suspected'),
    mean('failed everywhere', 'everywhere'),
    mean('false suspicions/s', 'suspicionsPerS'),
    rate('innocents failed', 'innocents'),
    ...loadColumns,
  ],
  chart: () => null,
}
