import fc from 'fast-check'
import t from 'tap'

import { digestOf } from '../../../server/fsm/snapshot.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { getKey } from '../../../server/state/kv.ts'
import { bytes, Log, sessionId } from '../../support/log.ts'

const [one, two] = [sessionId(1), sessionId(2)]

/** Two sessions, and the lock `l` that the first took at index 4. */
function prepared(): Log {
  const log = new Log()
  log.node('n1')
  log.session(one)
  log.session(two)
  log.kv('lock', 'l', '', { Session: one })
  return log
}

const lock = (log: Log, session: string): boolean => log.kv('lock', 'l', '', { Session: session })
const free = (log: Log, session: string): boolean => log.kv('unlock', 'l', '', { Session: session })

function write(log: Log, Index: number, Key = 'l'): string {
  try {
    log.apply('kv', {
      Op: 'set',
      DirEnt: { Key: 'data', Flags: 0, Value: bytes(String(log.index)) },
      Fences: [{ Key, Index }],
    })
    return 'done'
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    return `${error.status} ${error.message}`
  }
}

const unheld = '409 Write refused by its fence: the lock "l" is not held'
const anew = (at: number, index = 4): string =>
  `409 Write refused by its fence: the lock "l" was taken anew at index ${at}, which is after ${index}`

const cases: readonly [string, (log: Log) => void, string][] = [
  ['the holder writes', () => {}, 'done'],
  ['the holder wrote its own key meanwhile', (log) => void log.kv('set', 'l', 'mine'), 'done'],
  [
    'somebody wrote the lock and its LockIndex begins anew',
    (log) => void log.kv('set', 'l'),
    'done',
  ],
  [
    'the holder locked what it holds',
    (log) => void log.kv('lock', 'l', 'v', { Session: one }),
    'done',
  ],
  ['the other tried to lock', (log) => void lock(log, two), 'done'],
  ['the lock was given up', (log) => void free(log, one), unheld],
  ['the session ended', (log) => void log.apply('session-destroy', { ID: one }), unheld],
  ['the lock was deleted', (log) => void log.kv('delete', 'l'), unheld],
  ['the tree of the lock was deleted', (log) => void log.kv('delete-tree', ''), unheld],
  [
    'the lock was deleted and written anew',
    (log) => {
      log.kv('delete', 'l')
      log.kv('set', 'l', '')
    },
    unheld,
  ],
  [
    'the other holds it',
    (log) => {
      free(log, one)
      lock(log, two)
    },
    anew(6),
  ],
  [
    'the other holds it, and the LockIndex is again what it was',
    (log) => {
      free(log, one)
      log.kv('set', 'l', '')
      lock(log, two)
    },
    anew(7),
  ],
  [
    'the same session holds it again, and LockIndex and session are again what they were',
    (log) => {
      log.kv('delete', 'l')
      lock(log, one)
    },
    anew(6),
  ],
]

for (const [name, between, result] of cases)
  t.test(`a fence when ${name}`, async (t) => {
    const log = prepared()
    between(log)
    t.equal(write(log, 4), result)
  })

t.test('a fence may be any index at which the holder read its lock, and no older', async (t) => {
  const log = prepared()
  t.equal(write(log, 9), 'done')
  t.equal(write(log, 3), anew(4, 3))
  t.equal(write(log, 4, 'other'), '409 Write refused by its fence: the lock "other" is not held')
})

t.test('a refused write leaves nothing behind', async (t) => {
  const log = prepared()
  const before = digestOf(log.store)
  write(log, 1)
  t.equal(digestOf(log.store), before)
})

t.test('every fence of a write must hold', async (t) => {
  const log = prepared()
  log.kv('lock', 'm', '', { Session: one })
  const deleteBoth = (m: number): boolean =>
    log.apply('kv', {
      Op: 'delete-tree',
      DirEnt: { Key: 'data', Flags: 0, Value: bytes('') },
      Fences: [
        { Key: 'l', Index: 4 },
        { Key: 'm', Index: m },
      ],
    })
  t.equal(deleteBoth(5), true)
  t.throws(() => deleteBoth(4), /the lock "m" was taken anew at index 5/)
})

t.test('a transaction is refused step by step', async (t) => {
  const log = prepared()
  const step = { KV: { Verb: 'set', Key: 'data', Flags: 0, Value: bytes('v') } }
  const fenced = (Index: number): unknown =>
    log.apply('txn', { Ops: [step, step], Fences: [{ Key: 'l', Index }] })
  t.match(fenced(4), { errors: [] })
  const What = anew(4, 3).slice(4)
  t.strictSame(fenced(3), {
    results: [],
    errors: [
      { OpIndex: 0, What },
      { OpIndex: 1, What },
    ],
  })
})

/** Everything that touches a lock, by two clients of which each looks at the lock now and then. */
const steps = fc.array(
  fc.constantFrom(
    'lock 1',
    'lock 2',
    'unlock 1',
    'unlock 2',
    'look 1',
    'look 2',
    'end 1',
    'end 2',
    'set',
    'cas',
    'delete',
    'delete-cas',
    'delete-tree',
  ),
  { minLength: 1, maxLength: 40 },
)

t.test('no write with an older index is done once the lock was taken anew', async () => {
  fc.assert(
    fc.property(steps, fc.constantFrom('release', 'delete'), (names, Behavior) => {
      const log = new Log()
      log.node('n1')
      const session = (id: string): void => void log.session(id, { Behavior })
      session(one)
      session(two)
      const entry = () => getKey(log.store, 'l').value
      const tokens: { readonly by: string; readonly index: number }[] = []
      let takenAt = 0
      for (const name of names) {
        const [verb = '', who] = name.split(' ')
        const id = who === '1' ? one : two
        const ModifyIndex = entry()?.ModifyIndex ?? 0
        if (verb === 'lock') {
          const wasFree = entry()?.Session === undefined
          if (lock(log, id) && wasFree) takenAt = log.index
        } else if (verb === 'unlock') free(log, id)
        else if (verb === 'end') {
          log.apply('session-destroy', { ID: id })
          session(id)
        } else if (verb === 'look') {
          if (entry()?.Session === id) tokens.push({ by: id, index: ModifyIndex })
        } else
          log.kv(verb as 'set', verb === 'delete-tree' ? '' : 'l', String(log.index), {
            ModifyIndex,
          })
        const holder = entry()?.Session
        for (const { by, index } of tokens) {
          const isOfThisHolding = holder === by && index >= takenAt
          if ((write(log, index) === 'done') !== isOfThisHolding) return false
        }
      }
      return true
    }),
    { verbose: true, numRuns: 300 },
  )
})
