import t from 'tap'

import type { Outbound } from '../../../../server/raft/core/messages.ts'
import { has, Solo } from '../../../support/raft-solo.ts'

/** A leader in term 2 whose others have everything, and the tick that it stands at. */
function leading(commitNoticeMs: number): { solo: Solo; nowMs: number } {
  const solo = new Solo({ config: { commitNoticeMs } })
  solo.becomeLeader()
  solo.acknowledge()
  const nowMs = solo.core.state().nowMs + 50
  solo.tickAt(nowMs)
  return { solo, nowMs }
}

/** What was said of commits, and to whom. */
const commits = (sent: readonly Outbound[]): [string, number, number][] =>
  sent.flatMap(({ message, to }) =>
    message.kind === 'append' ? [[to, message.entries.length, message.commit]] : [],
  )

t.test('a commit that no entries carry is told when its time has come, and once', async (t) => {
  const { nowMs, solo } = leading(5)
  solo.propose('a', 1)
  const { lastIndex, term } = solo.status
  solo.finish()
  t.same(commits(solo.hear('2', has(term, lastIndex))), [], 'nobody is woken for it')
  t.equal(solo.status.commitIndex, lastIndex)
  t.equal(solo.core.dueMs(), nowMs + 5)
  t.same(commits(solo.tickAt(nowMs + 4)), [])
  t.same(commits(solo.tickAt(nowMs + 5)), [
    ['2', 0, lastIndex],
    ['3', 0, lastIndex],
  ])
  t.equal(solo.core.dueMs(), null)
  t.same(commits(solo.hear('3', has(term, lastIndex))), [], 'it was told already')
})

t.test('the next entries carry the commit, so that nothing is due', async (t) => {
  const { solo } = leading(5)
  solo.propose('a', 1)
  const { lastIndex, term } = solo.status
  solo.finish()
  solo.hear('2', has(term, lastIndex))
  t.same(commits(solo.propose('b', 2)), [
    ['2', 1, lastIndex],
    ['3', 1, lastIndex],
  ])
  t.equal(solo.core.dueMs(), null)
})

t.test('with no time to wait it is told at once', async (t) => {
  const { solo } = leading(0)
  solo.propose('a', 1)
  const { lastIndex, term } = solo.status
  solo.finish()
  t.same(commits(solo.hear('2', has(term, lastIndex))), [
    ['2', 0, lastIndex],
    ['3', 0, lastIndex],
  ])
})

t.test(
  'that members changed is told at once: those who left hear of it now or never',
  async (t) => {
    const { solo } = leading(5)
    solo.step({ kind: 'proposeMembership', ticket: 1, changes: [{ kind: 'remove', id: '3' }] })
    const { lastIndex, term } = solo.status
    solo.finish()
    solo.hear('3', has(term, lastIndex))
    const told = commits(solo.hear('2', has(term, lastIndex)))
    t.ok(
      told.some(([to, , commit]) => to === '3' && commit >= lastIndex),
      'the removed hears that its removal is committed',
    )
  },
)
