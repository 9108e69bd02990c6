import { gunzipSync } from 'node:zlib'

import t from 'tap'

import { fakeRpc } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

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

t.test('what was asked before with ?cached is a hit, unless it had to be waited for', async (t) => {
  const { rpc } = localRpc()
  const { ask } = await serve(t, { rpc })
  const register = (Service: string) =>
    ask('PUT', '/v1/catalog/register', {
      body: JSON.stringify({ Node: 'n1', Address: '127.0.0.1', Service: { Service } }),
    })
  await register('other')
  await register('web')
  const cases: readonly [target: string, cache: string | undefined][] = [
    ['health/service/web', undefined],
    ['health/service/web?cached', 'MISS'],
    ['health/service/web?cached', 'HIT'],
    ['health/service/web?cached&index=1', 'HIT'],
    ['health/service/web?pretty&cached=no&stale', 'HIT'],
    ['health/service/web?cached&token=t', 'MISS'],
    ['health/service/web?cached&filter=Service.Port==1', 'MISS'],
    ['health/service/web?cached&filter=Service.Port==1', 'HIT'],
    ['health/service/web', undefined],
    ['health/connect/web?cached', 'MISS'],
    ['catalog/service/web?cached', 'MISS'],
    ['catalog/service/web?cached', 'HIT'],
    ['catalog/services?cached', 'MISS'],
    ['catalog/services?cached', 'HIT'],
    ['catalog/nodes?cached', undefined],
  ]
  const headers = { 'Cache-Control': 'max-age=0, must-revalidate, stale-if-error=30' }
  for (const [target, cache] of cases) {
    const answer = await ask('GET', `/v1/${target}`, { headers })
    t.equal(answer.status, 200, target)
    t.equal(answer.headers['X-Cache'], cache, target)
    t.equal(answer.headers['Age'], cache === 'HIT' ? '0' : undefined, target)
  }
  const index = (await ask('GET', '/v1/catalog/services?cached')).headers['X-Consul-Index'] ?? ''
  const waiting = ask('GET', `/v1/catalog/services?cached&index=${index}`)
  await register('more')
  t.match(await waiting, {
    headers: { 'X-Cache': 'MISS' },
    body: '{"more":[],"other":[],"web":[]}',
  })
  t.match(await ask('GET', '/v1/catalog/services?cached'), {
    headers: { 'X-Cache': 'HIT' },
    body: '{"more":[],"other":[],"web":[]}',
  })
  const malformed = { headers: { 'Cache-Control': 'max-age=x' } }
  t.match(await ask('GET', '/v1/catalog/services?cached', malformed), { status: 400 })
})
