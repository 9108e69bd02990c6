import t from 'tap'

import { seededChance } from '../../../../server/runtime/chance.ts'
import { fuzz } from '../../../fuzz/campaign.ts'
import { gossipTargets } from '../../../fuzz/gossip-targets.ts'

/** Another one each time; `FUZZ_SEED` takes one back. The long run is `npm run fuzz:gossip`. */
const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const inputs = 4000

t.test('bytes that nobody would send do no more than be refused', async (t) => {
  const reasons = new Set<string>()
  for (const target of gossipTargets()) {
    const { finding, outcomes } = fuzz(target, inputs, seededChance(seed))
    t.equal(finding?.error.stack, undefined, `${target.name} with seed ${seed}: ${finding?.input}`)
    t.ok((outcomes.get('taken') ?? 0) > 0, `${target.name}: some are taken`)
    for (const reason of outcomes.keys()) reasons.add(reason)
  }
  t.ok(reasons.size > 20, `${reasons.size} different ends`)
})
