import { parseArgs } from 'node:util'

import type { Level } from './plan.ts'
import { simulate } from './simulation.ts'
import { Tally } from './tally.ts'

/**
 * Simulates clusters, one for each seed, until one breaks a promise or there are no more.
 *
 *   npm run sim -- --seed 42                       this one, twice, to see that it is the same run both times
 *   npm run sim -- --from 1 --count 10000          these
 *   npm run sim -- --minutes 10                    from a seed drawn now, for so long
 *   npm run sim -- --level driver …                with everything that runs in production: driver, log, disk, store
 *   npm run sim -- --all …                         goes on after a failure
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string' },
    count: { type: 'string' },
    minutes: { type: 'string' },
    level: { type: 'string', default: 'core' },
    all: { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
  },
})

const level: Level = values.level === 'driver' ? 'driver' : 'core'
const first = Number(values.seed ?? values.from ?? Math.floor(Math.random() * 2 ** 31))
const count = values.seed !== undefined ? 1 : Number(values.count ?? Infinity)
const untilMs =
  performance.now() + Number(values.minutes ?? ((values.count ?? values.seed) ? 1e6 : 1)) * 60_000
const tally = new Tally()

console.log(`level ${level}, from seed ${first}`)
for (let seed = first; seed < first + count && performance.now() < untilMs; seed += 1) {
  const outcome = await simulate(seed, level)
  tally.add(outcome)
  if (outcome.failure === null) {
    if (tally.seeds % 1000 === 0) console.log(`… ${tally.seeds} seeds, through ${seed}`)
    continue
  }
  process.exitCode = 1
  const { invariant, story, text } = outcome.failure
  console.log(`\nseed ${seed}: ${values.brief ? invariant : text}`)
  if (!values.brief) console.log(`\n${story}\n`)
  console.log(`replay: npm run sim -- --level ${level} --seed ${seed}`)
  if (!values.all) break
}
if (values.seed !== undefined) {
  const [one, other] = [await simulate(first, level), await simulate(first, level)]
  console.log(`digest    ${one.digest.toString(16)}, again ${other.digest.toString(16)}`)
  if (one.digest !== other.digest) process.exitCode = 1
}
console.log(tally.print())
