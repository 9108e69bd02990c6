import t from 'tap'

import { Ledger } from '../../../../server/gossip/swim/evidence.ts'
import type { Odds } from '../../../../server/gossip/swim/evidence.ts'
import { Hearing, deafLevel } from '../../../../server/gossip/swim/hearing.ts'
import { LearnedPauses } from '../../../../server/gossip/swim/learned-pauses.ts'
import { LocalHealth } from '../../../../server/gossip/swim/local-health.ts'
import { LossEstimate } from '../../../../server/gossip/swim/loss-estimate.ts'
import { normalSurprise, upperTail } from '../../../../server/gossip/swim/normal-tail.ts'
import { PhiDetector, silenceSurprise } from '../../../../server/gossip/swim/phi-detector.ts'
import { RttHistogram } from '../../../../server/gossip/swim/rtt-histogram.ts'
import { seededChance } from '../../../../server/runtime/chance.ts'

const isClose = (found: number, wanted: number, relative = 1e-9): boolean =>
  Math.abs(found - wanted) <= Math.abs(wanted) * relative

t.test('the surprise of a normal variable is exact far into the tail', async (t) => {
  // −log10 of ½·erfc(y/√2), from tables of 50 digits.
  const known: readonly (readonly [y: number, phi: number])[] = [
    [0, 0.3010299956639812],
    [1, 0.7995455414919705],
    [2, 1.643016080140937],
    [3, 2.869699035929369],
    [4, 4.499334907556479],
    [5, 6.5426456723906545],
    [6, 9.005864327476704],
    [8, 15.206142551017155],
    [10, 23.118053405486076],
    [38, 315.5397897039625],
  ]
  for (const [y, phi] of known)
    t.ok(isClose(normalSurprise(y), phi, 1e-12), `φ(${y}) is ${normalSurprise(y)}, wanted ${phi}`)
})

t.test('the surprise of a normal variable has no seams', async (t) => {
  for (let y = -8; y < 40; y += 0.01) {
    t.ok(normalSurprise(y + 0.01) > normalSurprise(y), `it grows at ${y}`)
    if (Math.abs(y) < 8) {
      const phi = normalSurprise(y)
      t.ok(isClose(10 ** -phi, upperTail(y), 1e-9), `both forms agree at ${y}`)
    }
  }
  const step = normalSurprise(3 + 1e-9) - normalSurprise(3 - 1e-9)
  t.ok(step > 0 && step < 1e-8, 'the series and the fraction meet')
})

t.test('§2.2 numeric traps', async (t) => {
  t.ok(
    isClose(normalSurprise(5.612), 8, 2e-4),
    'exact 8 is at y = 5.612, where the logistic says 9.4',
  )
  t.ok(isClose(normalSurprise(5.226), 7.06, 1e-3), "the logistic's 8 is truly 7.06")
  t.ok(
    Number.isFinite(normalSurprise(1e5)),
    'no overflow, where the published form is infinite from 22',
  )
  t.ok(normalSurprise(-8) > 0, 'below the mean it is small, and not cancelled to 0')
  t.ok(isClose(normalSurprise(-8), upperTail(8) / Math.LN10, 1e-9), 'and exact')
})

t.test(
  'the window of heartbeats keeps its mean and deviation as samples come and go',
  async (t) => {
    const options = {
      windowSamples: 50,
      expectedGapMs: 1000,
      deviationMinMs: 0,
      acceptablePauseMs: 0,
      gapMaxMs: Infinity,
    }
    const detector = new PhiDetector(options)
    const chance = seededChance(4)
    const gaps: number[] = []
    // So large that E[x²] − μ² would lose every digit of a deviation of ten.
    let nowMs = 1e12
    detector.heard(nowMs)
    for (let beat = 0; beat < 5000; beat += 1) {
      const gapMs = 1e6 + chance.fraction() * 40
      gaps.push(gapMs)
      nowMs += gapMs
      detector.heard(nowMs)
    }
    const window = gaps.slice(-50)
    const mean = window.reduce((sum, gap) => sum + gap, 0) / 50
    const deviation = Math.sqrt(window.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / 49)
    t.ok(isClose(detector.meanMs(), mean, 1e-9), `mean ${detector.meanMs()} of ${mean}`)
    t.ok(
      isClose(detector.deviationMs(), deviation, 1e-3),
      `${detector.deviationMs()} of ${deviation}`,
    )
  },
)

