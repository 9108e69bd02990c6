import t from 'tap'

import type { TxnOp } from '../../../server/model/txn.ts'
import { Leader } from '../../support/leader.ts'
import { plainCheck, sessionId } from '../../support/log.ts'

const kv = (Verb: string, Key: string, Session?: string): TxnOp => ({
  KV: {
    Verb,
    Key,
    Flags: 0,
    Value: new Uint8Array(0),
    ...(Session === undefined ? {} : { Session }),
  },
})

const node = (Verb: string, name: string, ID = ''): TxnOp => ({
  Node: {
    Verb,
    Node: {
      ID,
      Node: name,
      Address: '1.1.1.1',
      Datacenter: 'dc1',
      TaggedAddresses: null,
      Meta: null,
      CreateIndex: 0,
      ModifyIndex: 0,
    },
  },
})

const service = (Verb: string, ID: string, name: string, Address = ''): TxnOp => ({
  Service: {
    Verb,
    Node: 'n1',
    Service: {
      ID,
      Service: name,
      Tags: null,
      Address,
      Meta: null,
      Port: 0,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: {},
      Connect: {},
      CreateIndex: 0,
      ModifyIndex: 0,
    },
  },
})

t.test(
  'steps that are wrong whatever the state are told of alone, and nothing is tried',
  async (t) => {
    const leader = new Leader()
    leader.heldBack.add('held')
    const Ops = [
      node('set', ''),
      node('set', 'y', 'zz'),
      node('get', '', 'zz'),
      service('set', 'q', ''),
      service('bogus', 'q', ''),
      service('set', '', 'q', '0.0.0.0'),
      service('get', 'q', ''),
      kv('bogus', ''),
      kv('get', ''),
      kv('delete-tree', ''),
      kv('lock', 'held', sessionId(1)),
      kv('get', 'missing'),
    ]
    t.strictSame(await leader.write('Txn.Apply', { Ops }), {
      results: [],
      errors: [
        { OpIndex: 0, What: 'Must provide node' },
        { OpIndex: 1, What: 'Bad node ID: uuid string is wrong length' },
        { OpIndex: 3, What: 'Must provide service name with ID' },
        { OpIndex: 4, What: 'Must provide service name with ID' },
        { OpIndex: 5, What: 'Invalid service address' },
        { OpIndex: 7, What: 'Must provide key' },
        { OpIndex: 8, What: 'Must provide key' },
        { OpIndex: 10, What: 'failed to lock key "held" due to lock delay' },
      ],
    })
    t.strictSame(leader.proposed, [])
  },
)

t.test('services and checks without an id have their name for one', async (t) => {
  const leader = new Leader()
  const { results, errors } = await leader.write('Txn.Apply', {
    Ops: [
      node('set', 'n1'),
      service('set', '', 'web'),
      { Check: { Verb: 'set', Check: { ...plainCheck, CheckID: '', Name: 'Q2' } } },
      service('get', 'web', ''),
    ],
  })
  t.strictSame(errors, [])
  t.match(results, [
    { Node: { Node: 'n1' } },
    { Service: { ID: 'web', Service: 'web' } },
    { Check: { CheckID: 'Q2' } },
    { Service: { ID: 'web' } },
  ])
})

t.test('a transaction that only looks is a read', async (t) => {
  const leader = new Leader()
  const { log } = leader
  log.kv('set', 'k', 'v')
  const run = (...Ops: readonly TxnOp[]) => leader.read('Txn.Read', { Ops }).value
  t.match(run(kv('get', 'k')), { results: [{ KV: { Key: 'k', ModifyIndex: 1 } }], errors: [] })
  t.strictSame(run(kv('get', 'k'), kv('get', 'none')), {
    results: [],
    errors: [{ OpIndex: 1, What: 'key "none" doesn\'t exist' }],
  })
  t.strictSame(run(kv('get', 'none'), kv('get', '')), {
    results: [],
    errors: [{ OpIndex: 1, What: 'Must provide key' }],
  })
  t.equal(log.index, 1)
})
