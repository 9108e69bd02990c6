import t from 'tap'

import { serfLan } from '../../../../server/gossip/serf/config.ts'
import type { SwimEvent } from '../../../../server/gossip/swim/events.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../../../server/gossip/wire/serf-codec.ts'
import type { SerfMessage } from '../../../../server/gossip/wire/serf-messages.ts'
import { memberStatus } from '../../../../server/model/member.ts'
import { heard, memberOf, SerfPool } from '../../../support/serf-pool.ts'
import type { SerfNode } from '../../../support/serf-pool.ts'

const statusName = (status: number | undefined): string =>
  Object.entries(memberStatus).find(([, number]) => number === status)?.[0] ?? 'unknown'

function status(node: SerfNode, of: SerfNode): string {
  return statusName(node.core.member(of.name)?.Status)
}

const intent = (message: SerfMessage): SwimEvent => ({
  kind: 'user',
  from: { host: '10.0.0.9', port: 7946 },
  body: encodeSerfMessage(message),
})

const leaveOf = (node: string, time: number, prune = false): SwimEvent =>
  intent({ kind: 'leave', time, node, prune })
const joinOf = (node: string, time: number): SwimEvent => intent({ kind: 'join', time, node })

/** What it passed on, in order. */
function passedOn(node: SerfNode): SerfMessage[] {
  return node.commands.flatMap((command) =>
    command.kind === 'broadcast' ? [decodeSerfMessage(command.body)] : [],
  )
}

t.test('a member goes through its statuses as the core and intents say', async (t) => {
  const steps: readonly [
    what: string,
    ...(readonly ['joined' | 'failed' | 'left' | number | 'join' | 'prune', status: string])[],
  ][] = [
    ['it fails', ['failed', 'failed']],
    ['it leaves by itself', [9, 'leaving'], ['left', 'left']],
    ['it says that it leaves and then is gone', [9, 'leaving'], ['failed', 'left']],
    ['nobody told of its leave', ['left', 'left']],
    ['it failed and was said to be gone for good', ['failed', 'failed'], [9, 'left']],
    ['it is back', ['failed', 'failed'], ['joined', 'alive'], ['failed', 'failed']],
    ['it left and came again', [9, 'leaving'], ['left', 'left'], ['joined', 'alive']],
    ['an old leave is no news', [1, 'alive'], ['failed', 'failed'], [1, 'failed']],
    [
      'a leave that it refutes',
      [9, 'leaving'],
      ['join', 'alive'],
      [9, 'alive'],
      ['failed', 'failed'],
    ],
    ['forgotten', ['failed', 'failed'], ['prune', 'unknown']],
    ['forgotten when it is gone', ['prune', 'leaving'], ['left', 'unknown']],
    ['forgotten after it left', [9, 'leaving'], ['left', 'left'], ['prune', 'unknown']],
  ]
  for (const [what, ...events] of steps) {
    const pool = new SerfPool()
    const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
    for (const [event, expected] of events) {
      if (event === 'joined') pool.tell(a, { kind: event, member: memberOf(b, 'alive') })
      else if (event === 'failed') pool.tell(a, { kind: event, member: memberOf(b, 'dead') })
      else if (event === 'left') pool.tell(a, { kind: event, member: memberOf(b, 'left') })
      else if (event === 'join') pool.tell(a, joinOf('b', 10))
      else if (event === 'prune') pool.tell(a, leaveOf('b', 20, true))
      else pool.tell(a, leaveOf('b', event))
      t.equal(status(a, b), expected, `${what}: ${event}`)
    }
  }
})

t.test('each change of a member is told once', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.crash(b)
  pool.tell(a, { kind: 'failed', member: memberOf(b, 'dead') })
  pool.restart(b)
  pool.tell(a, leaveOf('b', 50))
  pool.tell(a, leaveOf('b', 50))
  pool.tell(a, { kind: 'left', member: memberOf(b, 'left') })
  pool.tell(a, { kind: 'left', member: memberOf(b, 'left') })
  pool.tell(a, { kind: 'reaped', member: memberOf(b, 'left') })
  pool.tell(a, { kind: 'reaped', member: memberOf(b, 'left') })
  t.strictSame(
    a.events.map(({ kind }) => kind),
    ['memberFailed', 'memberJoined', 'memberLeft', 'memberReaped'],
  )
  t.match(heard(a, 'memberFailed')[0]?.member, { Name: 'b', Status: memberStatus.failed })
})

t.test('what changes about a member is told, and what does not is not', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.command(b, { kind: 'setTags', tags: { role: 'web', dc: 'x' } })
  pool.command(b, { kind: 'setTags', tags: { role: 'web', dc: 'x' } })
  t.strictSame(
    heard(a, 'memberUpdated').map(({ member }) => Object.entries(member.Tags)),
    [
      [
        ['dc', 'x'],
        ['role', 'web'],
      ],
    ],
    'with its tags by their names',
  )
  const moved = { ...memberOf(b, 'alive'), address: { host: '10.9.9.9', port: 1 } }
  pool.tell(a, { kind: 'updated', member: moved, before: memberOf(b, 'alive') })
  t.match(heard(a, 'memberUpdated')[1]?.member, { Addr: '10.9.9.9', Port: 1 })
  t.throws(
    () => pool.command(a, { kind: 'setTags', tags: { long: 'x'.repeat(600) } }),
    /Encoded length of tags exceeds limit of 512 bytes/,
  )
  t.strictSame(a.core.member('a')?.Tags, {})
})

