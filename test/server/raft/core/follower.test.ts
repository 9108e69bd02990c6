import t from 'tap'

import { append, has, heartbeat, kinds, refuses, Solo } from '../../../support/raft-solo.ts'

t.test('T14: a follower commits no further than the message that says so reaches', async (t) => {
  const cases: [commit: number, terms: number[], expected: number][] = [
    [2, [], 1],
    [9, [], 1],
    [9, [2], 2],
    [1, [2, 2], 1],
    [3, [2, 2, 2], 3],
  ]
  for (const [commit, terms, expected] of cases) {
    // Its own log goes to 5, with entries of a leader of the past.
    const solo = new Solo({ log: [1, 1, 1, 1] })
    solo.tell('2', append(2, [1, 1], terms, commit))
    t.equal(solo.status.commitIndex, expected, `commit ${commit} with ${terms.length} entries`)
  }
})

t.test('T0: an append that is refused commits nothing, nor does what a refusal says', async (t) => {
  const solo = new Solo({ log: [1, 1] })
  const [answer] = solo.tell('2', append(2, [3, 2], [2], 4))
  t.match(answer?.message, { accepted: false })
  t.equal(solo.status.commitIndex, 0)
  const leader = new Solo({ log: [1, 1] })
  leader.becomeLeader()
  leader.tell('2', refuses(2, 4, [4, 2]))
  leader.tell('3', refuses(2, 4, [4, 2]))
  t.match(leader.status, { role: 'leader', commitIndex: 0 })
})

t.test('T14: a heartbeat commits what the leader knows to be there', async (t) => {
  const solo = new Solo()
  solo.tell('2', append(2, [1, 1], [2, 2]))
  solo.tell('2', heartbeat(2, { commit: 3 }))
  t.equal(solo.status.commitIndex, 3)
  solo.tell('2', heartbeat(2, { commit: 2 }))
  t.equal(solo.status.commitIndex, 3, 'and never less than before')
})

t.test('T21: a leader that knows of more than there is means that data was lost', async (t) => {
  const solo = new Solo()
  t.throws(() => solo.hear('2', heartbeat(2, { commit: 7 })), /data was lost/)
})

t.test('T17: an acknowledgement waits until what it says is durable', async (t) => {
  const solo = new Solo()
  t.same(solo.hear('2', append(2, [1, 1], [2])), [])
  // The same again: nothing new to write, and still nothing to acknowledge.
  t.same(solo.hear('2', append(2, [1, 1], [2])), [])
  t.match(solo.write(), [
    { to: '2', message: { accepted: true, index: 2 } },
    { to: '2', message: { accepted: true, index: 2 } },
  ])
  t.match(solo.hear('2', append(2, [1, 1], [2])), [{ message: { accepted: true, index: 2 } }])
})

t.test('T17: an acknowledgement waits for a truncation, too', async (t) => {
  const solo = new Solo({ log: [1, 1, 1] })
  solo.tell('2', append(2, [1, 1], [2, 2]))
  t.same(solo.hear('3', append(3, [2, 2], [3])), [])
  t.equal(solo.node.disk.lastIndex(), 3)
  const { truncateFrom, entries } = solo.outputs.at(-1)?.append ?? {}
  t.same([truncateFrom, entries?.length], [3, 1])
  t.match(solo.write(), [{ to: '3', message: { accepted: true, index: 3 } }])
})

t.test('T16: a term is durable with, and never after, the entries of that term', async (t) => {
  const solo = new Solo()
  solo.hear('2', append(4, [1, 1], [4]))
  t.match(solo.outputs.at(-1)?.append, { hardState: { term: 4 }, entries: [{ term: 4 }] })
})

t.test('T18: a write that was overtaken acknowledges nothing of what overtook it', async (t) => {
  const solo = new Solo()
  solo.hear('2', append(2, [1, 1], [2, 2]))
  solo.hear('3', append(3, [1, 1], [3]))
  const first = solo.write()
  t.match(first, [{ to: '2', message: { term: 2, index: 3 } }])
  t.equal(first.length, 1)
  t.match(solo.write(), [{ to: '3', message: { term: 3, index: 2 } }])
})

t.test('heartbeats are answered without waiting for a disk', async (t) => {
  const solo = new Solo()
  solo.hear('2', append(2, [1, 1], [2, 2, 2]))
  t.match(solo.hear('2', { kind: 'heartbeat', term: 2, commit: 0, round: 4, sentAtMs: 77 }), [
    { to: '2', message: { kind: 'heartbeatResponse', term: 2, round: 4, sentAtMs: 77 } },
  ])
})

t.test(
  'T22: an append from before what is committed is no conflict, even where the log was compacted',
  async (t) => {
    const solo = new Solo({ config: { trailingEntries: 0 } })
    solo.tell('2', append(2, [1, 1], [2, 2, 2], 4))
    solo.saveSnapshot()
    solo.finish()
    t.equal(solo.status.firstIndex, 5)
    const [answer] = solo.tell('2', append(2, [2, 2], [2, 2], 4))
    t.match(answer?.message, { accepted: true, index: 4 })
    t.equal(solo.status.lastIndex, 4)
  },
)

t.test('T23: an old or short append takes nothing back', async (t) => {
  const solo = new Solo()
  solo.tell('2', append(2, [1, 1], [2, 2, 2]))
  solo.tell('2', append(2, [1, 1], [2]))
  solo.tell('2', append(2, [1, 1], []))
  t.equal(solo.status.lastIndex, 4)
})

t.test('followers keep what is applied within bounds', async (t) => {
  const solo = new Solo({ config: { applyEntriesMax: 2 } })
  solo.hear('2', append(2, [1, 1], [2, 2, 2, 2], 5))
  while (solo.write().length > 0);
  t.equal(solo.applied().length, 2)
  solo.finish()
  t.equal(solo.applied().length, 5)
})

t.test('a server in no configuration follows whoever leads', async (t) => {
  const solo = new Solo({ voters: ['7', '8', '9'] })
  t.match(kinds(solo.tell('9', append(2, [1, 1], [2]))), ['9 appendResponse'])
})

t.test('two leaders of one term are an impossibility that is not lived with', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  t.throws(() => solo.hear('2', append(2, [1, 1], [])), /both lead term 2/)
})

t.test(
  'T20: after a restart the state machine goes on from its snapshot, as far as is known to be committed',
  async (t) => {
    const solo = new Solo()
    solo.tell('2', append(2, [1, 1], [2, 2, 2], 3))
    // The commit index is written with the next batch, and is a hint only.
    solo.tell('2', append(2, [4, 2], [2], 3))
    solo.saveSnapshot()
    solo.finish()
    solo.tell('2', append(2, [5, 2], [2], 5))
    solo.restart()
    solo.outputs = []
    solo.tick(50)
    solo.finish()
    t.same(
      solo.applied().map(({ index }) => index),
      [4, 5],
    )
    t.equal(solo.status.lastIndex, 6)
  },
)

t.test('a follower that claims what it can not have is not heard', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  solo.hear('2', has(2, 99))
  const future = solo.node.nowMs + 500
  solo.hear('2', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: future })
  const { match, heardMs, ackedSentMs } = solo.status.progress.get('2') ?? {}
  t.same([match, heardMs, ackedSentMs], [0, -Infinity, -Infinity])
})
