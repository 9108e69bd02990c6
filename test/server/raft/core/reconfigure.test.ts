import t from 'tap'

import { encodeMembership } from '../../../../server/raft/core/membership.ts'
import type { MembershipChange, Settlement } from '../../../../server/raft/core/output.ts'
import { members, RaftCluster } from '../../../support/raft-cluster.ts'
import { append, has, kinds, Solo } from '../../../support/raft-solo.ts'
import { describeMembership } from '../../../support/raft-trace.ts'

const voter = (id: string): MembershipChange => ({ kind: 'addVoter', id, address: `${id}:8300` })
const remove = (id: string): MembershipChange => ({ kind: 'remove', id })

function leading(options: ConstructorParameters<typeof Solo>[0] = {}): Solo {
  const solo = new Solo(options)
  solo.becomeLeader()
  solo.acknowledge()
  solo.outputs = []
  return solo
}

function change(
  solo: Solo,
  ticket: number,
  ...changes: readonly MembershipChange[]
): ReturnType<Solo['step']> {
  return solo.step({ kind: 'proposeMembership', ticket, changes })
}

function settled(solo: Solo): Settlement[] {
  return solo.outputs.flatMap((output) => output.settled)
}

function upAndReady(voters: readonly string[], extra: readonly string[] = []): RaftCluster {
  const cluster = new RaftCluster({ membership: members(voters) })
  for (const id of extra) cluster.add(id, { empty: true })
  cluster.run(1050)
  while (cluster.leader !== '1') {
    cluster.tick('1', 50)
    cluster.settle()
  }
  return cluster
}

t.test('T5: no change of members before an entry of this term is committed', async (t) => {
  const solo = leading()
  // Deposed and elected again: its membership is committed, and what others appended meanwhile it can not know.
  solo.tell('2', append(3, [2, 2], []))
  solo.tick(1000)
  solo.becomeLeader()
  t.match(solo.status, { term: 4, commitIndex: 2, membershipIndex: 1 })
  change(solo, 1, voter('4'))
  t.same(settled(solo), [{ ticket: 1, outcome: 'refused', reason: 'membership-busy' }])
  solo.acknowledge()
  change(solo, 2, voter('4'))
  t.same(solo.status.membership.voters, ['1', '2', '3', '4'])
})

t.test('one change at a time', async (t) => {
  const solo = leading()
  change(solo, 1, voter('4'))
  change(solo, 2, voter('5'))
  t.match(settled(solo), [{ ticket: 2, reason: 'membership-busy' }])
  solo.acknowledge()
  change(solo, 3, voter('5'))
  t.same(solo.status.membership.voters, ['1', '2', '3', '4', '5'])
})

t.test('what is no change is refused', async (t) => {
  const solo = leading()
  change(solo, 1)
  change(solo, 2, voter('4'), remove('4'))
  change(solo, 3, remove('1'), remove('2'), remove('3'))
  t.same(
    settled(solo).map((settlement) => 'reason' in settlement && settlement.reason),
    ['membership-invalid', 'membership-invalid', 'membership-invalid'],
  )
})

t.test('T6: a membership is in effect when appended, and undone when its entry is', async (t) => {
  const cluster = upAndReady(['1', '2', '3'])
  cluster.isolate('1')
  const changes = [voter('4'), voter('5')]
  cluster.turn('1', { kind: 'proposeMembership', ticket: 1, changes })
  t.equal(describeMembership(cluster.core('1').status().membership), 'voters (1 2 3 4 5)&(1 2 3)')
  cluster.run(5000)
  cluster.heal()
  cluster.run(3000)
  t.equal(describeMembership(cluster.core('1').status().membership), 'voters (1 2 3)')
})

t.test(
  'T6: after a restart what was in effect is read from the log, committed or not',
  async (t) => {
    const solo = leading()
    change(solo, 1, voter('4'))
    solo.write()
    solo.restart()
    t.equal(describeMembership(solo.status.membership), 'voters (1 2 3 4)')
    t.ok(solo.status.membershipIndex > solo.status.commitIndex)
  },
)

