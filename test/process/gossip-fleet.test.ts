import { setTimeout as sleep } from 'node:timers/promises'

import t from 'tap'

import { shuffled, systemChance } from '../../server/runtime/chance.ts'
import { Fleet } from '../gossip-fleet/fleet.ts'

/** The long one, with its figures, is `npm run test:gossip-fleet`. */
const lateMs = 40_000

/** Longer than most pauses that machines are known for, and as long as a member is given by default. */
const pauseMs = 5000

t.test('members of several processes notice who is gone, and nobody else', async (t) => {
  await using fleet = await Fleet.start([10, 10, 9, 1])
  const [resting = ''] = fleet.namesIn(3)
  const observed = fleet.names.filter((name) => name !== resting)
  await fleet.converge()
  t.pass(`all ${fleet.seats.length} see each other`)

  fleet.stop(3)
  await sleep(pauseMs)
  fleet.goOn(3)
  await fleet.untilTrusted()
  t.strictSame(fleet.seen('failed'), [], 'who stands still for a while is not given up')

  const doomed = shuffled(observed, systemChance).slice(0, 3)
  await fleet.end(doomed)
  const others = fleet.seats.length - doomed.length
  await fleet.until(
    () => doomed.every((name) => fleet.seen('failed', name).length >= others),
    lateMs,
  )
  const { views } = await fleet.look()
  for (const { by, alive, failed } of views) {
    t.strictSame(failed.toSorted(), doomed.toSorted(), `${by} sees who is gone`)
    t.equal(alive.length, others, `${by} sees everybody else`)
  }
  t.equal(fleet.seen('failed').length, others * doomed.length, 'and nobody was given up meanwhile')
})