t.test('a heartbeat detector', async (t) => {
  const options = {
    windowSamples: 200,
    expectedGapMs: 1000,
    deviationMinMs: 100,
    acceptablePauseMs: 0,
    gapMaxMs: 4000,
  }
  const beating = (beats: number, gapMs = 1000): PhiDetector => {
    const detector = new PhiDetector(options)
    for (let beat = 0; beat <= beats; beat += 1) detector.heard(beat * gapMs)
    return detector
  }

  t.test('convicts nobody by a few samples', async (t) => {
    t.equal(beating(4).level(60_000, 0.01), 0)
    t.ok(beating(20).level(60_000, 0.01) > 8)
  })

  t.test('takes one lost beat for a lost beat, and not for a wonder', async (t) => {
    const detector = beating(100)
    const oneLate = detector.level(100_000 + 1700, 0.01)
    t.ok(
      oneLate > 1.9 && oneLate < 2.05,
      `one beat missing at 1 % loss is φ = 2, not 11: ${oneLate}`,
    )
    const two = detector.level(100_000 + 2700, 0.01)
    t.ok(two > 3.5 && two <= 4.1, `two are 4: ${two}`)
    t.ok(detector.level(100_000 + 1700, 0.3) < 0.6, 'at 30 % loss it is nothing')
  })

  t.test('without loss is the classic φ', async (t) => {
    const level = silenceSurprise(1500, 1000, 100, 0)
    t.ok(isClose(level, normalSurprise(5), 1e-12), String(level))
  })

  t.test('does not learn from a pause', async (t) => {
    const detector = beating(100)
    const before = detector.meanMs()
    detector.heard(100_000 + 60_000)
    t.equal(detector.meanMs(), before)
    detector.excuse(500_000)
    t.ok(detector.level(500_100, 0.01) < 0.01, 'our own pause is no silence of the sender')
  })

  t.test('has a least deviation, and accepts a pause that it was told to', async (t) => {
    t.equal(beating(300).deviationMs(), 100)
    const patient = new PhiDetector({ ...options, acceptablePauseMs: 3000 })
    for (let beat = 0; beat <= 300; beat += 1) patient.heard(beat * 1000)
    t.ok(patient.level(300_000 + 3900, 0) < 1)
    t.ok(patient.level(300_000 + 4600, 0) > 8)
  })
})

const certain = (loss: number): Odds => ({ loss, answeredBy: () => 1 })