t.test('intents of those who are not there yet wait for them, for five minutes', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a')
  const [b, c, d] = [pool.add('b'), pool.add('c'), pool.add('d')]
  pool.tell(a, leaveOf('b', 5))
  pool.tell(a, joinOf('b', 4))
  pool.tell(a, leaveOf('c', 5))
  pool.tell(a, joinOf('c', 6))
  pool.tell(a, leaveOf('d', 5))
  t.equal(passedOn(a).length, 4, 'and are passed on where they are news')
  for (const one of [b, c]) pool.tell(a, { kind: 'joined', member: memberOf(one, 'alive') })
  t.equal(status(a, b), 'leaving')
  t.equal(status(a, c), 'alive')
  pool.advance(serfLan.intentMemoryMs)
  pool.tell(a, { kind: 'joined', member: memberOf(d, 'alive') })
  t.equal(status(a, d), 'alive', 'it was said too long ago')
})

t.test('no more intents are kept than may be', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a', { config: { intentsMax: 2 } })
  const nodes = ['b', 'c', 'd'].map((name) => pool.add(name))
  for (const { name } of nodes) pool.tell(a, leaveOf(name, 5))
  for (const one of nodes) pool.tell(a, { kind: 'joined', member: memberOf(one, 'alive') })
  t.strictSame(
    nodes.map((one) => status(a, one)),
    ['alive', 'leaving', 'leaving'],
    'the oldest is forgotten',
  )
})

t.test('whoever is said to leave and is here says so, later than was said', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  b.commands.splice(0)
  pool.tell(b, leaveOf('b', 40))
  t.strictSame(passedOn(b), [{ kind: 'join', time: 41, node: 'b' }])
  pool.settle()
  pool.tell(a, leaveOf('b', 40))
  t.equal(status(a, b), 'alive')
})

t.test('of an intent only the newest about a member is in the queue', async (t) => {
  const pool = new SerfPool()
  const [a] = pool.addAll(['a', 'b']) as [SerfNode]
  a.commands.splice(0)
  pool.tell(a, leaveOf('b', 40))
  pool.tell(a, joinOf('b', 41))
  pool.tell(a, leaveOf('x', 42))
  t.strictSame(
    a.commands.map((command) => command.kind === 'broadcast' && [command.queue, command.subject]),
    [
      ['intent', 'b'],
      ['intent', 'b'],
      ['intent', 'x'],
    ],
  )
})

t.test('a leave is said, then carried out, then seen through', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  b.commands.splice(0)
  pool.command(b, { kind: 'leave', ticket: 7 })
  t.strictSame(
    b.commands.map(({ kind }) => kind),
    ['broadcast', 'leave'],
  )
  t.equal(status(a, b), 'left')
  t.strictSame(heard(b, 'leaveDone'), [], 'it stays a while for those who have not heard')
  pool.command(b, { kind: 'leave', ticket: 8 })
  pool.advance(serfLan.leavePropagateMs)
  t.strictSame(heard(b, 'leaveDone'), [
    { kind: 'leaveDone', ticket: 7, told: true },
    { kind: 'leaveDone', ticket: 8, told: true },
  ])
  pool.command(b, { kind: 'leave', ticket: 9 })
  t.equal(heard(b, 'leaveDone').length, 3, 'who left has left')
  t.throws(() => pool.join(b, a), /Serf can't Join after Leave or Shutdown/)
})

t.test('who is alone leaves at once, and tells nobody', async (t) => {
  const pool = new SerfPool()
  const a = pool.add('a')
  pool.command(a, { kind: 'leave', ticket: 1 })
  t.match(heard(a, 'leaveDone'), [{ told: true }])
  t.strictSame(passedOn(a), [])
})

