import t from 'tap'

import { Storm } from '../../../support/raft-storm.ts'

/**
 * Clusters in bad weather (see the Storm). A failure prints its seed: `SEED=n` runs that one alone, `SEEDS=n` that many more.
 */
const seedFirst = Number(process.env['SEED'] ?? 1)
const seedCount = Number(process.env['SEEDS'] ?? (process.env['SEED'] === undefined ? 60 : 1))

t.test('whatever the weather, Raft keeps its promises, and agrees when it clears', async (t) => {
  const totals = { committed: 0, reads: 0, lost: 0, elections: 0, restores: 0, changes: 0 }
  for (let seed = seedFirst; seed < seedFirst + seedCount; seed += 1) {
    const storm = new Storm(seed)
    try {
      storm.rage(4000)
      storm.clear()
    } catch (error) {
      t.error(error, `SEED=${seed}`)
      return
    }
    for (const key of Object.keys(totals) as (keyof typeof totals)[])
      totals[key] += storm.counts[key]
  }
  t.comment(`${seedCount} storms from seed ${seedFirst}`, totals)
  // Weather in which nothing happened would prove nothing.
  if (seedCount >= 60)
    for (const [what, times] of Object.entries(totals)) t.ok(times > 0, `${what}: ${times}`)
})
