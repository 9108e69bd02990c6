import type { Experiment } from '../experiment.ts'
import {
  configOf,
  crashSome,
  detection,
  disagreements,
  load,
  simulate,
  someOf,
  verdicts,
} from '../measures.ts'
import { lossy } from '../network.ts'
import { loadColumns, mean, p99, rate } from './columns.ts'

/** Crashes and joins in a large pool, then quiet. */
export const many: Experiment = {
  name: 'many',
  question: 'Do 10,000 members run, and agree who is there?',
  members: 10_000,
  cells: (members) => [
    {
      method: 'praetor',
      at: members,
      label: `${members} members, 1 % lost`,
      run: (seed) => {
        const config = configOf('praetor')
        const run = { seed, members, config, weather: lossy(0.01), seconds: 60 }
        const pool = simulate(run, (pool, plan) => {
          crashSome(pool, plan, { count: 20, fromS: 10, toS: 20 })
          for (let newcomer = 0; newcomer < 10; newcomer += 1)
            pool.do(plan.between(10, 20) * 1000, () => pool.join(someOf(pool, plan, 3)))
        })
        return {
          ...detection(pool),
          ...verdicts(pool),
          ...load(pool),
          disagreeing: disagreements(pool),
        }
      },
    },
  ],
  columns: [
    mean('first suspicion', 'suspected'),
    p99('p99', 'suspected'),
    mean('failed everywhere', 'everywhere'),
    p99('p99', 'everywhere'),
    rate('innocents failed', 'innocents'),
    rate('members that disagree at the end', 'disagreeing'),
    ...loadColumns,
    mean('of it push/pull', 'pushPullKBPerS'),
  ],
  chart: () => null,
}
