import fc from 'fast-check'
import t from 'tap'

import type { KvEntry, KvWriteVerb } from '../../../server/model/kv.ts'
import { getKey, listKeyNames, listKeys } from '../../../server/state/kv.ts'
import { WatchSet } from '../../../server/state/watch.ts'
import { bytes, Log, sessionId } from '../../support/log.ts'

const [one, two] = [sessionId(1), sessionId(2)]

/** A log with the key `k` at index 4, and two sessions. */
function prepared(): Log {
  const log = new Log()
  log.node('n1')
  log.session(one)
  log.session(two)
  log.kv('set', 'k', 'v')
  return log
}

const entry = (log: Log, key = 'k'): KvEntry | undefined => getKey(log.store, key).value

interface Rule {
  readonly name: string
  readonly before?: (log: Log) => void
  readonly run: (log: Log) => boolean
  readonly result: boolean
  /** What the key `k` is afterwards; false: gone; absent: as it was. */
  readonly after?: { readonly [Field in keyof KvEntry]?: KvEntry[Field] | undefined } | false
}

const lockedByOne = (log: Log): void => void log.kv('lock', 'k', 'v', { Session: one })

const rules: readonly Rule[] = [
  {
    name: 'the same value again changes nothing',
    run: (log) => log.kv('set', 'k', 'v'),
    result: true,
  },
  {
    name: 'another value is a change',
    run: (log) => log.kv('set', 'k', 'w'),
    result: true,
    after: { Value: bytes('w'), CreateIndex: 4, ModifyIndex: 5 },
  },
  {
    name: 'the same value with other flags is a change',
    run: (log) => log.kv('set', 'k', 'v', { Flags: 18446744073709551615n }),
    result: true,
    after: { Flags: 18446744073709551615n, ModifyIndex: 5 },
  },
  {
    name: 'flags are not kept',
    before: (log) => void log.kv('set', 'k', 'v', { Flags: 7 }),
    run: (log) => log.kv('set', 'k', 'v'),
    result: true,
    after: { Flags: 0, ModifyIndex: 6 },
  },
  {
    name: 'cas 0 creates only',
    run: (log) => log.kv('cas', 'k', 'w', { ModifyIndex: 0 }),
    result: false,
  },
  {
    name: 'cas with the right index sets',
    run: (log) => log.kv('cas', 'k', 'w', { ModifyIndex: 4 }),
    result: true,
    after: { Value: bytes('w'), ModifyIndex: 5 },
  },
  {
    name: 'cas with another index does not',
    run: (log) => log.kv('cas', 'k', 'w', { ModifyIndex: 3 }),
    result: false,
  },
  {
    name: 'cas with an index beyond all numbers does not',
    run: (log) => log.kv('cas', 'k', 'w', { ModifyIndex: 2 ** 64 }),
    result: false,
  },
  {
    name: 'cas with an index does not create',
    run: (log) => log.kv('cas', 'missing', 'w', { ModifyIndex: 7 }),
    result: false,
  },
  {
    name: 'delete-cas 0 does not delete',
    run: (log) => log.kv('delete-cas', 'k', '', { ModifyIndex: 0 }),
    result: false,
  },
  {
    name: 'delete-cas with the right index deletes',
    run: (log) => log.kv('delete-cas', 'k', '', { ModifyIndex: 4 }),
    result: true,
    after: false,
  },
  {
    name: 'delete-cas of a missing key is well, whatever the index',
    run: (log) => log.kv('delete-cas', 'missing', '', { ModifyIndex: 7 }),
    result: true,
  },
  {
    name: 'a lock writes the value, the holder and the count',
    run: (log) => log.kv('lock', 'k', 'w', { Session: one }),
    result: true,
    after: { Value: bytes('w'), Session: one, LockIndex: 1, ModifyIndex: 5 },
  },
  {
    name: 'a lock creates the key',
    before: (log) => void log.kv('delete', 'k'),
    run: (log) => log.kv('lock', 'k', 'w', { Session: one }),
    result: true,
    after: { Session: one, LockIndex: 1, CreateIndex: 6, ModifyIndex: 6 },
  },
  {
    name: 'the holder locks again without counting',
    before: lockedByOne,
    run: (log) => log.kv('lock', 'k', 'w', { Session: one }),
    result: true,
    after: { Value: bytes('w'), LockIndex: 1, ModifyIndex: 6 },
  },
  {
    name: 'the holder locks again with the same value and nothing changes',
    before: lockedByOne,
    run: (log) => log.kv('lock', 'k', 'v', { Session: one }),
    result: true,
  },
  {
    name: 'another may not lock what is held',
    before: lockedByOne,
    run: (log) => log.kv('lock', 'k', 'w', { Session: two }),
    result: false,
  },
  {
    name: 'the holder unlocks: the value is written, the count kept',
    before: lockedByOne,
    run: (log) => log.kv('unlock', 'k', 'w', { Session: one }),
    result: true,
    after: { Value: bytes('w'), Session: undefined, LockIndex: 1, ModifyIndex: 6 },
  },
  {
    name: 'another may not unlock',
    before: lockedByOne,
    run: (log) => log.kv('unlock', 'k', 'w', { Session: two }),
    result: false,
  },
  {
    name: 'what is no session unlocks nothing',
    before: lockedByOne,
    run: (log) => log.kv('unlock', 'k', 'w', { Session: 'malformed' }),
    result: false,
  },
  {
    name: 'a key that nobody holds is not unlocked',
    run: (log) => log.kv('unlock', 'k', 'w', { Session: one }),
    result: false,
  },
  {
    name: 'a missing key is not unlocked',
    run: (log) => log.kv('unlock', 'missing', 'w', { Session: one }),
    result: false,
  },
  {
    name: 'a plain write to a locked key keeps the holder and begins the count anew',
    before: lockedByOne,
    run: (log) => log.kv('set', 'k', 'w'),
    result: true,
    after: { Value: bytes('w'), Session: one, LockIndex: 0, ModifyIndex: 6 },
  },
  {
    name: 'a plain delete of a locked key works',
    before: lockedByOne,
    run: (log) => log.kv('delete', 'k'),
    result: true,
    after: false,
  },
  {
    name: 'the second lock counts on',
    before(log) {
      lockedByOne(log)
      log.kv('unlock', 'k', 'v', { Session: one })
    },
    run: (log) => log.kv('lock', 'k', 'v', { Session: two }),
    result: true,
    after: { Session: two, LockIndex: 2, ModifyIndex: 7 },
  },
  {
    name: 'a delete of a missing key is no change',
    run: (log) => log.kv('delete', 'x'),
    result: true,
  },
]

