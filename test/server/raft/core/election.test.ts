import t from 'tap'

import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import { members, RaftCluster } from '../../../support/raft-cluster.ts'
import { append, has, heartbeat, kinds, Solo } from '../../../support/raft-solo.ts'

function preVote(term: number, index = 1, logTerm = 1): RaftMessage {
  return { kind: 'preVote', term, lastLog: { index, term: logTerm } }
}

function vote(term: number, options: { transfer?: boolean; index?: number } = {}): RaftMessage {
  const { transfer = false, index = 1 } = options
  return { kind: 'vote', term, lastLog: { index, term: 1 }, transfer }
}

function upAndReady(voters: readonly string[]): RaftCluster {
  const cluster = new RaftCluster({ membership: members(voters) })
  cluster.run(1050)
  return cluster
}

t.test('asking for a pre-vote touches neither term, vote nor timer', async (t) => {
  const solo = new Solo()
  const [answer] = solo.tell('2', preVote(5))
  t.match(answer?.message, { kind: 'preVoteResponse', term: 5, granted: true })
  t.match(solo.status, { term: 1, vote: null, role: 'follower' })
  t.same(solo.node.disk.hardState, { term: 1, vote: null, commit: 0 })
})

t.test(
  'T26: neither a pre-vote nor its grant brings its term with it, and a refusal does',
  async (t) => {
    const solo = new Solo()
    solo.hear('2', preVote(9))
    t.equal(solo.status.term, 1)
    solo.timeOut()
    solo.hear('2', { kind: 'preVoteResponse', term: 9, granted: true })
    t.match(solo.status, { term: 1, role: 'preCandidate' }, 'nor does a grant of another question')
    solo.tell('3', { kind: 'preVoteResponse', term: 9, granted: false })
    t.match(solo.status, { term: 9, role: 'follower' })
  },
)

t.test('T26: every other message of a later term ends the present one', async (t) => {
  const messages: RaftMessage[] = [
    vote(9),
    { kind: 'voteResponse', term: 9, granted: false },
    append(9, [1, 1], []),
    has(9, 0),
    { kind: 'heartbeatResponse', term: 9, round: 0, sentAtMs: 0 },
    { kind: 'snapshotChunkResponse', term: 9, snapshot: { index: 1, term: 1 }, nextOffsetBytes: 0 },
  ]
  for (const message of messages) {
    const solo = new Solo()
    solo.becomeCandidate()
    solo.finish()
    solo.tick(0)
    solo.tell('2', message)
    t.match(solo.status, { term: 9, role: 'follower' }, message.kind)
  }
})

t.test('T27: a candidate counts its own vote only when that is durable', async (t) => {
  const solo = new Solo({ voters: ['1', '2'] })
  solo.becomeCandidate()
  solo.hear('2', { kind: 'voteResponse', term: 2, granted: true })
  t.equal(solo.status.role, 'candidate')
  solo.write()
  t.equal(solo.status.role, 'leader')
})

t.test('T27: its own vote is nothing to a later term', async (t) => {
  const solo = new Solo({ voters: ['1', '2'] })
  solo.becomeCandidate()
  solo.hear('2', append(3, [1, 1], []))
  solo.finish()
  t.match(solo.status, { role: 'follower', term: 3, leader: '2' })
})

t.test('T27: what was granted to the pre-candidate does not count for the candidate', async (t) => {
  const solo = new Solo({ voters: ['1', '2', '3', '4', '5'] })
  solo.timeOut()
  for (const id of ['2', '3', '4', '5'])
    solo.hear(id, { kind: 'preVoteResponse', term: 2, granted: true })
  solo.finish()
  t.match(solo.status, { role: 'candidate', term: 2 })
})

t.test('T15: a vote is on disk before it is given, term and vote together', async (t) => {
  const solo = new Solo()
  t.same(solo.hear('2', vote(2)), [])
  t.same(solo.node.disk.hardState, { term: 1, vote: null, commit: 0 })
  t.same(solo.outputs.at(-1)?.append?.hardState, { term: 2, vote: '2', commit: 0 })
  t.match(solo.write(), [{ to: '2', message: { kind: 'voteResponse', granted: true } }])
})

t.test('T15: a vote that was not on disk when the server fell was never given', async (t) => {
  const solo = new Solo()
  solo.hear('2', vote(2))
  solo.restart()
  solo.tick(1100)
  const [answer] = solo.tell('3', vote(2))
  t.match(answer?.message, { granted: true })
  solo.restart()
  solo.tick(1100)
  const [second] = solo.tell('2', vote(2))
  t.match(second?.message, { granted: false }, 'and one that was is remembered')
})

