import t from 'tap'

import { Roster, silenceMaxMs } from '../../../server/gossip/roster.ts'
import type { Card } from '../../../server/gossip/roster.ts'
import { memberStatus } from '../../../server/model/member.ts'
import { serverNamed } from '../../support/pool.ts'

const card = (
  name: string,
  version: number,
  status: keyof typeof memberStatus = 'alive',
): Card => ({
  member: { ...serverNamed(name, `id of ${name}`), Status: memberStatus[status] },
  version,
})

const statuses = (roster: Roster): string[] =>
  roster.members().map(({ Name, Status }) => `${Name} ${Status}`)

t.test('a member is alive for as long as it is heard', (t) => {
  const roster = new Roster()
  roster.note(card('me', 1), true, 0)
  t.equal(roster.note(card('other', 1), true, 0), true, 'who comes is news')
  t.equal(roster.note(card('other', 1), true, 1000), false, 'who is heard again is none')
  t.equal(roster.judge('me', 1000 + silenceMaxMs), false)
  t.equal(roster.judge('me', 1001 + silenceMaxMs), true)
  t.strictSame(statuses(roster), ['me 1', 'other 4'])
  t.equal(roster.note(card('other', 1), true, 9000), true, 'who is back is news')
  t.strictSame(statuses(roster), ['me 1', 'other 1'])
  t.end()
})

t.test('hearsay brings members and their tags, and nobody back to life', (t) => {
  const roster = new Roster()
  roster.note(card('me', 1), true, 0)
  roster.note(card('other', 1), false, 0)
  roster.judge('me', silenceMaxMs + 1)
  t.equal(roster.note(card('other', 1), false, 9000), false)
  t.equal(roster.note(card('other', 2), false, 9000), true, 'a newer card is news')
  t.strictSame(statuses(roster), ['me 1', 'other 4'])
  t.end()
})

t.test('an older card says nothing', (t) => {
  const roster = new Roster()
  roster.note(card('other', 2), true, 0)
  roster.note({ ...card('other', 1), member: serverNamed('other', 'an older id') }, true, 1)
  t.equal(roster.card('other')?.member.Tags['id'], 'id of other')
  t.end()
})

t.test('who says that it leaves has left, until it comes again', (t) => {
  const roster = new Roster()
  roster.note(card('other', 1), true, 0)
  roster.note(card('other', 2, 'left'), false, 0)
  t.strictSame(statuses(roster), ['other 3'])
  roster.note(card('other', 3), true, 0)
  t.strictSame(statuses(roster), ['other 1'])
  t.end()
})

t.test('only who failed can be made to have left', (t) => {
  const roster = new Roster()
  roster.note(card('me', 1), true, 0)
  roster.note(card('other', 1), true, 0)
  t.equal(roster.forceLeave('nobody'), false)
  t.equal(roster.forceLeave('other'), true)
  t.strictSame(statuses(roster), ['me 1', 'other 1'])
  roster.judge('me', silenceMaxMs + 1)
  roster.forceLeave('other')
  t.strictSame(statuses(roster), ['me 1', 'other 3'])
  t.end()
})
