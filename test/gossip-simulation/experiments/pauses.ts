import type { Experiment } from '../experiment.ts'
import { configOf, detection, load, methods, simulate, someOf, verdicts } from '../measures.ts'
import { building } from '../network.ts'
import type { Pool } from '../pool.ts'
import { loadColumns, mean, rate } from './columns.ts'

/** One in eight stops for two seconds, again and again; some crash. */
export const pauses: Experiment = {
  name: 'pauses',
  question: 'Are members that stop for two seconds, run for one and stop again accused for ever?',
  members: 128,
  cells: (members) =>
    methods.map((method) => ({
      method,
      at: 0,
      label: '2 s paused, 1 s running',
      run: (seed) => {
        const config = configOf(method)
        const pool = simulate(
          { seed, members, config, weather: building, seconds: 120 },
          (pool, plan) => {
            const [pausing, crashing] = split(someOf(pool, plan, members / 8 + 10), members / 8)
            for (const index of pausing) {
              pool.oracle.afflicted.add(index)
              stopAndGo(pool, index, plan.between(5000, 8000))
            }
            for (const index of crashing)
              pool.do(plan.between(30, 90) * 1000, () => pool.crash(index))
          },
        )
        return { ...detection(pool), ...verdicts(pool), ...load(pool) }
      },
    })),
  columns: [
    mean('false suspicions', 'suspicions', 0),
    rate('innocents failed', 'innocents'),
    rate('pausing ones failed', 'lost'),
    mean('first suspicion of a crash', 'suspected'),
    ...loadColumns,
  ],
  chart: () => null,
}

function stopAndGo(pool: Pool, index: number, fromMs: number): void {
  pool.do(fromMs, () => pool.pause(index))
  pool.do(fromMs + 2000, () => {
    pool.release(index)
    stopAndGo(pool, index, fromMs + 3000)
  })
}

function split(items: readonly number[], at: number): [number[], number[]] {
  return [items.slice(0, at), items.slice(at)]
}
