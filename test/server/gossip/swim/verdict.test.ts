import t from 'tap'

import { memberlistSwim } from '../../../../server/gossip/swim/config.ts'
import type { SwimConfig } from '../../../../server/gossip/swim/config.ts'
import type { Suspect } from '../../../../server/gossip/wire/messages.ts'
import { aliveOf } from '../../../support/swim-pool.ts'
import { ackOf, quietConfig, SwimSolo } from '../../../support/swim-solo.ts'
import type { Sent } from '../../../support/swim-solo.ts'

/** Nobody is probed, so that every ping is the last question. Two silences are wanted. */
const config: SwimConfig = {
  ...quietConfig,
  probeIntervalMs: 1e9,
  accrual: { ...quietConfig.accrual, threshold: 9 },
}

const accusation = (from: string, incarnation = 1): Suspect => ({
  kind: 'suspect',
  incarnation,
  node: 'c',
  from,
})

/** A core that has heard two confirmed what a third says of c, so that its time is as short as it gets. */
function accused(options: Partial<SwimConfig> = {}): SwimSolo {
  const needs = { config: { ...config, ...options } }
  const solo = new SwimSolo(['a', 'b', 'c', 'd', 'e', 'f'], { needs })
  solo.hear('a', accusation('a'), accusation('b'), accusation('d'))
  solo.told()
  return solo
}

const isQuestion = ({ to, messages }: Sent): boolean =>
  to === 'c' && messages.some(({ kind }) => kind === 'ping')

/** Until it is buried or cleared; gives what it was asked. */
function judge(solo: SwimSolo, maxMs = 30_000): Sent[] {
  const untilMs = solo.nowMs + maxMs
  while (solo.stateOf('c').startsWith('suspect') && solo.nowMs < untilMs) solo.run(10)
  return solo.sent().filter(isQuestion)
}

t.test('who had its time to refute is asked before it is buried', async (t) => {
  const solo = accused()
  const question = solo.runUntilSent('ping', 'c')
  t.ok(question.atMs > config.accrual.acceptablePauseMs)
  t.strictSame(
    question.messages.slice(0, 2).map(({ kind }) => kind),
    ['ping', 'suspect'],
    'and told what it has to refute',
  )
  t.equal(solo.stateOf('c'), 'suspect@1')
  judge(solo)
  t.strictSame(solo.told(), ['failed c'])
  t.ok(solo.nowMs - question.atMs <= 2 * config.probeTimeoutMs + 10)
  solo.run(400)
  t.ok(solo.sentOf('dead').some(({ message }) => message.from === 'me'))
})

t.test('is asked as often as it takes for its silence to tell something', async (t) => {
  // Nothing is known of the network yet: as if one round trip in ten failed, each silence weighs 1.
  for (const [threshold, questions] of [
    [3, 1],
    [6, 1],
    [9, 2],
    [15, 3],
    [1000, 8],
  ] as const) {
    const solo = accused({ accrual: { ...config.accrual, threshold } })
    const asked = judge(solo)
    t.equal(asked.length, questions, `a sixth of ${threshold}`)
    t.equal(solo.stateOf('c'), 'dead@1')
    for (const [at, { atMs }] of asked.entries())
      t.equal(atMs - (asked[0]?.atMs ?? 0), at * config.probeTimeoutMs)
  }
})

t.test('a refutation that comes with the answer clears it, and is told on', async (t) => {
  const solo = accused()
  const question = solo.runUntilSent('ping', 'c')
  solo.run(30)
  solo.hearAll('c', ackOf(question), aliveOf('c', { incarnation: 2 }))
  t.strictSame(solo.told(), ['cleared c'])
  solo.run(400)
  t.ok(solo.sentOf('alive').some(({ message }) => message.node === 'c'))
  solo.run(60_000)
  t.strictSame(solo.told(), [])
  t.equal(solo.stateOf('c'), 'alive@2')
})

t.test('an answer without a refutation gives it its time anew', async (t) => {
  const solo = accused()
  let beforeMs = 0
  for (let times = 0; times < 3; times += 1) {
    const question = solo.runUntilSent('ping', 'c')
    t.ok(question.atMs - beforeMs > config.accrual.acceptablePauseMs)
    beforeMs = question.atMs
    solo.run(30)
    solo.hearAll('c', ackOf(question))
    t.equal(solo.stateOf('c'), 'suspect@1')
  }
  judge(solo)
  t.equal(solo.stateOf('c'), 'dead@1', 'until it is silent')
})

t.test('an answer to anybody is one, whatever was asked before', async (t) => {
  const solo = accused()
  solo.step({ kind: 'watch', nodes: ['c'] })
  const heartbeat = solo.runUntilSent('ping', 'c', 2000)
  solo.step({ kind: 'watch', nodes: [] })
  solo.run(1000)
  solo.sent()
  const beganMs = solo.runUntilSent('ping', 'c').atMs
  solo.hearAll('c', ackOf(heartbeat))
  const again = solo.runUntilSent('ping', 'c')
  t.ok(again.atMs - beganMs > config.accrual.acceptablePauseMs)
  t.equal(solo.stateOf('c'), 'suspect@1')
})

t.test('what is said meanwhile neither stops the question nor asks it again', async (t) => {
  const solo = accused()
  solo.runUntilSent('ping', 'c')
  solo.run(100)
  solo.hearAll('b', accusation('e'), accusation('b'))
  solo.run(395)
  t.strictSame(solo.sent().filter(isQuestion), [])
  t.equal(judge(solo).length, 1, 'the second of two')

  const believing = accused()
  believing.runUntilSent('ping', 'c')
  believing.hearAll('b', { kind: 'dead', incarnation: 1, node: 'c', from: 'b' })
  t.equal(believing.stateOf('c'), 'dead@1', 'somebody else had no answer')
  believing.run(5000)
  t.strictSame(believing.sent().filter(isQuestion), [])
})

t.test('answers that waited in the socket while we stood still are heard first', async (t) => {
  const solo = accused()
  const question = solo.runUntilSent('ping', 'c')
  solo.nowMs += 20_000
  solo.hear('c', ackOf(question), aliveOf('c', { incarnation: 2 }))
  solo.step({ kind: 'drained' })
  t.strictSame(solo.told(), ['cleared c'])

  const silent = accused()
  const asked = silent.runUntilSent('ping', 'c')
  silent.nowMs += 20_000
  silent.step({ kind: 'drained' })
  t.equal(silent.stateOf('c'), 'suspect@1', 'our own pause is not its silence')
  judge(silent)
  t.equal(silent.stateOf('c'), 'dead@1')
  t.ok(silent.nowMs - asked.atMs > 20_000 + config.probeTimeoutMs)
})

t.test('who asks with an accusation that was refuted hears the refutation', async (t) => {
  const ask = { kind: 'ping', sequence: 77, node: 'me' } as const
  const accuse = (incarnation: number): Suspect => ({
    kind: 'suspect',
    incarnation,
    node: 'me',
    from: 'a',
  })
  for (const [options, answer] of [
    [config, ['ack', 'alive']],
    [memberlistSwim(config), ['ack']],
  ] as const) {
    const solo = new SwimSolo(['a', 'b'], { needs: { config: options } })
    solo.hear('b', accuse(1))
    solo.run(20_000)
    solo.sent()
    solo.hear('a', ask, accuse(1))
    t.equal(solo.stateOf('me'), 'alive@2', 'it needs no other')
    t.strictSame(
      solo.sent().map(({ to, messages }) => [to, messages.map(({ kind }) => kind)]),
      [['a', answer]],
    )
  }
})
