import t from 'tap'

import { getKey } from '../../../server/state/kv.ts'
import {
  getSession,
  listNodeSessions,
  listSessions,
  sessionsOfCheck,
} from '../../../server/state/sessions.ts'
import type { NewSession } from '../../../server/state/sessions.ts'
import type { LockRelease } from '../../../server/state/transaction.ts'
import { WatchSet } from '../../../server/state/watch.ts'
import { Log, plainCheck, sessionId } from '../../support/log.ts'

const [one, two] = [sessionId(1), sessionId(2)]

/** Nodes n1 and n2 with a check each (c1 and c2), at index 4. */
function prepared(): Log {
  const log = new Log()
  log.node('n1')
  log.node('n2')
  log.check('n1', 'c1')
  log.check('n2', 'c2')
  return log
}

const ids = (log: Log): string[] => listSessions(log.store).value.map(({ ID }) => ID)

t.test('a session is kept as it was made', async (t) => {
  const log = prepared()
  t.equal(log.session(one, { Name: 'mine', NodeChecks: ['c1'], TTL: '15s' }), one)
  const session = {
    ID: one,
    Name: 'mine',
    Node: 'n1',
    LockDelay: 15_000_000_000,
    Behavior: 'release',
    TTL: '15s',
    NodeChecks: ['c1'],
    ServiceChecks: null,
    CreateIndex: 5,
    ModifyIndex: 5,
  }
  t.strictSame(getSession(log.store, one), { index: 5, value: [session] })
  t.strictSame(getSession(log.store, one.toUpperCase()).value, [session], 'whatever the case')
  t.strictSame(listNodeSessions(log.store, 'N1').value, [session])
  t.strictSame(listNodeSessions(log.store, 'n2'), { index: 5, value: [] })
})

t.test('unknown ids are no sessions and malformed ids are mistakes', async (t) => {
  const log = prepared()
  t.strictSame(getSession(log.store, one), { index: 0, value: [] })
  t.throws(() => getSession(log.store, 'short'), {
    kind: 'failed',
    message: 'failed session lookup: index error: UUID must be 36 characters',
  })
})

t.test('a session needs its node and its checks, none of them critical', async (t) => {
  const log = prepared()
  log.check('n1', 'bad', 'critical')
  const cases: readonly (readonly [Partial<NewSession>, string])[] = [
    [{ Node: 'n9' }, 'Missing node registration'],
    [{ NodeChecks: ['none'] }, "Missing check 'none' registration"],
    [{ NodeChecks: ['c2'] }, "Missing check 'c2' registration"],
    [{ NodeChecks: ['c1', 'bad'] }, "Check 'bad' is in critical state"],
    [{ ServiceChecks: [{ ID: 'none', Namespace: '' }] }, "Missing check 'none' registration"],
    [{ Checks: ['none'] }, "Missing check 'none' registration"],
    [{ Node: 'n9', NodeChecks: ['none'] }, 'Missing node registration'],
  ]
  for (const [more, message] of cases)
    t.throws(() => log.session(one, more), { kind: 'failed', message }, message)
  t.strictSame(ids(log), [])
  t.equal(listSessions(log.store).index, 0)
})

t.test('the end of a session frees its locks', async (t) => {
  const log = prepared()
  log.session(one)
  log.session(two)
  log.kv('lock', 'a', 'x', { Session: one, Flags: 7 })
  log.kv('lock', 'b', 'x', { Session: two })
  t.equal(log.apply('session-destroy', { ID: one }), one)
  t.strictSame(ids(log), [two])
  t.match(getKey(log.store, 'a').value, { Flags: 7, LockIndex: 1, CreateIndex: 7, ModifyIndex: 9 })
  t.equal(getKey(log.store, 'a').value?.Session, undefined)
  t.match(getKey(log.store, 'b').value, { Session: two, ModifyIndex: 8 })
  t.equal(log.kv('lock', 'a', 'x', { Session: two }), true, 'its count goes on')
  t.equal(getKey(log.store, 'a').value?.LockIndex, 2)
})

t.test('the end of a session deletes its keys if it behaves so', async (t) => {
  const log = prepared()
  log.session(one, { Behavior: 'delete' })
  log.kv('lock', 'a', 'x', { Session: one })
  log.kv('set', 'b', 'x')
  log.apply('session-destroy', { ID: one })
  t.strictSame(getKey(log.store, 'a'), { index: 8, value: undefined })
  t.equal(log.store.tombstones.get('a')?.Index, 8)
  t.ok(getKey(log.store, 'b').value)
})

t.test('a key locked under an odd spelling of the id is freed as well', async (t) => {
  const log = prepared()
  const id = 'abcdefab-0000-4000-8000-000000000000'
  log.session(id)
  log.kv('lock', 'a', 'x', { Session: id.toUpperCase() })
  t.equal(getKey(log.store, 'a').value?.Session, id.toUpperCase())
  log.apply('session-destroy', { ID: id })
  t.equal(getKey(log.store, 'a').value?.Session, undefined)
})

