import { gunzipSync } from 'node:zlib'

import t from 'tap'

import { fakeRpc } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

t.test('rows that the server hands out again are encoded once, in every form', async (t) => {
  let encoded = 0
  const rows = [
    {
      get Node() {
        encoded += 1
        return { Node: 'n1' }
      },
      Service: { ID: 'web', Tags: null },
      Checks: [{ CheckID: 'c', ServiceTags: null }],
    },
  ]
  const { ask } = await serve(t, { rpc: fakeRpc({ 'Health.ServiceNodes': () => rows }) })
  const compact =
    '[{"Node":{"Node":"n1"},"Service":{"ID":"web","Tags":[]},"Checks":[{"CheckID":"c","ServiceTags":[]}]}]'
  for (let round = 0; round < 3; round += 1) {
    t.equal((await ask('GET', '/v1/health/service/web')).body, compact)
    const zipped = await ask('GET', '/v1/health/service/web', {
      headers: { 'Accept-Encoding': 'gzip' },
    })
    t.equal(gunzipSync(zipped.bytes).toString(), compact)
    const pretty = await ask('GET', '/v1/health/service/web?pretty')
    t.equal(pretty.body, `${JSON.stringify(JSON.parse(compact), null, 4)}\n`)
  }
  t.equal(encoded, 1)
})

t.test('what is asked of a service reaches the server', async (t) => {
  const rpc = fakeRpc({ 'Health.ServiceNodes': () => [], 'Catalog.ServiceNodes': () => [] })
  const { ask } = await serve(t, { rpc })
  const cases: readonly [string, object, object][] = [
    ['health/service/web?passing', { ServiceName: 'web', PassingOnly: true }, {}],
    ['health/service/web?passing=0', { ServiceName: 'web' }, {}],
    [
      'health/connect/web?tag=a&tag=b',
      { ServiceName: 'web', ServiceTags: ['a', 'b'], Connect: true },
      {},
    ],
    ['health/ingress/a%2Fb', { ServiceName: 'a/b', Ingress: true }, {}],
    ['catalog/connect/web', { ServiceName: 'web', Connect: true }, {}],
    ['catalog/service/web?near=_agent', { ServiceName: 'web' }, { near: 'n1' }],
    ['catalog/service/web?near=n2', { ServiceName: 'web' }, { near: 'n2' }],
  ]
  for (const [target, args, options] of cases) {
    const answer = await ask('GET', `/v1/${target}`)
    t.match(answer, { status: 200, body: '[]' }, target)
    t.equal(answer.headers['X-Consul-Effective-Consistency'], 'leader')
    t.strictSame([rpc.asked.at(-1)?.args, rpc.asked.at(-1)?.options], [args, options], target)
  }
})
