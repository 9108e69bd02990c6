import fc from 'fast-check'
import t from 'tap'

import { LamportClock } from '../../../../server/gossip/serf/lamport.ts'
import { RecentTimes } from '../../../../server/gossip/serf/recent-times.ts'

t.test('a clock is later than all that it has seen', async (t) => {
  const clock = new LamportClock()
  t.equal(clock.take(), 1)
  clock.witness(10)
  t.equal(clock.next, 11)
  clock.witness(3)
  t.equal(clock.next, 11)
  t.equal(clock.take(), 11)
  clock.witness(Number.MAX_SAFE_INTEGER)
  t.equal(clock.next, 12, 'there would be no time after that one')
})

t.test('what is new is new once, and what is too old never', async (t) => {
  const recent = new RecentTimes({ times: 4, weightMax: 100 }, String)
  t.equal(recent.note(2, 1, 7), 'new')
  t.equal(recent.note(2, 1, 7), 'seen')
  t.equal(recent.note(2, 1, 8), 'new')
  t.equal(recent.note(6, 5, 7), 'new')
  t.equal(recent.note(6, 1, 9), 'old')
  t.equal(recent.note(6, 2, 9), 'new')
  recent.ignoreBefore(6)
  t.equal(recent.note(6, 5, 10), 'old')
  t.strictSame([...recent.all()], [])
})

t.test('where it weighs too much the oldest times are forgotten, and are old then', async (t) => {
  const recent = new RecentTimes<number>({ times: 100, weightMax: 10 }, String, (item) => item)
  for (const time of [1, 2, 3]) t.equal(recent.note(50, time, 3), 'new')
  t.equal(recent.note(50, 4, 4), 'new')
  t.strictSame(
    [...recent.all()].map(([time]) => time),
    [2, 3, 4],
  )
  t.equal(recent.note(50, 1, 3), 'old')
  t.equal(recent.note(50, 5, 11), 'new', 'what has no room at all is told, and nothing is kept')
  t.equal(recent.note(50, 5, 11), 'old')
  t.strictSame([...recent.all()], [])
})

t.test('nothing is new twice, whatever comes in whatever order', async () => {
  const step = fc.record({ time: fc.integer({ min: 1, max: 30 }), item: fc.nat(5) })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (steps, max) => {
        const recent = new RecentTimes<number>({ times: 8, weightMax: max }, String)
        const clock = new LamportClock()
        const told = new Set<string>()
        return steps.every(({ time, item }) => {
          clock.witness(time)
          if (recent.note(clock.next, time, item) !== 'new') return true
          const isFirst = !told.has(`${time} ${item}`)
          told.add(`${time} ${item}`)
          const kept = [...recent.all()].flatMap(([, items]) => items).length
          return isFirst && kept <= max
        })
      },
    ),
  )
})
