import t from 'tap'

import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import type { ReadResult } from '../../../../server/raft/core/output.ts'
import { append, has, kinds, Solo } from '../../../support/raft-solo.ts'

function answer(round: number, sentAtMs = 0): RaftMessage {
  return { kind: 'heartbeatResponse', term: 2, round, sentAtMs }
}

function leading(voters = ['1', '2', '3']): Solo {
  const solo = new Solo({ voters })
  solo.becomeLeader()
  solo.acknowledge()
  solo.outputs = []
  return solo
}

function read(solo: Solo, ticket: number): ReturnType<Solo['step']> {
  return solo.step({ kind: 'readIndex', ticket })
}

function results(solo: Solo): ReadResult[] {
  return solo.outputs.flatMap(({ reads }) => reads)
}

t.test('a read is ready when a quorum answered a heartbeat that was sent after it', async (t) => {
  const solo = leading()
  t.same(kinds(read(solo, 5)), ['2 heartbeat', '3 heartbeat'])
  t.same(results(solo), [])
  solo.hear('2', answer(1))
  t.same(results(solo), [{ ticket: 5, outcome: 'ready', index: 2 }])
})

t.test(
  'T1: an answer to an earlier heartbeat confirms nothing, however late it comes',
  async (t) => {
    const solo = leading()
    solo.tick(100)
    read(solo, 5)
    solo.hear('2', answer(0))
    solo.hear('3', answer(0))
    t.same(results(solo), [])
    solo.hear('2', answer(1))
    t.equal(results(solo).length, 1)
    read(solo, 6)
    solo.hear('3', answer(1))
    t.equal(results(solo).length, 1, 'a new read has a number of its own')
  },
)

t.test('T1: an acknowledgement of an append confirms no read', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.finish()
  read(solo, 5)
  solo.tell('2', has(2, 3))
  solo.tell('3', has(2, 3))
  t.same(results(solo), [])
})

t.test(
  'T1: reads that come during a round share the next, and one answer confirms them all',
  async (t) => {
    const solo = leading()
    read(solo, 1)
    t.same(read(solo, 2), [])
    t.same(read(solo, 3), [])
    const sent = solo.hear('2', answer(1))
    t.match(sent, [
      { message: { kind: 'heartbeat', round: 3 } },
      { message: { kind: 'heartbeat', round: 3 } },
    ])
    solo.hear('3', answer(3))
    t.same(
      results(solo).map(({ ticket }) => ticket),
      [1, 2, 3],
    )
  },
)

t.test('a round that was lost is made up for by the next heartbeat', async (t) => {
  const solo = leading()
  read(solo, 1)
  read(solo, 2)
  const sent = solo.tick(100)
  t.match(sent, [{ message: { round: 2 } }, { message: { round: 2 } }])
  solo.hear('3', answer(2))
  t.equal(results(solo).length, 2)
})

t.test('T2: a new leader answers no read before an entry of its own term is applied', async (t) => {
  const solo = new Solo({ log: [1, 1] })
  solo.becomeLeader()
  read(solo, 5)
  solo.hear('2', answer(1))
  solo.hear('3', answer(1))
  t.same(results(solo), [])
  solo.hear('2', has(2, 4))
  t.same(results(solo), [], 'committed, and not yet applied')
  solo.finish()
  t.same(results(solo), [{ ticket: 5, outcome: 'ready', index: 4 }])
})

t.test('T2: a read waits for the state machine', async (t) => {
  const solo = leading()
  solo.propose('a')
  while (solo.write().length > 0);
  solo.hear('2', has(2, 3))
  read(solo, 5)
  solo.hear('2', answer(1))
  t.same(results(solo), [])
  solo.finish()
  t.same(results(solo), [{ ticket: 5, outcome: 'ready', index: 3 }])
})

t.test('T3: what is committed after a read was made need not be seen by it', async (t) => {
  const solo = leading()
  read(solo, 5)
  solo.propose('a')
  solo.finish()
  solo.tell('2', has(2, 3))
  solo.hear('2', answer(1))
  t.same(results(solo), [{ ticket: 5, outcome: 'ready', index: 2 }])
})

t.test('reads end with the leadership they were made under', async (t) => {
  const solo = leading()
  read(solo, 5)
  solo.hear('3', append(3, [1, 1], []))
  t.same(results(solo), [{ ticket: 5, outcome: 'notLeader', leader: '3' }])
  read(solo, 6)
  t.same(results(solo).at(-1), { ticket: 6, outcome: 'notLeader', leader: '3' })
})

t.test('a learner’s answer confirms nothing', async (t) => {
  const solo = new Solo({ voters: ['1', '2'], learners: ['3'] })
  solo.becomeLeader()
  solo.acknowledge()
  solo.outputs = []
  read(solo, 5)
  solo.hear('3', answer(1))
  t.same(results(solo), [])
  solo.hear('2', answer(1))
  t.equal(results(solo).length, 1)
})

t.test('one voter needs to ask nobody', async (t) => {
  const solo = new Solo({ voters: ['1'], learners: ['2'], cold: true })
  solo.finish()
  solo.outputs = []
  t.same(read(solo, 5), [])
  t.same(results(solo), [{ ticket: 5, outcome: 'ready', index: 2 }])
})

t.test('reads are bounded', async (t) => {
  const solo = new Solo({ config: { readsMax: 2 } })
  solo.becomeLeader()
  for (const ticket of [1, 2, 3]) read(solo, ticket)
  t.same(results(solo), [{ ticket: 3, outcome: 'refused', reason: 'too-many-reads' }])
})
