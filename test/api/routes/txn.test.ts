import t from 'tap'

import type { TxnReply } from '../../../server/model/txn.ts'
import { fakeRpc } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

const answer: TxnReply = { results: [], errors: [] }

t.test('a fence goes with a transaction, and makes a write of one that only looks', async (t) => {
  const rpc = fakeRpc({ 'Txn.Apply': () => answer, 'Txn.Read': () => answer })
  const { ask } = await serve(t, { rpc })
  const look = '[{"KV":{"Verb":"get","Key":"a"}}]'
  const cases: readonly [string, string, object][] = [
    ['/v1/txn', 'Txn.Read', {}],
    ['/v1/txn?fence=l:7', 'Txn.Apply', { Fences: [{ Key: 'l', Index: 7 }] }],
  ]
  for (const [target, method, args] of cases) {
    t.match(await ask('PUT', target, { body: look }), { status: 200 }, target)
    t.match(rpc.asked.at(-1), { method, args }, target)
  }
  t.match(await ask('PUT', '/v1/txn?fence=l', { body: look }), {
    status: 400,
    body: /^Invalid fence "l"/,
  })
})

t.test('what a fence refused is a conflict', async (t) => {
  const errors = [{ OpIndex: 0, What: 'Write refused by its fence: the lock "l" is not held' }]
  const rpc = fakeRpc({ 'Txn.Apply': (): TxnReply => ({ results: [], errors }) })
  const { ask } = await serve(t, { rpc })
  const { status, body } = await ask('PUT', '/v1/txn?fence=l:7', {
    body: '[{"KV":{"Verb":"delete","Key":"a"}}]',
  })
  t.equal(status, 409)
  t.strictSame(JSON.parse(body), { Results: null, Errors: errors })
})