t.test('T15: a vote in a term that is on disk already is written too', async (t) => {
  const solo = new Solo()
  const [refusal] = solo.tell('2', vote(2, { index: 0 }))
  t.match(refusal?.message, { granted: false })
  t.same(solo.node.disk.hardState, { term: 2, vote: null, commit: 0 })
  t.same(solo.hear('3', vote(2)), [])
  solo.write()
  t.same(solo.node.disk.hardState, { term: 2, vote: '3', commit: 0 })
})

t.test('who heard a leader answers nobody else, for an election timeout', async (t) => {
  const solo = new Solo()
  solo.tell('2', heartbeat(2))
  solo.tick(950)
  t.same(solo.tell('3', vote(3)), [])
  t.same(solo.tell('3', preVote(3)), [])
  t.equal(solo.status.term, 2, 'not even the term is taken over')
  solo.tick(50)
  t.match(solo.tell('3', preVote(3))[0]?.message, { granted: true })
  t.match(solo.tell('3', vote(3))[0]?.message, { granted: true })
})

t.test('the promise to a leader outlasts the belief in it', async (t) => {
  const solo = new Solo()
  solo.tell('2', heartbeat(2))
  // An election by transfer ended that leader's term, and was lost.
  solo.tell('3', vote(3, { transfer: true, index: 0 }))
  t.match(solo.status, { term: 3, leader: null, vote: null })
  t.same(solo.tell('3', vote(3)), [])
  t.same(solo.tell('3', vote(4)), [])
  solo.tick(1000)
  t.match(solo.tell('3', vote(4))[0]?.message, { granted: true })
})

t.test('a transfer releases everybody from their promise', async (t) => {
  const solo = new Solo()
  solo.tell('2', heartbeat(2))
  t.match(solo.tell('3', vote(3, { transfer: true }))[0]?.message, { granted: true })
})

t.test(
  'a server that restarted votes for nobody until what it may have promised is over',
  async (t) => {
    const solo = new Solo()
    solo.tell('2', heartbeat(2))
    solo.restart()
    t.same(solo.tell('3', vote(3)), [], 'before it knows the time')
    solo.tick(50)
    solo.tick(950)
    t.same(solo.tell('3', vote(3)), [])
    solo.tick(50)
    t.match(solo.tell('3', vote(3))[0]?.message, { granted: true })
  },
)

t.test(
  'a pre-vote of the past is refused even by the loyal, with the term that lets the asker win',
  async (t) => {
    const solo = new Solo()
    solo.tell('2', heartbeat(5))
    const [answer] = solo.tell('3', preVote(4))
    t.match(answer?.message, { kind: 'preVoteResponse', term: 5, granted: false })
  },
)

t.test('T10: a vote is given to whoever asks, by whoever is asked', async (t) => {
  const solo = new Solo({ voters: ['2'], learners: ['1'] })
  t.match(solo.tell('stranger', vote(2))[0]?.message, { granted: true })
})

t.test('a learner does not campaign', async (t) => {
  const solo = new Solo({ voters: ['2'], learners: ['1'] })
  t.same(solo.tick(5000), [])
  t.equal(solo.status.role, 'follower')
})

t.test('candidates that duel drift apart', async (t) => {
  const solo = new Solo({ config: { rng: () => 0.99 } })
  const waits: number[] = []
  solo.timeOut()
  for (let attempt = 0; attempt < 5; attempt += 1) {
    let waitedMs = 0
    while (solo.tick(50).length === 0) waitedMs += 50
    waits.push(waitedMs + 50)
  }
  t.same(waits, [1500, 2000, 3000, 4000, 4000])
  solo.tell('2', heartbeat(2))
  let waitedMs = 0
  while (solo.tick(50).length === 0) waitedMs += 50
  t.equal(waitedMs + 50, 1500, 'and hearing a leader forgets it')
})

t.test('of two that ask each other at once one leads, without waiting again', async (t) => {
  const cluster = new RaftCluster({ membership: members(['1', '2', '3']) })
  cluster.crash('1')
  // Both are past their promises and their timeouts before either hears of the other.
  for (const id of ['2', '3']) cluster.tick(id, 1600)
  t.same(
    ['2', '3'].map((id) => cluster.core(id).status().role),
    ['preCandidate', 'preCandidate'],
  )
  cluster.settle()
  t.equal(cluster.leader, '3')
  t.equal(cluster.core('3').status().term, 2)
})

t.test('who is asked by a server that is behind it does not wait any longer', async (t) => {
  const solo = new Solo({ log: [1, 1], config: { rng: () => 0.99 } })
  solo.tell('2', heartbeat(1))
  solo.tick(950)
  t.same(solo.tell('3', preVote(2)), [], 'it waits for the leader it heard')
  t.same(solo.tick(50), [])
  t.match(solo.tell('3', preVote(2)), [{ message: { granted: false } }])
  t.match(solo.status, { role: 'follower', term: 1 })
  t.same(kinds(solo.tick(100)), ['2 preVote', '3 preVote'])
  const other = new Solo({ config: { rng: () => 0.99 } })
  other.tell('3', preVote(2))
  t.same(other.tick(100), [], 'whom it may follow it leaves the time')
})