t.test('writes go by the rules', async (t) => {
  for (const { name, before, run, result, after } of rules) {
    const log = prepared()
    before?.(log)
    const [was, index] = [entry(log), listKeys(log.store, '').index]
    t.equal(run(log), result, name)
    if (after === false) t.equal(entry(log), undefined, `${name}: gone`)
    else if (after) t.match(entry(log), after, `${name}: changed`)
    else {
      t.strictSame(entry(log), was, `${name}: as it was`)
      t.equal(listKeys(log.store, '').index, index, `${name}: no index moved`)
    }
  }
})

t.test('an unlocked key prints no session', async (t) => {
  const log = prepared()
  lockedByOne(log)
  log.kv('unlock', 'k', 'v', { Session: one })
  t.notOk('Session' in (entry(log) ?? {}))
})

t.test('what can be no session is refused in these words', async (t) => {
  const refusals: readonly (readonly [KvWriteVerb, string, string])[] = [
    ['lock', '', 'missing session'],
    ['unlock', '', 'missing session'],
    ['lock', 'malformed', 'failed session lookup: index error: UUID must be 36 characters'],
    ['lock', sessionId(9), `invalid session "${sessionId(9)}"`],
    [
      'lock',
      'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz',
      "failed session lookup: index error: Invalid UUID: encoding/hex: invalid byte: U+007A 'z'",
    ],
    [
      'lock',
      '-'.repeat(36),
      'failed session lookup: index error: UUID should have maximum of 4 "-"; got 36',
    ],
    [
      'lock',
      'aaaaaaa-aaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      'failed session lookup: index error: Input (without hyphens) must be even length',
    ],
  ]
  for (const [verb, Session, message] of refusals) {
    const log = prepared()
    t.throws(() => log.kv(verb, 'k', 'w', { Session }), { kind: 'failed', message }, message)
    t.equal(entry(log)?.ModifyIndex, 4)
  }
})

