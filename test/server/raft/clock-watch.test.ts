import t from 'tap'

import { ClockWatch } from '../../../server/raft/clock-watch.ts'
import { VirtualClock } from '../../support/clock.ts'

t.test('a machine that slept is found out once, at the first look after it', async (t) => {
  const clock = new VirtualClock()
  const watch = new ClockWatch(clock, 1000)
  await clock.advance(50)
  t.ok(watch.look())
  clock.wallOffsetMs += 800
  t.notOk(watch.agrees, 'before anybody looks')
  t.notOk(watch.look())
  t.ok(watch.agrees)
  t.ok(watch.look(), 'and it is over')
  clock.wallOffsetMs -= 3_600_000
  t.notOk(watch.look(), 'a clock that is set back counts as well')
})

t.test('short sleeps add up within a period, and drift does not over many', async (t) => {
  const clock = new VirtualClock()
  const watch = new ClockWatch(clock, 1000)
  for (let second = 0; second < 100; second += 1) {
    clock.wallOffsetMs += 10
    await clock.advance(1000)
    t.ok(watch.look())
  }
  for (const isGood of [true, true, false]) {
    clock.wallOffsetMs += 10
    await clock.advance(50)
    t.equal(watch.look(), isGood)
  }
})