t.test(
  'T28: a process that stood still does not hold the silence against its leader',
  async (t) => {
    const solo = new Solo({ config: { rng: () => 0 } })
    solo.tell('2', heartbeat(2))
    const { nowMs } = solo.node
    t.same(solo.tickAt(nowMs + 60_000), [], 'one tick of sixty seconds')
    t.equal(solo.status.role, 'follower')
    t.same(kinds(solo.tick(1000)), ['2 preVote', '3 preVote'], 'a second of silence is one')
  },
)

t.test('one voter leads with its first tick and its first write', async (t) => {
  const solo = new Solo({ voters: ['1'], cold: true })
  t.equal(solo.status.role, 'candidate')
  solo.write()
  t.equal(solo.status.role, 'leader')
  solo.finish()
  t.same(
    solo.applied().map(({ kind }) => kind),
    ['membership', 'noop'],
  )
})

t.test(
  'CheckQuorum: a leader steps down after an election timeout without a quorum of answers',
  async (t) => {
    const solo = new Solo()
    solo.becomeLeader()
    solo.acknowledge()
    const { nowMs } = solo.node
    solo.hear('2', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: nowMs })
    solo.tick(950)
    t.equal(solo.status.role, 'leader')
    // An answer counts from when its question was sent, not from when it came.
    solo.hear('2', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: nowMs })
    solo.tick(50)
    t.match(solo.status, { role: 'follower', term: 2, leader: null })
  },
)

t.test('CheckQuorum asks both halves of a joint configuration (T8)', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  solo.acknowledge()
  const changes = ['4', '5'].map((id) => ({ kind: 'addVoter', id, address: id }) as const)
  solo.step({
    kind: 'proposeMembership',
    ticket: 1,
    changes: [...changes, { kind: 'remove', id: '3' }],
  })
  for (let round = 0; round < 11; round += 1) {
    const { nowMs } = solo.node
    solo.hear('2', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: nowMs })
    solo.tick(100)
  }
  t.equal(solo.status.role, 'follower', '1 and 2 are a quorum of 1 2 3 and none of 1 2 4 5')
})

t.test('two servers that each see only part of five elect a leader, and it stays', async (t) => {
  // The topology of the 2020 etcd outage: 1 hears nobody and is heard; 5 sees one other.
  const cluster = upAndReady(['1', '2', '3', '4', '5'])
  cluster.run(3000)
  const first = cluster.leader
  t.not(first, null)
  const outcast = first === '5' ? '4' : '5'
  for (const id of ['1', '2', '3', '4', '5']) {
    if (id === outcast || id === (first === '1' ? '2' : '1')) continue
    cluster.cut.add(`${outcast}>${id}`)
    cluster.cut.add(`${id}>${outcast}`)
  }
  const before = cluster.core(first ?? '1').status().term
  cluster.run(10_000)
  t.equal(cluster.leader, first, 'who can not hear the leader does not depose it')
  t.equal(cluster.core(first ?? '1').status().term, before)
})

t.test('a leader that sends and can not hear gives way', async (t) => {
  const cluster = upAndReady(['1', '2', '3'])
  cluster.run(3000)
  const deaf = cluster.leader ?? '1'
  for (const id of ['1', '2', '3']) cluster.cut.add(`${id}>${deaf}`)
  cluster.run(6000)
  const { leader } = cluster
  t.not(leader, null)
  t.not(leader, deaf)
})

t.test('and if it can still be heard, at once', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  solo.acknowledge()
  t.same(kinds(solo.tick(950)).includes('2 timeoutNow'), false)
  t.same(kinds(solo.tick(50)), ['2 timeoutNow'], 'whoever has most of the log takes over')
  t.match(solo.status, { role: 'follower', term: 2, leader: null })
  t.equal(solo.core.lease(), null)
  const cluster = upAndReady(['1', '2', '3'])
  cluster.run(3000)
  const deaf = cluster.leader ?? '1'
  for (const id of ['1', '2', '3']) cluster.cut.add(`${id}>${deaf}`)
  cluster.run(1100)
  t.not(cluster.leader, deaf)
})

t.test('whoever is left elects a leader, three times over', async (t) => {
  const cluster = upAndReady(['1', '2', '3', '4', '5'])
  for (let round = 0; round < 3; round += 1) {
    cluster.run(6000)
    const { leader } = cluster
    t.not(leader, null, `round ${round}`)
    if (leader === null || round === 2) continue
    cluster.crash(leader)
  }
})