t.test('the ledger (§2.5)', async (t) => {
  t.test('counts −log10 ℓ̂ for a path that had time to answer', async (t) => {
    const ledger = new Ledger(100)
    ledger.pinged(0)
    t.ok(isClose(ledger.level(1000, certain(0.01), Infinity), 2))
    ledger.pinged(200)
    ledger.nacked()
    ledger.called(200)
    t.ok(isClose(ledger.level(1000, certain(0.01), Infinity), 8))
  })

  t.test('counts nothing for a path that had no time to answer', async (t) => {
    const ledger = new Ledger(100)
    ledger.pinged(0)
    const odds: Odds = { loss: 0.01, answeredBy: (ms) => (ms >= 50 ? 1 : 0) }
    t.equal(ledger.level(49, odds, Infinity), 0)
    t.ok(ledger.level(50, odds, Infinity) > 1.9)
  })

  t.test('takes pings within the coherence time for one', async (t) => {
    const ledger = new Ledger(100)
    for (const sentMs of [0, 20, 99]) ledger.pinged(sentMs)
    t.ok(isClose(ledger.level(1000, certain(0.1), Infinity), 1))
    ledger.pinged(100)
    t.ok(isClose(ledger.level(1000, certain(0.1), Infinity), 2))
  })

  t.test('counts a refusal as two orders, once a second', async (t) => {
    const ledger = new Ledger(100)
    for (const nowMs of [0, 300, 999]) ledger.refused(nowMs)
    t.equal(ledger.level(1000, certain(0.1), Infinity), 2)
    ledger.refused(1000)
    t.equal(ledger.level(1000, certain(0.1), Infinity), 4)
  })

  t.test('lets our own paths count for so much only', async (t) => {
    const ledger = new Ledger(100)
    for (let ping = 0; ping < 10; ping += 1) ledger.pinged(ping * 200)
    t.equal(ledger.level(5000, certain(0.01), 4), 4)
    ledger.nacked()
    t.ok(isClose(ledger.level(5000, certain(0.01), 4), 6))
  })

  t.test('takes what was sent before a pause of ours for sent after it', async (t) => {
    const ledger = new Ledger(100)
    ledger.pinged(0)
    ledger.shift(1000)
    t.equal(ledger.level(1040, { loss: 0.01, answeredBy: (ms) => (ms >= 50 ? 1 : 0) }, Infinity), 0)
  })

  t.test(
    'accuses the living with a chance of at most 10^−Φ, whatever the loss (Ville)',
    async (t) => {
      const chance = seededChance(17)
      const episodes = 40_000
      for (const loss of [0.05, 0.2, 0.45]) {
        const reached = [0, 0, 0]
        for (let episode = 0; episode < episodes; episode += 1) {
          const ledger = new Ledger(100)
          let nowMs = 0
          // Until any path answers: so long as the member lives, each does with 1 − ℓ.
          while (nowMs < 6000 && chance.fraction() < loss) {
            ledger.pinged(nowMs)
            nowMs += 200
          }
          const level = ledger.level(nowMs, certain(loss), Infinity)
          for (const phi of [1, 2, 3])
            if (level >= phi) reached[phi - 1] = (reached[phi - 1] ?? 0) + 1
        }
        for (const phi of [1, 2, 3]) {
          const part = (reached[phi - 1] ?? 0) / episodes
          const bound = 10 ** -phi
          t.ok(
            part <= bound + 4 * Math.sqrt(bound / episodes),
            `loss ${loss}: φ ≥ ${phi} in ${part}, bound ${bound}`,
          )
        }
      }
    },
  )
})

t.test('the loss estimate', async (t) => {
  const learn = (loss: number, samples: number, seed = 3): LossEstimate => {
    const chance = seededChance(seed)
    const estimate = new LossEstimate()
    for (let at = 0; at < samples; at += 1) estimate.record(chance.fraction() < loss)
    return estimate
  }

  t.test('begins at what is safe to believe', async (t) => {
    t.equal(new LossEstimate().rate, 0.1)
  })

  t.test('never believes in a network without loss', async (t) => {
    t.equal(learn(0, 5000).rate, 0.01)
  })

  t.test('is seldom far below the truth, since the bound rests on that', async (t) => {
    for (const [loss, part] of [
      [0.02, 0.5],
      [0.1, 0.7],
      [0.44, 0.85],
    ] as const) {
      let below = 0
      for (let seed = 0; seed < 200; seed += 1)
        if (learn(loss, 1000, seed).rate < loss * part) below += 1
      t.ok(below <= 6, `at ${loss}: ${below} of 200 below ${part} of it`)
    }
  })

  t.test('believes in bad weather soon, and in good weather late', async (t) => {
    const estimate = learn(0, 2000)
    for (let lost = 0; lost < 10; lost += 1) estimate.record(lost % 2 === 0)
    t.ok(estimate.rate > 0.15, `after ten: ${estimate.rate}`)
    const bad = learn(0.4, 2000)
    for (let fine = 0; fine < 30; fine += 1) bad.record(false)
    t.ok(bad.rate > 0.2, `after thirty: ${bad.rate}`)
  })
})