t.test(
  'T7: a membership counts before it is applied, so nobody campaigns by an older one',
  async (t) => {
    const solo = new Solo({ voters: ['1', '2', '3'] })
    const membership = encodeMembership(members(['1', '2', '3', '4', '5']))
    const entries = [{ index: 2, term: 2, kind: 'membership', payload: membership } as const]
    const previous = { index: 1, term: 1 }
    // What the leader tells of its commit is that nothing is: the entry is neither committed nor applied here.
    solo.tell('2', { kind: 'append', term: 2, previous, entries, commit: 0 })
    t.match(solo.status, { commitIndex: 0, appliedIndex: 0 })
    t.same(kinds(solo.timeOut()), ['2 preVote', '3 preVote', '4 preVote', '5 preVote'])
    solo.hear('2', { kind: 'preVoteResponse', term: 3, granted: true })
    t.equal(solo.status.role, 'preCandidate', 'two of three are not three of five')
    solo.hear('5', { kind: 'preVoteResponse', term: 3, granted: true })
    t.equal(solo.status.role, 'candidate')
  },
)

t.test('T8: a joint configuration commits with both majorities', async (t) => {
  const solo = leading()
  change(solo, 1, voter('4'), voter('5'), remove('3'))
  solo.write()
  solo.tell('4', has(2, 3))
  solo.tell('5', has(2, 3))
  t.equal(solo.status.commitIndex, 2, '1 4 5 are a majority of the new half only')
  solo.tell('2', has(2, 3))
  t.equal(solo.status.commitIndex, 3)
  t.equal(describeMembership(solo.status.membership), 'voters (1 2 4 5)', 'and is left by itself')
  t.same(settled(solo), [], 'the change is through when it was left')
  solo.acknowledge('4', '5')
  t.match(settled(solo), [{ ticket: 1, outcome: 'committed', index: 4 }])
})

t.test('T8: a joint configuration elects with both majorities', async (t) => {
  const solo = leading()
  change(solo, 1, voter('4'), voter('5'), remove('2'), remove('3'))
  solo.write()
  solo.restart()
  solo.tick(1050)
  const asked = solo.timeOut()
  t.same(kinds(asked), ['2 preVote', '3 preVote', '4 preVote', '5 preVote'])
  solo.hear('4', { kind: 'preVoteResponse', term: 3, granted: true })
  solo.hear('5', { kind: 'preVoteResponse', term: 3, granted: true })
  t.equal(solo.status.role, 'preCandidate')
  solo.hear('3', { kind: 'preVoteResponse', term: 3, granted: true })
  t.equal(solo.status.role, 'candidate')
})

t.test('T8: a joint configuration that its leader did not leave is left by the next', async (t) => {
  const cluster = upAndReady(['1', '2', '3'], ['4', '5'])
  const changes = [voter('4'), voter('5'), remove('3')]
  cluster.turn('1', { kind: 'proposeMembership', ticket: 1, changes })
  // The joint entry reaches everybody, and its leader falls before it hears of that.
  for (const id of ['4', '5', '2', '3']) {
    for (const envelope of cluster.network.filter(({ to }) => to === id)) cluster.deliver(envelope)
    while (cluster.write(id));
  }
  cluster.crash('1')
  cluster.drop(() => true)
  t.equal(cluster.core('2').status().membership.outgoing.length, 3)
  cluster.run(8000)
  const leader = cluster.leader ?? ''
  t.match(leader, /^[2345]$/)
  t.equal(cluster.core(leader).status().membership.outgoing.length, 0)
})

t.test(
  'T8: a leader that is demoted leads until that is committed, uncounted, and then steps down',
  async (t) => {
    const solo = leading()
    change(solo, 1, { kind: 'addLearner', id: '1', address: '1:8300' })
    solo.write()
    t.equal(solo.status.role, 'leader')
    solo.tell('2', has(2, 3))
    t.equal(solo.status.commitIndex, 2, 'its own disk is not one of the two')
    const sent = solo.tell('3', has(2, 3))
    t.same(solo.status.role, 'follower')
    t.match(kinds(sent), ['2 append', '3 append', '2 timeoutNow'])
    t.match(settled(solo), [{ ticket: 1, outcome: 'committed', index: 3 }])
    t.same(solo.tick(5000), [], 'and never campaigns again')
  },
)

t.test('T9: a leader that removes itself leads until that is committed', async (t) => {
  const solo = leading()
  solo.propose('a', 1)
  change(solo, 2, remove('1'))
  solo.finish()
  solo.tell('2', has(2, 3))
  // Its removal is in its log and in effect: its own disk is not counted, so an entry before it needs both others too.
  t.match(solo.status, { role: 'leader', commitIndex: 2 })
  solo.tell('3', has(2, 3))
  t.match(solo.status, { role: 'leader', commitIndex: 3 }, 'something is committed, and not that')
  solo.tell('2', has(2, 4))
  solo.tell('3', has(2, 4))
  t.match(solo.status, { role: 'follower', commitIndex: 4 })
})

