import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { drawChart } from './chart.ts'
import type { Experiment, Row } from './experiment.ts'
import { experiments } from './experiments.ts'
import { configOf, crashSome, methods, simulate } from './measures.ts'
import type { Measures } from './measures.ts'
import { lossy } from './network.ts'
import { Records } from './records.ts'
import { formatTable } from './table.ts'

/**
 * Simulates what `experiments.ts` lists, prints the tables and draws the charts. What was done before is not done again.
 *
 *   npm run sim:gossip                                 everything, 20 seeds a cell: hours
 *   npm run sim:gossip -- --only loss,deaf --seeds 3
 *   npm run sim:gossip -- --only loss --members 100
 *   npm run sim:gossip -- --minutes 5                  as much as that allows; again for the rest
 *   npm run sim:gossip -- --method praetor --from 7 --seeds 1 --only hour
 *   npm run sim:gossip -- --minutes 0                  nothing new: prints and draws what there is
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    method: { type: 'string' },
    members: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '20' },
    minutes: { type: 'string', default: 'Infinity' },
    out: { type: 'string', default: 'build/gossip-simulation' },
  },
})

const wanted = values.only?.split(',') ?? experiments.map(({ name }) => name)
const first = Number(values.from)
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => first + at)
const untilMs = performance.now() + Number(values.minutes) * 60_000
const cores = fingerprints()
const records = new Records(`${values.out}/runs.jsonl`, cores)
mkdirSync(values.out, { recursive: true })
console.log(
  `cores ${[...cores].map((core) => core.join(' ')).join(', ')}; seeds ${first} to ${seeds.at(-1)}`,
)

for (const experiment of experiments.filter(({ name }) => wanted.includes(name))) {
  const members = Number(values.members ?? experiment.members)
  const rows = gather(experiment, members)
  console.log(`\n${experiment.name}: ${experiment.question}\n`)
  console.log(formatTable(experiment, rows))
  const chart = experiment.chart(rows)
  if (chart !== null) writeFileSync(`${values.out}/${experiment.name}.svg`, drawChart(chart))
}

/** A seed after the other through all cells, so that a table that is not finished is at least even. */
function gather(experiment: Experiment, members: number): Row[] {
  const cells = experiment
    .cells(members)
    .filter(({ method }) => values.method === undefined || values.method.includes(method))
  const measures = cells.map((): Measures[] => [])
  for (const seed of seeds)
    for (const [at, { label, method, run }] of cells.entries()) {
      const key = { experiment: experiment.name, members, method, label, seed }
      const known = records.find(key)
      if (known !== null) measures[at]?.push(known)
      if (known !== null || performance.now() >= untilMs) continue
      const startedMs = performance.now()
      const fresh = run(seed)
      records.add(key, fresh)
      measures[at]?.push(fresh)
      const tookS = ((performance.now() - startedMs) / 1000).toFixed(1)
      console.error(`${experiment.name} ${members} ${method}, ${label}, seed ${seed}: ${tookS} s`)
    }
  return cells.map((cell, at) => ({ cell, measures: measures[at] ?? [] }))
}

/** By method: the same for cores that do the same. */
function fingerprints(): Map<string, string> {
  const run = { seed: 1, members: 24, weather: lossy(0.2), seconds: 40 }
  return new Map(
    methods.map((method) => {
      const pool = simulate({ ...run, config: configOf(method) }, (pool, plan) => {
        crashSome(pool, plan, { count: 2, fromS: 5, toS: 10 })
        pool.do(8000, () => pool.block(20))
        pool.do(14_000, () => pool.release(20))
      })
      return [method, pool.digest.toString(16)]
    }),
  )
}