t.test('the pooled round trips', async (t) => {
  const rtts = new RttHistogram()
  t.notOk(rtts.isTrained)
  const chance = seededChance(9)
  for (let sample = 0; sample < 3000; sample += 1) {
    const expectedMs = sample % 2 === 0 ? 2 : 80
    // As §2.7 has it: one in a hundred takes five times as long, one in a thousand twenty times.
    const draw = chance.fraction()
    const slow = draw < 0.001 ? 20 : draw < 0.01 ? 5 : 1
    rtts.record(expectedMs * slow * (0.8 + 0.4 * chance.fraction()), expectedMs)
  }
  t.ok(rtts.isTrained)

  t.test('tell near and far members by one shape', async (t) => {
    const ratio = rtts.ratioAt(0.999)
    t.ok(ratio >= 5 && ratio <= 32, `the latest answer comes at ${ratio} times the expected`)
    t.ok(rtts.answeredBy(160, 80) > 0.95, 'a far one has answered by then')
    t.ok(rtts.answeredBy(40, 80) < 0.01, 'and could not by then')
    t.ok(rtts.answeredBy(160, 2) > rtts.answeredBy(160, 80), 'a near one surely has')
  })

  t.test('never tell certainty that so few samples do not give', async (t) => {
    const young = new RttHistogram()
    for (let sample = 0; sample < 9; sample += 1) young.record(1, 1)
    t.ok(young.answeredBy(1e6, 1) <= 0.9)
  })

  t.test('forget what was long ago', async (t) => {
    for (let sample = 0; sample < 6000; sample += 1) rtts.record(100, 1)
    t.ok(rtts.ratioAt(0.5) >= 100)
    t.ok(rtts.medianMs() >= 100)
  })
})

t.test('hearing (§2.5, φ_self)', async (t) => {
  const hearing = new Hearing()
  t.equal(hearing.level(1e6), 0, 'who never heard anything cannot tell')
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 250) hearing.heard(nowMs)

  t.test('is surprised by silence at the rate at which packets came', async (t) => {
    // λ = 4/s: e^−4t = 10^−3 at 1.73 s.
    t.ok(hearing.level(60_000 + 1650) < deafLevel)
    t.ok(hearing.level(60_000 + 1850) >= deafLevel)
  })

  t.test('does not hold our own pause against us', async (t) => {
    hearing.shift(5000)
    t.ok(hearing.level(60_000 + 5500) < deafLevel)
  })

  t.test('judges a young rate by the time there was', async (t) => {
    const young = new Hearing()
    for (let packet = 0; packet < 20; packet += 1) young.heard(packet)
    t.ok(young.level(500) < deafLevel, 'a burst at the start is no rate')
  })
})

t.test('a member that refuted is given half as much again, until it answers in time', async (t) => {
  const pauses = new LearnedPauses(500, 8000)
  t.equal(pauses.acceptedMs(1), 500)
  pauses.refuted(1, 2000)
  t.equal(pauses.acceptedMs(1), 3000)
  t.equal(pauses.acceptedMs(2), 500)
  pauses.refuted(1, 100)
  t.equal(pauses.acceptedMs(1), 2700, 'a shorter one does not undo the longer')
  pauses.refuted(1, 60_000)
  t.equal(pauses.acceptedMs(1), 8000)
  for (let answer = 0; answer < 40; answer += 1) pauses.answered(1)
  t.equal(pauses.acceptedMs(1), 500)
})

t.test('local health stays on its scale, and lengthens what we wait', async (t) => {
  const health = new LocalHealth(8)
  health.apply(-1)
  t.equal(health.score, 0)
  t.equal(health.scale(1000), 1000)
  for (let sign = 0; sign < 20; sign += 1) health.apply(1)
  t.equal(health.score, 7)
  t.equal(health.scale(1000), 8000)
})