t.test('T9: who is removed is told before it is forgotten', async (t) => {
  const solo = leading()
  change(solo, 1, remove('3'))
  solo.write()
  solo.tell('3', has(2, 3))
  const sent = solo.tell('2', has(2, 3))
  t.match(
    sent.find(({ to }) => to === '3')?.message,
    { kind: 'append', commit: 3 },
    'the commit of its own removal',
  )
  t.notOk(solo.status.progress.has('3'))
})

t.test('T9: a server that does not know it was removed disturbs nobody', async (t) => {
  const cluster = upAndReady(['1', '2', '3'])
  cluster.isolate('3')
  cluster.turn('1', { kind: 'proposeMembership', ticket: 1, changes: [remove('3')] })
  cluster.run(3000)
  cluster.heal()
  const { term } = cluster.core('1').status()
  cluster.run(20_000)
  t.equal(cluster.leader, '1')
  t.equal(cluster.core('1').status().term, term)
  t.equal(cluster.core('3').status().role, 'preCandidate', 'it asks for ever, as nobody tells it')
})

t.test(
  'T9: a removal that is not committed retires nobody, whose vote may be needed for it',
  async (t) => {
    // 1 removes itself from 1 2, and falls before 2 knows: 2 needs 1 to elect anybody, and its log is behind.
    const cluster = upAndReady(['1', '2'])
    cluster.turn('1', { kind: 'proposeMembership', ticket: 1, changes: [remove('1')] })
    cluster.write('1')
    cluster.crash('1')
    cluster.drop(() => true)
    cluster.restart('1')
    cluster.run(10_000)
    t.equal(cluster.leader, '2')
    t.same(cluster.core('2').status().membership.voters, ['2'])
    t.equal(cluster.core('1').status().role, 'follower')
  },
)

t.test('removing a voter commits what only it was missing', async (t) => {
  const solo = leading({ voters: ['1', '2'] })
  solo.propose('a')
  solo.finish()
  t.equal(solo.status.commitIndex, 2)
  change(solo, 2, remove('2'))
  t.equal(solo.status.commitIndex, 3, 'what was on our disk')
  solo.finish()
  t.equal(solo.status.commitIndex, 4)
})

t.test('a follower’s membership is what its leader’s log says', async (t) => {
  const cluster = upAndReady(['1', '2', '3'], ['4'])
  const learner = { kind: 'addLearner', id: '4', address: 'x:1' } as const
  cluster.turn('1', { kind: 'proposeMembership', ticket: 1, changes: [learner] })
  cluster.run(500)
  for (const id of ['2', '3', '4']) {
    const { membership } = cluster.core(id).status()
    t.equal(describeMembership(membership), 'voters (1 2 3) learners (4)', id)
    t.equal(membership.addresses['4'], 'x:1')
  }
})

t.test('one voter becomes three, and three become one', async (t) => {
  const cluster = upAndReady(['1'], ['2', '3'])
  cluster.turn('1', { kind: 'proposeMembership', ticket: 1, changes: [voter('2'), voter('3')] })
  cluster.run(1000)
  t.same(cluster.core('3').status().membership.voters, ['1', '2', '3'])
  cluster.turn('1', { kind: 'proposeMembership', ticket: 2, changes: [remove('1'), remove('2')] })
  cluster.run(4000)
  t.equal(cluster.leader, '3')
  t.same(cluster.core('3').status().membership.voters, ['3'])
})

t.test('leadership that ends in the middle of a change leaves its outcome unknown', async (t) => {
  const solo = leading()
  change(solo, 1, voter('4'), voter('5'), remove('3'))
  solo.hear('2', append(3, [1, 1], []))
  t.match(settled(solo), [{ ticket: 1, outcome: 'unknown', leader: '2' }])
})

t.test('a server that is being made the only voter leaves its leader to it', async (t) => {
  const solo = new Solo({ voters: ['1', '2'] })
  const membership = encodeMembership(members(['1']))
  solo.tell('2', {
    kind: 'append',
    term: 2,
    previous: { index: 1, term: 1 },
    entries: [{ index: 2, term: 2, kind: 'membership', payload: membership }],
    commit: 1,
  })
  t.same(solo.status.membership.voters, ['1'])
  solo.tick(900)
  t.match(solo.status, { role: 'follower', term: 2 }, 'as long as it is there')
  solo.tick(600)
  solo.finish()
  t.match(solo.status, { role: 'leader', term: 3 })
})