t.test('the end of no session is no change', async (t) => {
  const log = prepared()
  log.session(one)
  log.apply('session-destroy', { ID: two })
  t.equal(listSessions(log.store).index, 5)
  t.strictSame(ids(log), [one])
})

t.test('a session ends with what it lives by', async (t) => {
  const ends: readonly (readonly [string, (log: Log) => void])[] = [
    ['its check turns critical', (log) => log.check('n1', 'c1', 'critical')],
    [
      'its check goes',
      (log) => log.txn({ Check: { Verb: 'delete', Check: { ...plainCheck, CheckID: 'C1' } } }),
    ],
    [
      'its node goes',
      (log) =>
        log.txn({
          Node: {
            Verb: 'delete',
            Node: {
              ID: '',
              Node: 'n1',
              Address: '',
              Datacenter: 'dc1',
              TaggedAddresses: null,
              Meta: null,
              CreateIndex: 0,
              ModifyIndex: 0,
            },
          },
        }),
    ],
  ]
  for (const [name, end] of ends) {
    const log = prepared()
    log.session(one, { NodeChecks: ['c1'] })
    log.session(two, { Node: 'n2', NodeChecks: ['c2'] })
    log.session(sessionId(3), { Node: 'n2', NodeChecks: null })
    end(log)
    t.strictSame(ids(log), [two, sessionId(3)], name)
  }
})

t.test('a session outlives what it does not live by', async (t) => {
  const log = prepared()
  log.session(one)
  log.check('n1', 'c1', 'critical')
  log.session(two, { Node: 'n2', NodeChecks: ['c2'] })
  log.check('n2', 'c2', 'warning')
  t.strictSame(ids(log), [one, two])
})

t.test('every way to name a check counts', async (t) => {
  for (const more of [
    { NodeChecks: ['C1'] },
    { Checks: ['c1'] },
    { ServiceChecks: [{ ID: 'c1', Namespace: '' }] },
    { NodeChecks: ['c1', 'c1'] },
  ]) {
    const log = prepared()
    log.session(one, more)
    t.strictSame(
      sessionsOfCheck(log.store, 'N1', 'c1').map(({ ID }) => ID),
      [one],
    )
    log.check('n1', 'c1', 'critical')
    t.strictSame(ids(log), [])
    t.strictSame(sessionsOfCheck(log.store, 'n1', 'c1'), [])
  }
})

t.test('listeners hear which keys a lost session holds back, once it is certain', async (t) => {
  const log = prepared()
  const heard: LockRelease[] = []
  const stop = log.store.onLockReleased((release) => {
    t.equal(log.store.sessions.size, 0, 'the session is gone by then')
    heard.push(release)
  })
  const lose = (LockDelay: number, ...keys: readonly string[]): void => {
    log.session(one, { LockDelay })
    for (const key of keys) log.kv('lock', key, 'x', { Session: one })
    log.apply('session-destroy', { ID: one })
  }
  lose(15_000_000_000, 'a', 'b')
  lose(90_000_000_000, 'c')
  lose(1_500_000, 'd')
  t.strictSame(heard, [
    { keys: ['a', 'b'], delayMs: 15_000 },
    { keys: ['c'], delayMs: 60_000 },
    { keys: ['d'], delayMs: 1.5 },
  ])
  heard.length = 0
  lose(0, 'a')
  lose(-5_000_000_000, 'b')
  lose(15_000_000_000)
  t.strictSame(heard, [], 'no delay, or nothing held')
  log.session(one)
  log.kv('lock', 'a', 'x', { Session: one })
  log.kv('unlock', 'a', 'x', { Session: one })
  t.strictSame(heard, [], 'who gives a lock back holds nobody up')
  log.kv('lock', 'a', 'x', { Session: one })
  log.txn(
    { Session: { Verb: 'delete', Session: { ID: one } } },
    { KV: { Verb: 'get', Key: 'none', Flags: 0, Value: new Uint8Array(0) } },
  )
  t.strictSame(heard, [], 'a transaction that failed released nothing')
  stop()
  log.apply('session-destroy', { ID: one })
  t.strictSame(heard, [], 'who stopped listening hears nothing')
})

t.test('who waits for a session wakes for it alone', async (t) => {
  const log = prepared()
  log.session(one)
  const watch = new WatchSet()
  getSession(log.store, one, watch)
  let wakes = 0
  log.store.watchers.once(watch.topics, () => (wakes += 1))
  log.session(two)
  t.equal(wakes, 0)
  log.apply('session-destroy', { ID: one })
  t.equal(wakes, 1)
})
