import t from 'tap'

import { digestOf } from '../../../server/fsm/snapshot.ts'
import { readTxn } from '../../../server/fsm/txn.ts'
import type { HealthCheck } from '../../../server/model/check.ts'
import type { Node } from '../../../server/model/node.ts'
import type { Service } from '../../../server/model/service.ts'
import type { TxnOp } from '../../../server/model/txn.ts'
import { getKey } from '../../../server/state/kv.ts'
import { bytes, Log, plainCheck, sessionId } from '../../support/log.ts'

const [one, two] = [sessionId(1), sessionId(2)]

/** Node xn with service web1 and check c1; keys t/a (index 6), t/b, and l, which session one holds. */
function prepared(): Log {
  const log = new Log()
  log.node('xn')
  log.txn(service('set', { ID: 'web1', Service: 'web' }))
  log.check('xn', 'c1')
  log.session(one, { Node: 'xn' })
  log.session(two, { Node: 'xn' })
  log.kv('set', 't/a', 'A')
  log.kv('set', 't/b', 'B')
  log.kv('lock', 'l', 'L', { Session: one })
  return log
}

function kv(Verb: string, Key: string, more: object = {}): TxnOp {
  return { KV: { Verb, Key, Flags: 0, Value: new Uint8Array(0), ...more } }
}

function node(Verb: string, more: Partial<Node> = {}): TxnOp {
  const plain = {
    ID: '',
    Node: 'xn',
    Address: '10.0.0.1',
    Datacenter: 'dc1',
    TaggedAddresses: null,
    Meta: null,
    CreateIndex: 0,
    ModifyIndex: 0,
  }
  return { Node: { Verb, Node: { ...plain, ...more } } }
}

function service(Verb: string, more: Partial<Service> = {}, onNode = 'xn'): TxnOp {
  const plain = {
    ID: 'web1',
    Service: 'web',
    Tags: null,
    Address: '',
    Meta: null,
    Port: 0,
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    Proxy: {},
    Connect: {},
    CreateIndex: 0,
    ModifyIndex: 0,
  }
  return { Service: { Verb, Node: onNode, Service: { ...plain, ...more } } }
}

function check(Verb: string, more: Partial<HealthCheck> = {}): TxnOp {
  return { Check: { Verb, Check: { ...plainCheck, Node: 'xn', ...more } } }
}

