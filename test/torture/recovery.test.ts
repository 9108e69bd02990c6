import t from 'tap'

import type { Inflicted, Loss } from './record.ts'
import { describeRecovery, recoveries } from './recovery.ts'

const taken = (
  ...times: readonly (readonly [number, number])[]
): { calledAt: number; returnedAt: number }[] =>
  times.map(([calledAt, returnedAt]) => ({ calledAt, returnedAt }))
const fault = (at: number, loss?: Loss): Inflicted => ({ at, what: 'fault', loss })

t.test('recovery is told from a loss to a write that was asked for after it', (t) => {
  const accepted = taken([50, 150], [150, 1400], [160, 1300], [2000, 2001])
  const inflicted = [fault(100, 'killed'), fault(120)]
  t.strictSame(recoveries({ accepted, inflicted, outages: [] }), [
    { how: 'killed', ms: 1200, isHindered: false },
  ])
  t.end()
})

t.test(
  'of two losses before a write only the later has a time, and the last may have none',
  (t) => {
    const accepted = taken([50, 150], [210, 310])
    const inflicted = [fault(100, 'killed'), fault(200, 'paused'), fault(1000, 'cut off')]
    t.strictSame(recoveries({ accepted, inflicted, outages: [] }), [
      { how: 'paused', ms: 110, isHindered: false },
    ])
    t.end()
  },
)

t.test('while nobody could be elected no time is counted, and it is told apart', (t) => {
  const accepted = taken([100, 3000], [5000, 5500])
  const inflicted = [fault(100, 'killed'), fault(4000, 'paused')]
  const outages = [
    { from: 50, until: 90 },
    { from: 500, until: 900 },
    { from: 1000, until: 2400 },
    { from: 6000, until: 7000 },
  ]
  t.strictSame(recoveries({ accepted, inflicted, outages }), [
    { how: 'killed', ms: 600, isHindered: true },
    { how: 'paused', ms: 1500, isHindered: false },
  ])
  t.strictSame(describeRecovery({ accepted, inflicted, outages }), [
    'until a write was taken, in election timeouts of 1000 ms',
    'leader paused                                  median 1.50, p90 1.50, worst 1.50 (1 times)',
    'leader lost, all of these                      median 1.50, p90 1.50, worst 1.50 (1 times)',
    'and too few left, from when there were enough  median 0.60, p90 0.60, worst 0.60 (1 times)',
  ])
  t.strictSame(describeRecovery({ accepted, inflicted: [fault(1)], outages }), [
    'no leader was lost',
  ])
  t.end()
})