t.test('a leave that can not be told is carried out all the same', async (t) => {
  const pool = new SerfPool()
  const [, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  b.core.step(pool.nowMs, { kind: 'leave', ticket: 1 })
  // The broadcast is never carried out.
  b.core.take()
  pool.advance(serfLan.broadcastTimeoutMs + serfLan.leavePropagateMs)
  t.match(heard(b, 'leaveDone'), [{ told: false }])
})

t.test('a failed member is forced out everywhere, or forgotten', async (t) => {
  for (const prune of [false, true]) {
    const pool = new SerfPool()
    const [a, b, c] = pool.addAll(['a', 'b', 'c']) as [SerfNode, SerfNode, SerfNode]
    pool.crash(b)
    pool.command(a, { kind: 'forceLeave', ticket: 3, node: 'b', prune })
    t.match(heard(a, 'forceLeaveDone'), [{ ticket: 3, told: true }])
    for (const one of [a, c]) t.equal(status(one, b), prune ? 'unknown' : 'left')
    t.match(
      c.commands.filter(({ kind }) => kind === 'forceLeave'),
      [{ node: 'b', forget: prune }],
      'and the core looks for it no longer',
    )
  }
})

t.test('one that lives is not forced out, and this node never', async (t) => {
  const pool = new SerfPool()
  const [a, b, c] = pool.addAll(['a', 'b', 'c']) as [SerfNode, SerfNode, SerfNode]
  pool.command(a, { kind: 'forceLeave', ticket: 3, node: 'b', prune: true })
  for (const one of [a, b, c]) t.equal(status(one, b), 'alive')
  pool.command(a, { kind: 'forceLeave', ticket: 4, node: 'a', prune: false })
  t.match(heard(a, 'forceLeaveDone')[1], { ticket: 4, told: false })
  for (const one of [a, b, c]) t.equal(status(one, a), 'alive')
})

t.test('what was missed comes with the next push/pull', async (t) => {
  const pool = new SerfPool()
  const [a, b, c] = pool.addAll(['a', 'b', 'c']) as [SerfNode, SerfNode, SerfNode]
  pool.crash(b)
  pool.weather = { loss: 1, duplication: 0, reordering: false }
  pool.command(a, { kind: 'forceLeave', ticket: 3, node: 'b', prune: false })
  t.equal(status(c, b), 'failed')
  const before = passedOn(c).length
  pool.pushPull(c, a)
  t.equal(status(c, b), 'left')
  t.equal(passedOn(c).length, before, 'and is not passed on')
  pool.pushPull(c, a)
  pool.restart(b)
  pool.pushPull(b, a)
  pool.pushPull(c, b)
  for (const one of [a, b, c]) t.equal(status(one, b), 'alive', `${one.name} knows that it is back`)
})

/** The time that goes with a member in its push/pulls. */
function saidOf({ core }: SerfNode, node: string): number | undefined {
  const message = decodeSerfMessage(core.encodeState())
  return message.kind === 'state' ? message.statusTimes.get(node) : undefined
}

t.test(
  'a leave gets no later by being told again, so that who left can be forgotten',
  async (t) => {
    for (const how of ['by force', 'by itself, and nobody told'] as const) {
      const pool = new SerfPool()
      const [a, b, c] = pool.addAll(['a', 'b', 'c']) as [SerfNode, SerfNode, SerfNode]
      pool.weather = { loss: 1, duplication: 0, reordering: false }
      if (how === 'by force') {
        pool.crash(b)
        pool.command(a, { kind: 'forceLeave', ticket: 3, node: 'b', prune: false })
      } else pool.tell(a, { kind: 'left', member: memberOf(b, 'left') })
      const told = saidOf(a, 'b')
      pool.pushPull(a, c)
      if (how !== 'by force') pool.tell(c, { kind: 'left', member: memberOf(b, 'left') })
      for (let times = 0; times < 5; times += 1) pool.pushPull(a, c)
      for (const one of [a, c]) t.equal(saidOf(one, 'b'), told, how)
      pool.weather = { loss: 0, duplication: 0, reordering: false }
      pool.command(c, { kind: 'forceLeave', ticket: 4, node: 'b', prune: true })
      for (const one of [a, c]) t.equal(status(one, b), 'unknown', how)
    }
  },
)

t.test('clocks agree after a push/pull', async (t) => {
  const pool = new SerfPool()
  const [a, b] = pool.addAll(['a', 'b']) as [SerfNode, SerfNode]
  pool.weather = { loss: 1, duplication: 0, reordering: false }
  const event = { kind: 'fire', name: 'x', payload: new Uint8Array(), coalesce: false } as const
  for (let times = 0; times < 5; times += 1) pool.command(a, event)
  pool.pushPull(a, b)
  t.strictSame(b.core.status().clocks, a.core.status().clocks)
  t.equal(a.core.status().clocks.event, 6)
})

t.test('a bad state or message changes nothing', async (t) => {
  const pool = new SerfPool()
  const [a] = pool.addAll(['a', 'b']) as [SerfNode]
  const before = a.core.encodeState()
  const from = { host: '10.0.0.9', port: 7946 }
  const bodies = [
    new Uint8Array(),
    Uint8Array.of(2),
    Uint8Array.of(99, 1, 2),
    encodeSerfMessage({ kind: 'keyRequest', key: Uint8Array.of(1) }),
    encodeSerfMessage({ kind: 'leave', time: 90, node: 'b', prune: false }),
  ]
  for (const body of bodies) pool.tell(a, { kind: 'userState', from, join: false, body })
  for (const body of bodies.slice(0, 4)) pool.tell(a, { kind: 'user', from, body })
  t.strictSame(a.core.encodeState(), before)
  t.strictSame(a.events, [])
})
