import t from 'tap'

import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import type { SnapshotMeta } from '../../../../server/raft/types.ts'
import { members } from '../../../support/raft-cluster.ts'
import { append, has, heartbeat, kinds, refuses, Solo } from '../../../support/raft-solo.ts'

const membership = members(['1', '2', '3', '4'])

function meta(index: number, term: number): SnapshotMeta {
  return { index, term, membership }
}

function chunk(term: number, snapshot: SnapshotMeta): RaftMessage {
  const data = new TextEncoder().encode(JSON.stringify({ index: snapshot.index, digest: '' }))
  return { kind: 'snapshotChunk', term, snapshot, offsetBytes: 0, data, last: true }
}

/** The driver has all of it, under its final name. */
function receive(solo: Solo, from: string, snapshot: SnapshotMeta): ReturnType<Solo['step']> {
  const state = { index: snapshot.index, digest: '' }
  const data = new TextEncoder().encode(JSON.stringify(state))
  solo.node.files.set(snapshot.index, { meta: snapshot, data })
  return solo.step({ kind: 'snapshotReceived', from, snapshot })
}

/** A leader of term 2 whose log begins after its snapshot at 5, and a follower 3 that was last heard with entry 2. */
function compactedLeader(): Solo {
  const solo = new Solo({ config: { trailingEntries: 0 } })
  solo.becomeLeader()
  solo.acknowledge()
  for (const text of ['a', 'b', 'c']) solo.propose(text)
  solo.finish()
  solo.tell('2', has(2, 5))
  solo.saveSnapshot()
  solo.finish()
  return solo
}

t.test(
  'T11: a snapshot that contradicts the log at its end takes the place of the whole log',
  async (t) => {
    const solo = new Solo({ log: [1, 1, 1, 1, 1] })
    const [asked] = solo.outputs
    t.equal(asked, undefined)
    solo.step({ kind: 'message', from: '2', message: chunk(3, meta(4, 2)) })
    t.match(solo.outputs.at(-1)?.snapshots, [{ kind: 'store', from: '2' }])
    receive(solo, '2', meta(4, 2))
    const output = solo.outputs.at(-1)
    t.match(output?.append, { truncateFrom: 1, snapshot: { index: 4, term: 2 }, entries: [] })
    t.match(output?.restore, { index: 4, term: 2 })
    t.match(solo.status, { lastIndex: 4, lastTerm: 2, commitIndex: 4, firstIndex: 5 })
    t.same(solo.status.membership, membership)
  },
)

t.test(
  'T11, T13: a snapshot of what the log already has keeps the log and commits it',
  async (t) => {
    const solo = new Solo({ log: [1, 2, 2, 2] })
    const sent = solo.tell('2', chunk(3, meta(3, 2)))
    t.match(sent, [{ message: { kind: 'appendResponse', accepted: true, index: 3 } }])
    t.match(solo.status, { lastIndex: 5, commitIndex: 3 })
    t.same(solo.outputs.at(-1)?.snapshots ?? [], [])
  },
)

t.test('T13: a snapshot of what is committed is ignored', async (t) => {
  const solo = new Solo()
  solo.tell('2', append(2, [1, 1], [2, 2, 2], 4))
  const sent = solo.tell('2', chunk(2, meta(3, 2)))
  t.match(sent, [{ message: { kind: 'appendResponse', accepted: true, index: 4 } }])
  receive(solo, '2', meta(3, 2))
  t.equal(solo.outputs.at(-1)?.restore, null)
  t.equal(solo.status.lastIndex, 4)
})

t.test(
  'T12: a snapshot beyond the log is acknowledged when its mark is durable, and the log goes on behind it',
  async (t) => {
    const solo = new Solo()
    solo.tell('2', heartbeat(2))
    solo.hear('2', chunk(2, meta(110, 2)))
    t.same(receive(solo, '2', meta(110, 2)), [])
    // The next append may come before that.
    t.same(solo.hear('2', append(2, [110, 2], [2], 111)), [])
    t.match(solo.write(), [{ message: { kind: 'appendResponse', accepted: true, index: 110 } }])
    t.match(solo.write(), [{ message: { kind: 'appendResponse', accepted: true, index: 111 } }])
    t.same([solo.node.disk.firstIndex(), solo.node.disk.lastIndex()], [111, 111])
    t.equal(solo.node.disk.hardState.commit, 111)
  },
)

t.test('T12: a server that falls between the snapshot and its mark has its old log', async (t) => {
  const solo = new Solo()
  solo.hear('2', chunk(2, meta(110, 2)))
  receive(solo, '2', meta(110, 2))
  solo.restart()
  t.match(solo.status, { lastIndex: 1, commitIndex: 0 })
})

t.test('a server whose state machine is being replaced does not campaign', async (t) => {
  const solo = new Solo()
  solo.hear('2', chunk(2, meta(110, 2)))
  receive(solo, '2', meta(110, 2))
  while (solo.write().length > 0);
  t.same(solo.tick(5000), [])
  t.match(solo.step({ kind: 'applyDone', index: 110 }), [])
  t.same(kinds(solo.timeOut()), ['2 preVote', '3 preVote', '4 preVote'])
})

