import t from 'tap'

import type { Level } from './plan.ts'
import { simulate } from './simulation.ts'
import { Tally } from './tally.ts'

/** Always the same seeds, so that a change that breaks one is seen at once, and one that nobody tried before. */
const seeds: Readonly<Record<Level, number>> = { core: 300, driver: 40 }

for (const level of ['core', 'driver'] as const)
  t.test(
    `clusters keep their promises through faults and agree after them (${level})`,
    async (t) => {
      const fresh = Math.floor(Math.random() * 2 ** 31)
      const tally = new Tally()
      for (const seed of [fresh, ...Array.from({ length: seeds[level] }, (_, at) => at + 1)]) {
        const outcome = await simulate(seed, level)
        tally.add(outcome)
        if (outcome.failure === null) continue
        const { story, text } = outcome.failure
        t.fail(`npm run sim -- --level ${level} --seed ${seed}\n${text}\n${story}`)
        return
      }
      t.comment(`seed ${fresh} was new\n${tally.print()}`)
      // Weather in which nothing happened would prove nothing.
      t.ok(tally.committed > 10 * tally.seeds, `${tally.committed} entries were committed`)
    },
  )

t.test('a seed is the same run whenever it is run', async (t) => {
  for (const [seed, level] of [
    [7, 'core'],
    [11, 'core'],
    [5, 'driver'],
    [18, 'driver'],
  ] as const) {
    const one = await simulate(seed, level)
    const other = await simulate(seed, level)
    t.ok(one.turns > 50, `seed ${seed}: ${one.turns} turns`)
    t.same(other, one)
  }
})