t.test('an answer stands at this index', async (t) => {
  const log = new Log()
  t.equal(getKey(log.store, 'a').index, 0, 'nothing was ever written')
  t.strictSame(listKeys(log.store, ''), { index: 0, value: [] })
  log.kv('set', 'a/1', 'x')
  log.kv('set', 'a/2', 'x')
  log.kv('set', 'b/1', 'x')
  t.equal(getKey(log.store, 'a/1').index, 1, 'a key: its own')
  t.equal(getKey(log.store, 'none').index, 3, 'a missing key: the newest write of all')
  t.equal(listKeys(log.store, 'a/').index, 2, 'a prefix: its newest')
  t.equal(listKeys(log.store, 'none/').index, 3, 'an empty prefix: the newest write of all')
  log.kv('delete', 'a/2')
  t.equal(listKeys(log.store, 'a/').index, 4, 'a prefix with a tombstone: not below it')
  t.equal(getKey(log.store, 'a/2').index, 4)
  log.kv('set', 'b/2', 'x')
  t.equal(listKeys(log.store, 'a/').index, 4, 'writes elsewhere do not move a prefix')
  log.kv('delete-tree', 'a')
  t.equal(listKeys(log.store, 'a/').index, 6, 'a tree that went takes all its prefixes along')
  t.equal(listKeys(log.store, 'a').index, 6)
  t.equal(log.store.tombstones.size, 1, 'one tombstone stands for the tree and those before it')
  log.kv('set', 'b/3', 'x')
  t.equal(listKeys(log.store, '').index, 7, 'everything: the newest write of all')
  log.kv('delete-tree', '')
  t.equal(listKeys(log.store, '').index, 8)
  t.equal(listKeys(log.store, 'b/').index, 8)
})

t.test('reaping forgets tombstones up to an index, oldest first', async (t) => {
  const log = new Log()
  for (const key of ['a', 'b', 'c']) log.kv('set', key, 'x')
  log.kv('delete', 'c')
  log.kv('delete', 'b')
  log.kv('set', 'b', 'y')
  log.kv('delete', 'a')
  t.equal(log.apply('tombstone-reap', { throughIndex: 5, rowsMax: 1 }), 1)
  t.strictSame(
    Array.from(log.store.tombstones.all(), ({ Key }) => Key),
    ['a', 'b'],
  )
  t.equal(log.apply('tombstone-reap', { throughIndex: 5, rowsMax: 10 }), 1)
  t.equal(log.apply('tombstone-reap', { throughIndex: 5, rowsMax: 10 }), 0, 'newer ones stay')
  t.strictSame(
    Array.from(log.store.tombstones.all(), ({ Key }) => Key),
    ['a'],
  )
})

t.test('key names are cut after the separator, each once', async (t) => {
  const log = new Log()
  for (const key of ['web/a/x', 'web/a/y', 'web/b', 'web/', 'web/c/', 'webby']) log.kv('set', key)
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['web/', '/', ['web/', 'web/a/', 'web/b', 'web/c/']],
    ['web', '/', ['web/', 'webby']],
    ['', '/', ['web/', 'webby']],
    ['web/a', '', ['web/a/x', 'web/a/y']],
    ['web/', '/a/', ['web/', 'web/a/x', 'web/a/y', 'web/b', 'web/c/']],
    ['none', '/', []],
  ]
  for (const [prefix, separator, names] of cases)
    t.strictSame(listKeyNames(log.store, prefix, separator).value, names, `${prefix} ${separator}`)
})

t.test('keys are in the order of their bytes', async (t) => {
  const log = new Log()
  // U+FF5E is one UTF-16 unit above the surrogates of U+1F600, and its bytes are below.
  const keys = ['\uff5e', '\u{1f600}', 'z', 'Z', 'é', 'a\u0000b', 'a']
  for (const key of keys) log.kv('set', key)
  t.strictSame(
    listKeys(log.store, '').value.map(({ Key }) => Key),
    keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  )
  t.strictSame(
    listKeys(log.store, 'a').value.map(({ Key }) => Key),
    ['a', 'a\u0000b'],
  )
})

