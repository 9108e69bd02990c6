import t from 'tap'

import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import { append, has, heartbeat, kinds, Solo } from '../../../support/raft-solo.ts'

function leading(options: ConstructorParameters<typeof Solo>[0] = {}): Solo {
  const solo = new Solo(options)
  solo.becomeLeader()
  solo.acknowledge()
  solo.outputs = []
  return solo
}

function timeoutNow(term: number): RaftMessage {
  return { kind: 'timeoutNow', term }
}

function keepQuorum(solo: Solo): void {
  const { nowMs } = solo.node
  solo.hear('2', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: nowMs })
}

t.test('a successor that has everything is asked to campaign at once', async (t) => {
  t.same(kinds(leading().step({ kind: 'transfer', to: '2' })), ['2 timeoutNow'])
})

t.test('a successor that lacks entries gets them first', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.finish()
  t.same(solo.step({ kind: 'transfer', to: '3' }), [])
  solo.tell('2', has(2, 3))
  t.same(kinds(solo.tell('3', has(2, 3))), ['3 timeoutNow'])
})

t.test('without a name the most up-to-date voter that answers is chosen', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.finish()
  solo.tell('3', has(2, 3))
  t.match(kinds(solo.step({ kind: 'transfer', to: null })), ['3 timeoutNow'])
})

t.test('nobody but another voter can be the successor', async (t) => {
  for (const to of ['1', '4', 'stranger']) {
    const solo = leading({ learners: ['4'] })
    t.same(solo.step({ kind: 'transfer', to }), [], to)
    t.equal(solo.status.transferringTo, null, to)
  }
})

t.test(
  'T4: there is no lease from the beginning of a transfer, nor after one that came to nothing',
  async (t) => {
    const solo = leading()
    keepQuorum(solo)
    t.not(solo.core.lease(), null)
    solo.step({ kind: 'transfer', to: '3' })
    t.equal(solo.core.lease(), null)
    for (let round = 0; round < 12; round += 1) {
      keepQuorum(solo)
      solo.tick(100)
    }
    t.equal(solo.status.transferringTo, null, 'given up after an election timeout')
    keepQuorum(solo)
    t.equal(solo.core.lease(), null, 'the request to campaign may still be on its way')
  },
)

t.test('T4: a transfer that asked nobody yet costs the lease only while it lasts', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.finish()
  solo.step({ kind: 'transfer', to: '3' })
  t.equal(solo.core.lease(), null)
  for (let round = 0; round < 12; round += 1) {
    keepQuorum(solo)
    solo.tick(100)
  }
  keepQuorum(solo)
  t.not(solo.core.lease(), null)
})

t.test('proposals wait for a transfer, and are made if it comes to nothing', async (t) => {
  const solo = leading({ config: { heldProposalsMax: 1 } })
  solo.step({ kind: 'transfer', to: '3' })
  solo.propose('a', 1)
  solo.propose('b', 2)
  const settled = (): unknown[] => solo.outputs.flatMap((output) => output.settled)
  t.same(settled(), [{ ticket: 2, outcome: 'notLeader', leader: '3' }], 'as many as may wait')
  t.equal(solo.status.lastIndex, 2)
  for (let round = 0; round < 11; round += 1) {
    keepQuorum(solo)
    solo.tick(100)
  }
  t.equal(solo.status.lastIndex, 3)
  solo.acknowledge()
  t.match(settled().at(-1), { ticket: 1, outcome: 'committed', index: 3 })
})

t.test('proposals that waited are sent to the successor when there is one', async (t) => {
  const solo = leading()
  solo.step({ kind: 'transfer', to: '3' })
  solo.propose('a', 1)
  solo.tell('3', { kind: 'vote', term: 3, lastLog: { index: 2, term: 2 }, transfer: true })
  t.match(
    solo.outputs.flatMap(({ settled }) => settled),
    [{ ticket: 1, outcome: 'notLeader', leader: '3' }],
  )
})

t.test('another successor replaces the first, and the same one does not begin anew', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.finish()
  solo.step({ kind: 'transfer', to: '3' })
  solo.tick(900)
  solo.step({ kind: 'transfer', to: '3' })
  keepQuorum(solo)
  solo.tick(100)
  t.equal(solo.status.transferringTo, null)
  solo.step({ kind: 'transfer', to: '3' })
  solo.step({ kind: 'transfer', to: '2' })
  t.equal(solo.status.transferringTo, '2')
})

t.test('a successor that loses its vote meanwhile is no successor', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.step({ kind: 'proposeMembership', ticket: 2, changes: [{ kind: 'remove', id: '3' }] })
  solo.step({ kind: 'transfer', to: '3' })
  t.equal(solo.status.transferringTo, null)
})

t.test('asked to campaign, a follower does so without asking first', async (t) => {
  const solo = new Solo()
  solo.tell('2', heartbeat(2))
  t.same(solo.hear('2', timeoutNow(2)), [], 'nor before its own vote is durable')
  t.match(solo.write(), [
    { to: '2', message: { kind: 'vote', term: 3, transfer: true } },
    { to: '3', message: { kind: 'vote', term: 3, transfer: true } },
  ])
})

t.test('not everybody can be asked to campaign', async (t) => {
  const stranger = new Solo()
  stranger.tell('2', heartbeat(2))
  t.same(stranger.hear('3', timeoutNow(2)), [], 'by another than its leader')
  t.same(stranger.hear('2', timeoutNow(1)), [], 'in a term that is over')
  const learner = new Solo({ voters: ['2', '3'], learners: ['1'] })
  learner.tell('2', heartbeat(2))
  t.same(learner.hear('2', timeoutNow(2)), [], 'a learner')
  const candidate = new Solo()
  candidate.becomeCandidate()
  t.same(candidate.hear('2', timeoutNow(2)), [], 'a candidate')
  const restoring = new Solo()
  restoring.tell('2', append(2, [1, 1], []))
  const snapshot = { index: 9, term: 2, membership: restoring.status.membership }
  restoring.step({ kind: 'snapshotReceived', from: '2', snapshot })
  t.same(restoring.hear('2', timeoutNow(2)), [], 'a server whose state machine is being replaced')
})
