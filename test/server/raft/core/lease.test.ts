import t from 'tap'

import { has, Solo } from '../../../support/raft-solo.ts'

const config = { electionTimeoutMinMs: 1000, heartbeatMs: 100, leaseGuardMs: 150 }

function leading(voters = ['1', '2', '3']): Solo {
  const solo = new Solo({ voters, config })
  solo.becomeLeader()
  solo.acknowledge()
  return solo
}

function answer(solo: Solo, from: string, sentAtMs: number): void {
  const { term } = solo.status
  solo.hear(from, { kind: 'heartbeatResponse', term, round: 0, sentAtMs })
}

t.test('T4: a lease runs from when the heartbeat that a quorum answered was sent', async (t) => {
  const solo = leading(['1', '2', '3', '4', '5'])
  t.equal(solo.core.lease(), null, 'nobody answered yet')
  const sentAtMs = solo.node.nowMs
  solo.tick(300)
  answer(solo, '2', sentAtMs)
  t.equal(solo.core.lease(), null, 'two of five are no quorum')
  answer(solo, '3', sentAtMs + 100)
  t.same(solo.core.lease(), { untilMs: sentAtMs + 1000 - 4 - 150, index: 2 })
  answer(solo, '4', sentAtMs + 200)
  t.equal(
    solo.core.lease()?.untilMs,
    sentAtMs + 100 + 846,
    'the newest that three of five answered',
  )
  answer(solo, '4', sentAtMs)
  t.equal(solo.core.lease()?.untilMs, sentAtMs + 100 + 846, 'an old answer takes nothing back')
})

t.test(
  'T4: a lease is over before a follower may vote, whatever their clocks do within reason',
  async (t) => {
    const solo = leading()
    const sentAtMs = solo.node.nowMs
    answer(solo, '2', sentAtMs)
    const { untilMs = Infinity } = solo.core.lease() ?? {}
    // A follower that got the heartbeat the moment it left, whose clock runs fast by one in 250, and is a heartbeat coarse.
    const mayVoteMs = sentAtMs + config.electionTimeoutMinMs / (1 + 1 / 250) - config.heartbeatMs
    t.ok(untilMs <= mayVoteMs, `${untilMs} <= ${mayVoteMs}`)
  },
)

t.test('T2: there is no lease before an entry of this term is committed', async (t) => {
  const solo = new Solo({ config })
  solo.becomeLeader()
  answer(solo, '2', solo.node.nowMs)
  t.equal(solo.core.lease(), null)
  solo.tell('2', has(2, 2))
  t.equal(solo.core.lease()?.index, 2)
})

t.test(
  'T28: a lease is not renewed by answers to what was sent before the process stood still',
  async (t) => {
    const solo = leading()
    const { nowMs } = solo.node
    answer(solo, '2', nowMs)
    solo.tickAt(nowMs + 500)
    t.equal(solo.core.lease(), null)
    answer(solo, '3', nowMs)
    t.equal(solo.core.lease(), null)
    answer(solo, '3', nowMs + 500)
    t.equal(solo.core.lease()?.untilMs, nowMs + 500 + 846)
  },
)

t.test('T28: a lease is over when the clocks disagree', async (t) => {
  const solo = leading()
  answer(solo, '2', solo.node.nowMs)
  t.not(solo.core.lease(), null)
  solo.tick(50)
  solo.step({ kind: 'clockJumped' })
  t.equal(solo.core.lease(), null)
})

t.test('T4: a joint configuration leases by both of its halves', async (t) => {
  const solo = leading()
  const { nowMs } = solo.node
  solo.tick(100)
  answer(solo, '2', nowMs + 100)
  answer(solo, '3', nowMs + 100)
  const changes = ['4', '5'].map((id) => ({ kind: 'addVoter', id, address: id }) as const)
  solo.step({
    kind: 'proposeMembership',
    ticket: 1,
    changes: [...changes, { kind: 'remove', id: '3' }],
  })
  t.equal(solo.core.lease(), null, 'two of 1 2 4 5 have answered, and three are needed')
  answer(solo, '4', nowMs)
  t.equal(solo.core.lease()?.untilMs, nowMs + 846)
})

t.test('a leader without a vote has no lease', async (t) => {
  const solo = leading()
  answer(solo, '2', solo.node.nowMs)
  answer(solo, '3', solo.node.nowMs)
  solo.step({ kind: 'proposeMembership', ticket: 1, changes: [{ kind: 'remove', id: '1' }] })
  t.equal(solo.status.role, 'leader')
  t.equal(solo.core.lease(), null)
})

t.test('a follower has no lease, and one voter’s never ends', async (t) => {
  t.equal(new Solo().core.lease(), null)
  const solo = new Solo({ voters: ['1'], cold: true })
  t.equal(solo.core.lease(), null)
  solo.finish()
  t.same(solo.core.lease(), { untilMs: Infinity, index: 2 })
})
