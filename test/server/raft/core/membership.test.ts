import fc from 'fast-check'
import t from 'tap'

import { MembershipHistory } from '../../../../server/raft/core/membership-history.ts'
import {
  changeMembership,
  decodeMembership,
  encodeMembership,
  enterJoint,
  firstEntry,
  isJoint,
  isVoter,
  leaveJoint,
  membersOf,
} from '../../../../server/raft/core/membership.ts'
import type { MembershipChange } from '../../../../server/raft/core/output.ts'
import type { Membership } from '../../../../server/raft/types.ts'
import { members } from '../../../support/raft-cluster.ts'
import { describeMembership } from '../../../support/raft-trace.ts'

/** `+4` makes a voter, `~4` a learner, `-4` nobody. */
function changes(text: string): MembershipChange[] {
  return text.split(' ').map((word) => {
    const id = word.slice(1)
    if (word.startsWith('-')) return { kind: 'remove', id }
    const kind = word.startsWith('+') ? 'addVoter' : 'addLearner'
    return { kind, id, address: `${id}:8300` }
  })
}

t.test('a change', async (t) => {
  const cases: [voters: string, learners: string, change: string, expected: string | null][] = [
    ['1', '', '~2', 'voters (1) learners (2)'],
    ['1', '2', '+2', 'voters (1 2)'],
    ['1 2 3', '', '-3', 'voters (1 2)'],
    ['1 2 3', '', '~3', 'voters (1 2) learners (3)'],
    ['1 2 3', '', '+4', 'voters (1 2 3 4)'],
    ['1 2', '3', '-3', 'voters (1 2)'],
    // More than one voter: both majorities until it is through.
    ['1 2 3', '', '+4 -3', 'voters (1 2 4)&(1 2 3)'],
    ['1', '', '+2 +3', 'voters (1 2 3)&(1)'],
    ['1 2 3', '4', '+4 ~3', 'voters (1 2 4)&(1 2 3) learnersNext (3)'],
    ['1 2 3', '4', '-1 -2 ~3 +5', 'voters (5)&(1 2 3) learners (4) learnersNext (3)'],
    // To what is already so.
    ['1 2 3', '', '+2', 'voters (1 2 3)'],
    ['1 2 3', '', '-7', 'voters (1 2 3)'],
    // To what is no membership.
    ['1', '', '-1', null],
    ['1', '2', '~1', null],
    ['1 2', '', '+3 -3', null],
  ]
  for (const [voters, learners, change, expected] of cases) {
    const from = members(voters.split(' '), learners === '' ? [] : learners.split(' '))
    const found = changeMembership(from, changes(change))
    t.equal(found && describeMembership(found), expected, `${voters} | ${learners} ${change}`)
  }
  t.equal(changeMembership(members(['1']), []), null, 'of nothing is no change')
  const tooMany = changes(Array.from({ length: 80 }, (_, at) => `~n${at}`).join(' '))
  t.equal(changeMembership(members(['1']), tooMany), null, 'to too many members is none')
})

t.test('an address follows its member', async (t) => {
  const moved = changeMembership(members(['1', '2']), [
    { kind: 'addVoter', id: '2', address: 'elsewhere:8300' },
  ])
  t.same(moved?.addresses, { 1: '1:8300', 2: 'elsewhere:8300' })
  t.same(changeMembership(members(['1', '2']), changes('-2'))?.addresses, { 1: '1:8300' })
})

t.test('a joint membership', async (t) => {
  const joint = enterJoint(members(['1', '2', '3'], ['4']), members(['1', '4'], ['2']))
  t.equal(describeMembership(joint), 'voters (1 4)&(1 2 3) learnersNext (2)')
  t.ok(isVoter(joint, '2'), 'T8: who is demoted votes until it is left')
  t.same(membersOf(joint), ['1', '2', '3', '4'])
  t.equal(describeMembership(leaveJoint(joint)), 'voters (1 4) learners (2)')
  t.throws(() => changeMembership(joint, changes('+9')), /left before/)
  t.throws(() => leaveJoint(members(['1'])), /only a joint/)
})

t.test('an encoded membership is the same bytes wherever it is made', async (t) => {
  const there = { ...members(['2', '1'], ['3']), addresses: { 3: 'c', 1: 'a', 2: 'b', 9: 'gone' } }
  const here = { ...members(['1', '2'], ['3']), addresses: { 1: 'a', 2: 'b', 3: 'c' } }
  t.same(encodeMembership(there), encodeMembership(here))
  t.same(decodeMembership(encodeMembership(there)), here)
  t.same(firstEntry(there), firstEntry(here))
  const broken = encodeMembership(here).slice(0, -1)
  t.throws(() => decodeMembership(broken))
  const contradictory = JSON.stringify({ voters: ['1'], learners: ['1'] })
  t.throws(() => decodeMembership(new TextEncoder().encode(contradictory)), /learner and votes/)
})

t.test('the joint way ends where single steps end', async (t) => {
  const change = fc.record({
    kind: fc.constantFrom('addVoter', 'addLearner', 'remove'),
    id: fc.constantFrom('2', '3', '4', '5', '6'),
  })
  const property = fc.property(
    fc.uniqueArray(change, { selector: ({ id }) => id, minLength: 1, maxLength: 5 }),
    fc.subarray(['2', '3', '4']),
    (picked, others) => {
      const from = members(['1', ...others])
      const list = picked.map(({ kind, id }) =>
        kind === 'remove' ? { kind, id } : { kind, id, address: `${id}:8300` },
      ) as MembershipChange[]
      const atOnce = changeMembership(from, list)
      if (atOnce === null) return false
      const jointEnd = isJoint(atOnce) ? leaveJoint(atOnce) : atOnce
      let step: Membership = from
      for (const one of list) {
        const next = changeMembership(step, [one])
        // One voter at a time is never joint, and 1 is never removed.
        if (next === null || isJoint(next)) return false
        step = next
      }
      return Buffer.compare(encodeMembership(jointEnd), encodeMembership(step)) === 0
    },
  )
  const { failed, seed, counterexample } = fc.check(property, { numRuns: 1000 })
  t.notOk(failed, `seed ${seed}: ${JSON.stringify(counterexample)}`)
})

t.test('T6: truncation brings back whichever membership was in effect there', async (t) => {
  const history = new MembershipHistory({ index: 0, membership: members(['1']) }, [])
  history.append({ index: 3, membership: members(['1', '2']) })
  history.append({ index: 5, membership: members(['1', '2', '3']) })
  history.append({ index: 8, membership: members(['2', '3']) })
  t.equal(history.latest.index, 8)
  t.equal(history.at(7).index, 5)
  t.equal(history.at(5).index, 5)
  t.notOk(history.truncateFrom(9))
  t.ok(history.truncateFrom(4), 'two are taken back at once')
  t.equal(history.latest.index, 3)
  t.same(history.latest.membership.voters, ['1', '2'])
  history.compactThrough(6)
  t.equal(history.at(6).index, 3)
  t.throws(() => history.at(2), /compacted/)
  t.throws(() => history.append({ index: 3, membership: members(['1']) }), /in order/)
})
