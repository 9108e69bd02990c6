import t from 'tap'

import { drawChart } from './chart.ts'
import { fate } from './fate.ts'
import { building, lossy, lost, Network } from './network.ts'
import { bootstrap, mean, quantile, rate } from './statistics.ts'
import { StreamTimes } from './streams.ts'
import { Timeline } from './timeline.ts'

t.test(
  'the timeline gives events by time, and those of one time in the order they were made',
  async (t) => {
    const timeline = new Timeline()
    const times = Array.from({ length: 5000 }, (_, at) => Math.floor(fate(1, at, 0, 0, 0) * 500))
    for (const [at, time] of times.entries()) timeline.push(time, at, 0)
    const seen: number[] = []
    while (timeline.next(1000)) seen.push(timeline.member)
    const expected = [...times.keys()].toSorted(
      (a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b,
    )
    t.same(seen, expected)
    t.equal(timeline.nowUs, 1000)
  },
)

t.test('functions run in their turn, also those made meanwhile', async (t) => {
  const timeline = new Timeline()
  const told: string[] = []
  timeline.do(10, () => {
    told.push('first')
    timeline.do(20, () => told.push('third'))
  })
  timeline.do(15, () => told.push('second'))
  t.equal(timeline.next(30), false)
  t.same(told, ['first', 'second', 'third'])
})

t.test(
  'the network loses the part of the packets that it should, and no moment is like another',
  async (t) => {
    for (const loss of [0, 0.01, 0.25]) {
      const network = new Network(3, lossy(loss))
      let count = 0
      for (let at = 0; at < 100_000; at += 1)
        if (network.travelUs(at % 100, (at + 1) % 100, at * 37, 0) === lost) count += 1
      t.ok(Math.abs(count / 100_000 - loss) < 0.005, `${count} of 100,000 at ${loss}`)
    }
  },
)

t.test(
  'bursts last as long as they should, and lose in the long run what they should',
  async (t) => {
    const bursts = { of: 'link', goodMeanMs: 900, badMeanMs: 100, badLoss: 1 } as const
    const network = new Network(5, { ...building, bursts })
    let [lostCount, changes, last] = [0, 0, false]
    const samples = 400_000
    for (let ms = 0; ms < samples; ms += 1) {
      const isLost = network.travelUs(1, 2, ms * 1000, 0) === lost
      if (isLost) lostCount += 1
      if (isLost && !last) changes += 1
      last = isLost
    }
    t.ok(Math.abs(lostCount / samples - 0.1) < 0.02, `${lostCount / samples} lost`)
    t.ok(Math.abs(lostCount / changes - 100) < 15, `${lostCount / changes} ms a burst`)
  },
)

t.test('walls are one way', async (t) => {
  const network = new Network(7, building)
  network.putAside(2, 1)
  network.wall(0, 1, 1)
  t.equal(network.travelUs(1, 2, 1000, 0), lost)
  t.ok(network.travelUs(2, 1, 1000, 0) > 0)
  network.wall(0, 1, 0)
  t.ok(network.travelUs(1, 2, 1000, 0) > 0)
})

t.test('a stream through loss takes the time of what is sent again', async (t) => {
  const streams = new StreamTimes(new Network(9, lossy(0.25)))
  const times = Array.from({ length: 2000 }, (_, at) => streams.connectUs(1, 2, at * 1e6))
  const atOnce = times.filter((us) => us !== lost && us < 100_000).length
  t.ok(Math.abs(atOnce / 2000 - 0.75 ** 2) < 0.04, `${atOnce} of 2000 connect at once`)
  t.ok(times.some((us) => us > 1e6 && us < 2e6))
})

t.test('estimates hold what they should between their ends', async (t) => {
  let holding = 0
  for (let trial = 0; trial < 200; trial += 1) {
    const seeds = Array.from({ length: 20 }, (_, at) => [fate(trial, at, 1, 2, 3)])
    const { low, high } = bootstrap(seeds, mean)
    if (low <= 0.5 && high >= 0.5) holding += 1
  }
  t.ok(holding > 175, `${holding} of 200 intervals of 95 % hold the truth`)
  t.equal(quantile([1, 2, 3, 4], 0.5), 2)
  t.equal(quantile([1, 2, 3, 4], 0.99), 4)
  t.same(rate([0, 0, 0]), { value: 0, low: 0, high: 1 })
})

t.test('a chart is an image with a line for each method', async (t) => {
  const point = (x: number): { x: number; y: number; low: number; high: number } => ({
    x,
    y: x / 2,
    low: x / 3,
    high: x,
  })
  const svg = drawChart({
    title: 'a < b',
    x: 'x',
    y: 'y',
    isLogarithmic: true,
    lines: ['one', 'two'].map((name) => ({ name, points: [point(10), point(100)] })),
  })
  t.equal(svg.match(/<polyline/g)?.length, 2)
  t.match(svg, 'a &lt; b')
  t.notMatch(svg, 'NaN')
})
