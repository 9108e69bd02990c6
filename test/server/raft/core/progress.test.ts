import t from 'tap'

import { Inflights } from '../../../../server/raft/core/inflights.ts'
import { Progress } from '../../../../server/raft/core/progress.ts'

function progressFrom(match: number, next: number): Progress {
  const progress = new Progress({ next, nowMs: 0, inflight: { messagesMax: 2, bytesMax: 100 } })
  progress.match = match
  return progress
}

t.test('an inflight window', async (t) => {
  t.test('is full by messages', async (t) => {
    const window = new Inflights({ messagesMax: 2, bytesMax: 100 })
    window.add(3, 10)
    t.notOk(window.full())
    window.add(5, 0)
    t.ok(window.full())
    t.throws(() => window.add(6, 0), /takes nothing/)
  })
  t.test('is full by bytes, and the message that fills it may be larger', async (t) => {
    const window = new Inflights({ messagesMax: 20, bytesMax: 100 })
    window.add(3, 99)
    t.notOk(window.full())
    window.add(4, 500)
    t.ok(window.full())
    t.equal(window.bytes, 599)
  })
  t.test('is freed through an index, whatever answers got lost', async (t) => {
    const window = new Inflights({ messagesMax: 4, bytesMax: 100 })
    for (const last of [2, 4, 6]) window.add(last, 10)
    window.freeThrough(1)
    t.equal(window.count, 3)
    window.freeThrough(5)
    t.same([window.count, window.bytes], [1, 10])
    window.freeThrough(6)
    t.same([window.count, window.bytes], [0, 0])
  })
  t.test('takes indexes in order only', async (t) => {
    const window = new Inflights({ messagesMax: 4, bytesMax: 100 })
    window.add(4, 0)
    t.throws(() => window.add(4, 0), /increase/)
  })
})

t.test('a probe is one message and then silence', async (t) => {
  const progress = progressFrom(0, 5)
  t.notOk(progress.blocked())
  progress.sent(9, 10, 0)
  t.ok(progress.blocked())
  t.equal(progress.next, 5, 'nothing is assumed to arrive')
  progress.resume()
  t.notOk(progress.blocked())
})

t.test('replication runs ahead until the window is full', async (t) => {
  const progress = progressFrom(4, 5)
  progress.becomeReplicate()
  progress.sent(6, 10, 4)
  t.equal(progress.next, 7)
  progress.sent(8, 10, 4)
  t.equal(progress.next, 9)
  t.ok(progress.blocked())
  progress.accepted(6)
  t.same([progress.match, progress.next, progress.blocked()], [6, 9, false])
  progress.sent(8, 0, 8)
  t.equal(progress.inflights.count, 1, 'a message without entries takes no place')
})

t.test('an old acceptance changes nothing', async (t) => {
  const progress = progressFrom(8, 9)
  progress.accepted(5)
  t.same([progress.match, progress.next], [8, 9])
})

t.test('a refusal', async (t) => {
  const cases: [
    string,
    state: 'probe' | 'replicate',
    match: number,
    next: number,
    refused: number,
    hint: number,
    used: boolean,
    nextAfter: number,
  ][] = [
    ['of what is known to be there is old', 'replicate', 5, 10, 5, 3, false, 6],
    ['of something pipelined goes back to what is known', 'replicate', 5, 10, 9, 9, true, 6],
    ['of another probe than the present one is old', 'probe', 0, 10, 7, 2, false, 10],
    ['of the present probe goes where it could agree', 'probe', 0, 10, 9, 4, true, 5],
    ['goes back at least one', 'probe', 0, 10, 9, 20, true, 9],
    ['never goes below what is known', 'probe', 6, 10, 9, 2, true, 7],
    ['of a probe from the beginning stays there', 'probe', 0, 1, 0, 0, true, 1],
  ]
  for (const [name, state, match, next, refused, hint, used, nextAfter] of cases) {
    const progress = progressFrom(match, next)
    if (state === 'replicate') progress.becomeReplicate()
    t.equal(progress.rejected(refused, hint), used, name)
    t.equal(progress.next, nextAfter, name)
    t.ok(progress.match < progress.next, name)
  }
})

t.test('a broken connection ends pipelining and nothing else', async (t) => {
  const progress = progressFrom(4, 5)
  progress.becomeReplicate()
  progress.sent(8, 10, 4)
  progress.unreachable()
  t.same([progress.state, progress.match, progress.next], ['probe', 4, 5])
  t.equal(progress.inflights.count, 0)
  progress.becomeSnapshot(0)
  progress.unreachable()
  t.equal(progress.state, 'snapshot')
})

t.test('a stream that fails waits for a sign of life', async (t) => {
  const progress = progressFrom(4, 5)
  progress.becomeSnapshot(10)
  t.ok(progress.blocked())
  t.same(progress.stream, { snapshot: null, offsetBytes: 0, orderedMs: 10 })
  progress.pause()
  t.same([progress.state, progress.blocked(), progress.stream], ['probe', true, null])
  progress.resume()
  t.notOk(progress.blocked())
})

t.test('a commit is told once, and again after what told it may be lost', async (t) => {
  const progress = progressFrom(4, 5)
  progress.becomeReplicate()
  progress.sent(8, 10, 6)
  t.equal(progress.sentCommit, 6)
  progress.sent(8, 0, 20)
  t.equal(progress.sentCommit, 8, 'the follower can only use it as far as its log goes')
  progress.unreachable()
  t.equal(progress.sentCommit, 4)
})