t.test('a leader never installs a snapshot', async (t) => {
  const solo = new Solo()
  solo.becomeLeader()
  receive(solo, '2', meta(110, 1))
  t.match(solo.status, { lastIndex: 2, role: 'leader' })
})

t.test(
  'a snapshot received from a leader of the past is installed, and only the present one is answered',
  async (t) => {
    const solo = new Solo()
    solo.hear('2', chunk(2, meta(110, 2)))
    solo.hear('3', heartbeat(3))
    solo.finish()
    receive(solo, '2', meta(110, 2))
    t.same(solo.finish(), [])
    t.equal(solo.status.commitIndex, 110)
    solo.step({ kind: 'chunkStored', from: '2', snapshot: meta(120, 2), nextOffsetBytes: 7 })
    t.same(solo.finish(), [])
  },
)

t.test('the log is compacted when the snapshot’s mark is durable, and not before', async (t) => {
  const solo = new Solo({ config: { trailingEntries: 1 } })
  solo.tell('2', append(2, [1, 1], [2, 2, 2], 4))
  solo.hear('2', append(2, [4, 2], [2], 4))
  solo.saveSnapshot()
  t.match(solo.outputs.at(-1), { append: { snapshot: { index: 4 } }, compactThrough: null })
  t.equal(solo.status.firstIndex, 1)
  solo.write()
  t.same([solo.outputs.at(-1)?.compactThrough, solo.status.firstIndex], [null, 1], 'another write')
  solo.write()
  t.equal(solo.outputs.at(-1)?.compactThrough, 3)
  t.equal(solo.status.firstIndex, 4, 'one entry trails')
  solo.saveSnapshot()
  t.equal(solo.outputs.at(-1)?.append, null, 'the same snapshot again is no news')
})

t.test(
  'a follower whose entries are compacted is streamed a snapshot, one chunk after the other',
  async (t) => {
    const solo = compactedLeader()
    solo.hear('3', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: 0 })
    solo.hear('3', refuses(2, 5, [2, 2]))
    t.match(solo.outputs.at(-1)?.snapshots, [
      { kind: 'stream', to: '3', snapshot: null, offsetBytes: 0 },
    ])
    t.equal(solo.status.progress.get('3')?.state, 'snapshot')
    const snapshot = meta(5, 2)
    const piece = { snapshot, offsetBytes: 0, data: new Uint8Array(4), last: false }
    t.same(kinds(solo.step({ kind: 'chunkRead', to: '3', chunk: piece })), ['3 snapshotChunk'])
    t.same(kinds(solo.propose('d')), ['2 append'], 'nothing is appended meanwhile')
    const answer: RaftMessage = {
      kind: 'snapshotChunkResponse',
      term: 2,
      snapshot,
      nextOffsetBytes: 4,
    }
    solo.hear('3', answer)
    t.match(solo.outputs.at(-1)?.snapshots, [{ snapshot: { index: 5 }, offsetBytes: 4 }])
    solo.hear('3', answer)
    t.same(solo.outputs.at(-1)?.snapshots, [], 'a doubled answer does not double the stream')
    t.same(solo.step({ kind: 'chunkRead', to: '3', chunk: piece }), [], 'nor does an old chunk')
    const sent = solo.hear('3', has(2, 5))
    t.match(sent, [
      { to: '3', message: { kind: 'append', previous: { index: 5 }, entries: [{ index: 6 }] } },
    ])
    t.equal(solo.status.progress.get('3')?.state, 'replicate')
  },
)

t.test('a follower that asks for another offset is given that', async (t) => {
  const solo = compactedLeader()
  solo.hear('3', refuses(2, 5, [2, 2]))
  const piece = { snapshot: meta(5, 2), offsetBytes: 0, data: new Uint8Array(4), last: false }
  solo.step({ kind: 'chunkRead', to: '3', chunk: piece })
  const answer = { kind: 'snapshotChunkResponse', term: 2, snapshot: meta(5, 2) } as const
  solo.hear('3', { ...answer, nextOffsetBytes: 400 })
  t.match(solo.outputs.at(-1)?.snapshots, [{ offsetBytes: 400 }], 'it had part of it')
  solo.hear('3', { ...answer, nextOffsetBytes: 0 })
  t.match(solo.outputs.at(-1)?.snapshots, [{ offsetBytes: 0 }], 'it lost what it had')
})

t.test('a stream that fails begins again after a sign of life', async (t) => {
  const solo = compactedLeader()
  solo.hear('3', refuses(2, 5, [2, 2]))
  solo.step({ kind: 'streamFailed', to: '3' })
  t.same(solo.outputs.at(-1)?.snapshots, [])
  solo.hear('3', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: 0 })
  t.match(solo.outputs.at(-1)?.snapshots, [
    { kind: 'stream', to: '3', snapshot: null, offsetBytes: 0 },
  ])
})

t.test('nothing is streamed to a follower that does not answer', async (t) => {
  const solo = compactedLeader()
  for (let round = 0; round < 20; round += 1) {
    solo.hear('2', { kind: 'heartbeatResponse', term: 2, round: 0, sentAtMs: solo.node.nowMs })
    solo.tick(100)
  }
  solo.step({ kind: 'unreachable', to: '3' })
  t.same(
    solo.outputs.flatMap(({ snapshots }) => snapshots),
    [],
  )
})