const refusals: readonly (readonly [TxnOp, string])[] = [
  [kv('bogus', 'k'), 'unknown KV verb "bogus"'],
  [kv('constructor', 'k'), 'unknown KV verb "constructor"'],
  [kv('get', 'no"key'), 'key "no\\"key" doesn\'t exist'],
  [
    kv('check-index', 't/a', { ModifyIndex: 1 }),
    'failed index check for key "t/a", current modify index 6 != 1',
  ],
  [
    kv('check-index', 'none', { ModifyIndex: 1 }),
    'failed to check index, key "none" doesn\'t exist',
  ],
  [
    kv('check-session', 't/a', { Session: one }),
    `failed session check for key "t/a", current session "" != "${one}"`,
  ],
  [
    kv('check-session', 'l', { Session: two }),
    `failed session check for key "l", current session "${one}" != "${two}"`,
  ],
  [
    kv('check-session', 'none', { Session: one }),
    'failed to check session, key "none" doesn\'t exist',
  ],
  [kv('check-not-exists', 't/a'), 'key "t/a" exists'],
  [kv('cas', 't/a', { ModifyIndex: 1 }), 'failed to set key "t/a", index is stale'],
  [kv('cas', 't/a'), 'failed to set key "t/a", index is stale'],
  [kv('delete-cas', 't/a', { ModifyIndex: 1 }), 'failed to delete key "t/a", index is stale'],
  [kv('lock', 't/a'), 'missing session'],
  [kv('lock', 't/a', { Session: sessionId(9) }), `invalid session "${sessionId(9)}"`],
  [
    kv('lock', 't/a', { Session: 'x' }),
    'failed session lookup: index error: UUID must be 36 characters',
  ],
  [kv('lock', 'l', { Session: two }), 'failed to lock key "l", lock is already held'],
  [kv('unlock', 'l'), 'missing session'],
  [
    kv('unlock', 'l', { Session: two }),
    'failed to unlock key "l", lock isn\'t held, or is held by another session',
  ],
  [
    kv('unlock', 'none', { Session: 'x' }),
    'failed to unlock key "none", lock isn\'t held, or is held by another session',
  ],
  [node('bogus'), 'unknown Node verb "bogus"'],
  [node('get', { Node: 'nonode' }), 'node "nonode" doesn\'t exist'],
  [
    node('get', { ID: 'zz' }),
    "node lookup by ID failed, wrong UUID: uuid string is wrong length for 'zz'",
  ],
  [node('get', { ID: sessionId(7) }), 'node "xn" doesn\'t exist'],
  [node('cas', { ModifyIndex: 7 }), 'failed to set node "xn", index is stale'],
  [node('cas'), 'failed to set node "xn", index is stale'],
  [node('delete-cas', { ModifyIndex: 7 }), 'failed to delete node "xn", index is stale'],
  [node('delete-cas', { Node: 'nonode' }), 'failed to delete node "nonode", index is stale'],
  [service('bogus'), 'unknown Service verb "bogus"'],
  [service('get', { ID: 'none' }), 'service "none" on node "xn" doesn\'t exist'],
  [service('get', {}, 'nonode'), 'service "web1" on node "nonode" doesn\'t exist'],
  [service('set', {}, 'nonode'), 'Missing node registration'],
  [service('cas', { ModifyIndex: 7 }), 'failed to set service "web1" on node "xn", index is stale'],
  [
    service('delete-cas', { ModifyIndex: 7 }),
    'failed to delete service "web1" on node "xn", index is stale',
  ],
  [
    service('delete-cas', { ID: 'none' }),
    'failed to delete service "none" on node "xn", index is stale',
  ],
  [check('bogus'), 'unknown Check verb "bogus"'],
  [check('get', { CheckID: 'none' }), 'check "none" on node "xn" doesn\'t exist'],
  [check('set', { Node: 'nonode' }), 'Missing node registration'],
  [check('cas', { ModifyIndex: 7 }), 'failed to set check "c1" on node "xn", index is stale'],
  [
    check('delete-cas', { ModifyIndex: 7 }),
    'failed to delete check "c1" on node "xn", index is stale',
  ],
  [
    check('delete-cas', { CheckID: 'none' }),
    'failed to delete check "none" on node "xn", index is stale',
  ],
  [{ Session: { Verb: 'get', Session: { ID: one } } }, 'unknown Session verb "get"'],
]

t.test('each step that can not be carried out says why', async (t) => {
  for (const [op, What] of refusals) {
    const log = prepared()
    const before = digestOf(log.store)
    t.strictSame(log.txn(op), { results: [], errors: [{ OpIndex: 0, What }] }, What)
    t.equal(digestOf(log.store), before, `${What}: nothing changed`)
  }
})

t.test('every step that fails is told of, in order, and nothing is done', async (t) => {
  const log = prepared()
  const before = digestOf(log.store)
  const { results, errors } = log.txn(
    kv('set', 'new', { Value: bytes('x') }),
    ...refusals.map(([op]) => op),
    kv('delete-tree', 't/'),
    node('delete'),
  )
  t.strictSame(results, [])
  t.strictSame(
    errors,
    refusals.map(([, What], at) => ({ OpIndex: at + 1, What })),
  )
  t.equal(digestOf(log.store), before)
})