t.test('a waiter wakes for what it asked about and nothing else', async (t) => {
  const log = prepared()
  const woken = (read: (watch: WatchSet) => unknown, write: () => unknown): boolean => {
    const watch = new WatchSet()
    read(watch)
    let isWoken = false
    const cancel = log.store.watchers.once(watch.topics, () => (isWoken = true))
    write()
    if (!isWoken) cancel()
    return isWoken
  }
  const key = (name: string) => (watch: WatchSet) => getKey(log.store, name, watch)
  const prefix = (name: string) => (watch: WatchSet) => listKeys(log.store, name, watch)
  t.ok(woken(key('k'), () => log.kv('set', 'k', '2')))
  t.notOk(
    woken(key('k'), () => log.kv('set', 'k', '2')),
    'a write of the same',
  )
  t.notOk(woken(key('k'), () => log.kv('set', 'kk', '2')))
  t.ok(woken(key('new'), () => log.kv('set', 'new', '2')))
  t.notOk(
    woken(key('none'), () => log.kv('set', 'other', '2')),
    'a missing key sleeps',
  )
  t.ok(woken(key('k'), () => log.kv('delete-tree', 'k')))
  t.ok(woken(prefix('a/'), () => log.kv('set', 'a/1', '2')))
  t.notOk(woken(prefix('a/'), () => log.kv('set', 'b/1', '2')))
  t.ok(woken(prefix('a/'), () => log.kv('delete', 'a/1')))
  t.notOk(woken(prefix('a/'), () => log.kv('delete', 'a/1')))
  t.ok(woken(prefix(''), () => log.kv('set', 'z', '2')))
})

/** Few keys and values, so that the writes meet. */
const someKey = fc.constantFrom('', 'a', 'a/b', 'a/b/c', 'ab', 'b', 'é')
const someWrite = fc.record({
  verb: fc.constantFrom<KvWriteVerb>(
    'set',
    'cas',
    'delete',
    'delete-cas',
    'delete-tree',
    'lock',
    'unlock',
  ),
  key: someKey,
  value: fc.constantFrom('', 'x', 'y'),
  index: fc.nat(12),
  session: fc.constantFrom(one, two),
})

t.test('whatever is written, no list ever stands lower than before', async () => {
  fc.assert(
    fc.property(fc.array(someWrite, { maxLength: 40 }), (writes) => {
      const log = prepared()
      const prefixes = ['', 'a', 'a/', 'a/b', 'b', 'none']
      let indexes = prefixes.map(() => 0)
      for (const { verb, key, value, index, session } of writes) {
        const before = prefixes.map((prefix) => listKeys(log.store, prefix).value)
        log.kv(verb, key, value, { ModifyIndex: index, Session: session })
        const lists = prefixes.map((prefix) => listKeys(log.store, prefix))
        for (const [at, list] of lists.entries()) {
          if (list.index < (indexes[at] ?? 0)) return false
          const changed = JSON.stringify(before[at]) !== JSON.stringify(list.value)
          // A change must be seen by who waits above the index that stood before.
          if (changed && list.index <= (indexes[at] ?? 0) && indexes[at] !== 0) return false
        }
        indexes = lists.map(({ index: now }) => now)
      }
      return true
    }),
  )
})

t.test(
  'whatever is written, a lock has one holder and its count never falls but by a plain write',
  async () => {
    fc.assert(
      fc.property(fc.array(someWrite, { maxLength: 40 }), (writes) => {
        const log = prepared()
        for (const { verb, key, value, index, session } of writes) {
          const was = entry(log, key)
          const done = log.kv(verb, key, value, { ModifyIndex: index, Session: session })
          const is = entry(log, key)
          if (verb === 'lock' && done !== (was?.Session === undefined || was.Session === session))
            return false
          if (verb === 'lock' && done && is?.Session !== session) return false
          if (verb === 'unlock' && done !== (was?.Session === session)) return false
          if (
            verb === 'unlock' &&
            done &&
            (is?.Session !== undefined || is?.LockIndex !== was?.LockIndex)
          )
            return false
          if ((verb === 'set' || verb === 'cas') && was && is && is.Session !== was.Session)
            return false
        }
        return true
      }),
    )
  },
)
