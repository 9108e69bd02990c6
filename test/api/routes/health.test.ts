import { gunzipSync } from 'node:zlib'

import t from 'tap'

import type { Rpc } from '../../../server/model/methods.ts'
import type { QueryOptions } from '../../../server/model/query.ts'
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

t.test('?cached is as good as unsaid where the cache is off', async (t) => {
  const { ask } = await serve(t, { rpc: localRpc().rpc }, { useCache: false })
  for (let round = 0; round < 2; round += 1) {
    const answer = await ask('GET', '/v1/catalog/services?cached')
    t.match(answer, { status: 200, headers: { 'X-Consul-Effective-Consistency': 'leader' } })
    t.equal(answer.headers['X-Cache'], undefined)
  }
})

t.test(
  'any server is asked where the configuration lets it, and the leader where that is too old',
  async (t) => {
    const rpc = fakeRpc({ 'Catalog.ListNodes': () => [], 'KVS.Get': () => undefined })
    const old = {
      ...rpc,
      read: (async (method, args, options) => {
        const { value, meta } = await rpc.read(method, args, options)
        const lastContactMs = options?.consistency === 'stale' ? 2000 : 0
        return { value, meta: { ...meta, lastContactMs } }
      }) satisfies Rpc['read'],
    }
    const { ask } = await serve(t, { rpc: old }, { discoveryMaxStaleMs: 3000 })
    const cases: readonly [target: string, asked: (string | undefined)[]][] = [
      ['catalog/nodes', ['stale']],
      ['catalog/nodes?leader', [undefined]],
      ['catalog/nodes?consistent', ['consistent']],
      ['catalog/nodes?cached', [undefined]],
      ['catalog/nodes?max_stale=1s', ['stale', 'default']],
      ['catalog/nodes?max_stale=2s', ['stale']],
      ['catalog/nodes?stale', ['stale']],
      ['kv/a', [undefined]],
    ]
    for (const [target, consistencies] of cases) {
      rpc.asked.length = 0
      await ask('GET', `/v1/${target}`)
      const asked = rpc.asked.map(({ options }) => (options as QueryOptions).consistency)
      t.strictSame(asked, consistencies, target)
    }
  },
)