t.test('steps see what those before them did', async (t) => {
  const log = prepared()
  const { results, errors } = log.txn(
    kv('set', 'n', { Value: bytes('x'), Flags: 5 }),
    kv('get', 'n'),
    kv('check-index', 'n', { ModifyIndex: 9 }),
    kv('lock', 'n', { Value: bytes('y'), Session: two }),
    kv('check-session', 'n', { Session: two }),
    kv('unlock', 'n', { Value: bytes('z'), Session: two }),
    kv('get-tree', 't/'),
    kv('delete-tree', 't/'),
    kv('get-tree', 't/'),
    kv('check-not-exists', 't/a'),
    kv('delete', 'n'),
    kv('delete-cas', 'n', { ModifyIndex: 3 }),
    kv('cas', 'n', { Value: bytes('w') }),
  )
  t.strictSame(errors, [])
  const empty = { Value: new Uint8Array(0), omitValue: true }
  const made = { CreateIndex: 9, ModifyIndex: 9 }
  t.same(
    results.map((result) => ('KV' in result ? result.KV : result)),
    [
      { LockIndex: 0, Key: 'n', Flags: 5, ...made, ...empty },
      { LockIndex: 0, Key: 'n', Flags: 5, Value: bytes('x'), ...made },
      { LockIndex: 0, Key: 'n', Flags: 5, ...made, ...empty },
      { LockIndex: 1, Key: 'n', Flags: 0, Session: two, LockedAt: 9, ...made, ...empty },
      { LockIndex: 1, Key: 'n', Flags: 0, Session: two, LockedAt: 9, ...made, ...empty },
      { LockIndex: 1, Key: 'n', Flags: 0, ...made, ...empty },
      { LockIndex: 0, Key: 't/a', Flags: 0, Value: bytes('A'), CreateIndex: 6, ModifyIndex: 6 },
      { LockIndex: 0, Key: 't/b', Flags: 0, Value: bytes('B'), CreateIndex: 7, ModifyIndex: 7 },
      { LockIndex: 0, Key: 'n', Flags: 0, ...made, ...empty },
    ],
  )
  t.match(getKey(log.store, 'n'), { index: 9, value: { Value: bytes('w'), CreateIndex: 9 } })
})

t.test('catalog steps give the rows they wrote and read', async (t) => {
  const log = new Log()
  const { results, errors } = log.txn(
    node('cas'),
    service('cas'),
    check('cas'),
    node('get', { Node: 'XN' }),
    service('get'),
    check('get'),
    check('delete'),
    service('delete'),
    node('delete'),
    node('delete'),
    service('delete'),
    check('delete'),
  )
  t.strictSame(errors, [])
  const kinds = results.map((result) => Object.keys(result)[0])
  t.strictSame(kinds, ['Node', 'Service', 'Check', 'Node', 'Service', 'Check'])
  t.strictSame(results.slice(0, 3), results.slice(3))
  t.match(results, [
    { Node: { Node: 'xn', Address: '10.0.0.1', CreateIndex: 1, ModifyIndex: 1 } },
    { Service: { ID: 'web1', Service: 'web', CreateIndex: 1, ModifyIndex: 1 } },
    { Check: { Node: 'xn', CheckID: 'c1', ServiceTags: null, CreateIndex: 1, ModifyIndex: 1 } },
  ])
  t.equal(log.store.nodes.size + log.store.services.size + log.store.checks.size, 0)
})

t.test('a transaction of nothing is done', async (t) => {
  t.strictSame(new Log().txn(), { results: [], errors: [] })
})

t.test('a transaction that only looks needs no entry', async (t) => {
  const log = prepared()
  t.match(readTxn(log.store, [kv('get', 't/a'), kv('get', 'none')]), {
    results: [],
    errors: [{ OpIndex: 1, What: 'key "none" doesn\'t exist' }],
  })
  t.match(readTxn(log.store, [kv('get', 't/a'), node('get')]), {
    results: [{ KV: { Value: bytes('A') } }, { Node: { Node: 'xn' } }],
    errors: [],
  })
  t.throws(() => readTxn(log.store, [kv('set', 'x')]), { name: 'AssertionFailed' })
})

t.test('who waits is not woken by what was taken back', async (t) => {
  const log = prepared()
  let wakes = 0
  log.store.watchers.once([{ name: 'kvs', prefix: true }], () => (wakes += 1))
  log.txn(kv('set', 'n'), kv('get', 'none'))
  t.equal(wakes, 0)
  log.txn(kv('set', 'n'))
  t.equal(wakes, 1)
})
