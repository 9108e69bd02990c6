import t from 'tap'

import type { Settlement } from '../../../../server/raft/core/output.ts'
import { append, has, heartbeat, kinds, refuses, Solo } from '../../../support/raft-solo.ts'

function leading(options: ConstructorParameters<typeof Solo>[0] = {}): Solo {
  const solo = new Solo(options)
  solo.becomeLeader()
  solo.acknowledge()
  solo.outputs = []
  return solo
}

function settled(solo: Solo): Settlement[] {
  return solo.outputs.flatMap((output) => output.settled)
}

t.test('a proposal to another than the leader goes nowhere, with the leader’s name', async (t) => {
  const solo = new Solo()
  solo.propose('a')
  solo.tell('2', heartbeat(2))
  solo.propose('b', 2)
  t.same(settled(solo), [
    { ticket: 1, outcome: 'notLeader', leader: null },
    { ticket: 2, outcome: 'notLeader', leader: '2' },
  ])
  t.equal(solo.status.lastIndex, 1)
})

t.test('T25: a proposal is settled by what is at its index in the end', async (t) => {
  t.test('committed by the next leader', async (t) => {
    const solo = leading()
    solo.propose('a', 1)
    solo.finish()
    solo.tell('2', append(3, [3, 2], [3], 4))
    t.match(settled(solo), [{ ticket: 1, outcome: 'committed', index: 3, term: 2 }])
  })
  t.test('lost to the next leader', async (t) => {
    const solo = leading()
    solo.propose('a', 1)
    solo.finish()
    solo.hear('2', append(3, [2, 2], [3]))
    t.same(settled(solo), [{ ticket: 1, outcome: 'lost', leader: '2' }])
    solo.tick(5000)
    t.equal(settled(solo).length, 1, 'and only once')
  })
  t.test('unknown when neither is known for an election timeout', async (t) => {
    const solo = leading()
    solo.propose('a', 1)
    solo.finish()
    solo.hear('2', { kind: 'voteResponse', term: 3, granted: false })
    solo.tick(950)
    t.same(settled(solo), [])
    solo.tick(50)
    t.same(settled(solo), [{ ticket: 1, outcome: 'unknown', leader: null }])
    solo.tell('2', append(3, [3, 2], [3], 4))
    t.equal(settled(solo).length, 1, 'and only once')
  })
  t.test('unknown when a snapshot takes the log’s place', async (t) => {
    const solo = leading()
    solo.propose('a', 1)
    solo.finish()
    solo.hear('2', heartbeat(3))
    const snapshot = { index: 90, term: 3, membership: solo.status.membership }
    solo.step({ kind: 'snapshotReceived', from: '2', snapshot })
    t.same(settled(solo), [{ ticket: 1, outcome: 'unknown', leader: '2' }])
  })
})

t.test('T19: one voter acknowledges nothing before its own disk has it', async (t) => {
  const solo = new Solo({ voters: ['1'], cold: true })
  solo.finish()
  solo.outputs = []
  solo.propose('a')
  t.same(settled(solo), [])
  solo.write()
  t.match(settled(solo), [{ outcome: 'committed', index: 3 }])
})

t.test('T19: a leader commits by the disks of others before its own', async (t) => {
  const solo = leading()
  solo.propose('a')
  solo.hear('2', has(2, 3))
  t.same(settled(solo), [])
  solo.hear('3', has(2, 3))
  t.match(settled(solo), [{ outcome: 'committed', index: 3 }])
  t.equal(solo.status.durableIndex, 2)
})

t.test('everything proposed in a turn is one write and one message each', async (t) => {
  const solo = leading()
  const propose = (ticket: number): { kind: 'propose'; ticket: number; payload: Uint8Array } => ({
    kind: 'propose',
    ticket,
    payload: new Uint8Array(10),
  })
  const sent = solo.step(propose(1), propose(2), propose(3))
  t.same(kinds(sent), ['2 append', '3 append'])
  t.equal(solo.outputs.at(-1)?.append?.entries.length, 3)
})

t.test('proposals are refused at their bounds, with the bound’s name', async (t) => {
  const config = { payloadBytesMax: 100, uncommittedBytesMax: 150, unappliedEntriesMax: 2 }
  const solo = leading({ config })
  const propose = (ticket: number, size: number): unknown =>
    solo.step({ kind: 'propose', ticket, payload: new Uint8Array(size) })
  propose(1, 101)
  propose(2, 100)
  propose(3, 60)
  propose(4, 50)
  const reasons = (): unknown[] =>
    settled(solo).flatMap((settlement) =>
      'reason' in settlement ? [[settlement.ticket, settlement.reason]] : [],
    )
  t.same(reasons(), [
    [1, 'payload-too-large'],
    [3, 'too-many-uncommitted'],
  ])
  while (solo.write().length > 0);
  solo.hear('2', has(2, 4))
  solo.hear('3', has(2, 4))
  propose(5, 1)
  t.same(reasons().at(-1), [5, 'too-many-unapplied'])
  solo.finish()
  propose(6, 100)
  t.equal(reasons().length, 3, 'and accepted when there is room again')
})

t.test('a single proposal fits however small the bound', async (t) => {
  const solo = leading({ config: { uncommittedBytesMax: 1 } })
  t.same(kinds(solo.propose('a long one')), ['2 append', '3 append'])
})

t.test('a slow follower is sent as much as its window holds', async (t) => {
  const solo = leading({ config: { inflightMessagesMax: 2 } })
  t.equal(solo.propose('a').length, 2)
  t.equal(solo.propose('b').length, 2)
  t.same(solo.propose('c'), [])
  t.match(solo.hear('2', has(2, 3)), [{ to: '2', message: { entries: [{ index: 5 }] } }])
  // Everything to 3 was lost. Its next heartbeat brings an append that says how far it should be, and its answer brings the rest.
  const beat = { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: 0 } as const
  t.match(solo.hear('3', beat), [{ to: '3', message: { previous: { index: 4 }, entries: [] } }])
  t.match(solo.hear('3', refuses(2, 4, [2, 2])), [
    {
      to: '3',
      message: { previous: { index: 2 }, entries: [{ index: 3 }, { index: 4 }, { index: 5 }] },
    },
  ])
})

t.test('appends are cut at their bounds of entries and bytes', async (t) => {
  const solo = leading({ config: { appendEntriesMax: 2, appendBytesMax: 25 } })
  const payload = new Uint8Array(10)
  const sent = solo.step(
    ...[1, 2, 3, 4, 5].map((ticket) => ({ kind: 'propose', ticket, payload }) as const),
  )
  t.same(
    sent
      .filter(({ to }) => to === '2')
      .map(({ message }) => message.kind === 'append' && message.entries.length),
    [2, 2, 1],
  )
})
