import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

import t from 'tap'

import { PraetorError } from '../../server/model/errors.ts'
import { fakeRpc } from '../support/fake-agent.ts'
import { exchange, parse, serve } from '../support/http.ts'
import { localRpc } from '../support/local-rpc.ts'

const text = { 'Content-Type': 'text/plain; charset=utf-8' }
const vary = { Vary: 'Accept-Encoding' }

t.test('paths are cleaned, redirected and refused as by the mux of Go', async (t) => {
  const { ask } = await serve(t)
  const redirects: readonly [string, string][] = [
    ['/v1/kv', '/v1/kv/'],
    ['/v1//kv', '/v1/kv/'],
    ['/v1/kv//a?x=1', '/v1/kv/a?x=1'],
    ['/v1/kv/%2Flead?raw', '/v1/kv/lead?raw'],
    ['/v1/kv/a%2F%2Fb', '/v1/kv/a/b'],
    ['/v1/kv/a/../b', '/v1/kv/b'],
    ['/v1/kv/a%20%25/../b%3F%23', '/v1/kv/b%3F%23'],
    ['/v1/kv/./%C3%BC/', '/v1/kv/%C3%BC/'],
    ['/v1/kv//%ff', '/v1/kv/%FF'],
    ["/v1/kv/./it's(*)!", '/v1/kv/it%27s%28%2A%29%21'],
    ['/v1/health/node?dc=x', '/v1/health/node/?dc=x'],
    ['/', '/ui/'],
    ['/ui', '/ui/'],
  ]
  for (const [target, location] of redirects) {
    const body = `<a href="${location.replaceAll("'", '&#39;')}">Moved Permanently</a>.\n\n`
    const answer = await ask('GET', target)
    t.same(
      [answer.status, answer.headers['Location'], answer.body],
      [301, location, body],
      `GET ${target}`,
    )
    t.match(await ask('PUT', target, { body: 'x' }), { status: 301, body: '' }, `PUT ${target}`)
  }
})

t.test('unknown paths are bare 404s', async (t) => {
  const { ask } = await serve(t)
  for (const target of [
    '/v1/bogus',
    '/v1',
    '/favicon.ico',
    '/v1/status/leader/',
    '/v1/acl/bogus',
  ]) {
    const answer = await ask('GET', target)
    t.match(answer, { status: 404, body: '' }, target)
    t.notOk(answer.headers['Vary'])
  }
})

t.test('a path with what cannot be printed is refused, unless the filter is off', async (t) => {
  const strict = await serve(t)
  for (const target of ['/v1/kv/a%0ab', '/v1/kv/a%7F', '/v1/kv/%E2%80%A8', '/v1/bogus%01'])
    t.match(await strict.ask('GET', target), { status: 400, body: '' }, target)
  t.match(await strict.ask('GET', '/v1/kv/a%20b%C3%BC%E2%82%AC'), { status: 404 })
  const open = await serve(t, {}, { filterUnprintable: false })
  t.match(await open.ask('GET', '/v1/kv/a%0ab'), { status: 404 })
})

t.test('what is no URL, or no HTTP, ends the connection', async (t) => {
  const { port } = await serve(t)
  for (const head of ['GET /v1/kv/%zz', 'GET /v1/kv/%ff/%f', 'GET *', 'garbage', 'GET v1']) {
    const answer = parse(await exchange(port, `${head} HTTP/1.1\r\nHost: x\r\n\r\n`))
    t.match(answer, { status: 400, headers: { Connection: 'close' } }, head)
  }
})

t.test('a head of more than a megabyte is refused', async (t) => {
  const { ask } = await serve(t)
  const answer = await ask('GET', `/v1/kv/${'a'.repeat(1_100_000)}`)
  t.match(answer, { status: 431, body: '431 Request Header Fields Too Large' })
  t.match(await ask('GET', `/v1/kv/${'a'.repeat(500_000)}`), { status: 404 })
})

t.test('an absolute URL and a fragment are read as Go reads them', async (t) => {
  const rpc = fakeRpc()
  const { ask } = await serve(t, { rpc })
  await ask('GET', 'http://elsewhere:80/v1/kv/a?stale')
  t.match(rpc.asked.at(-1), { args: { Key: 'a' }, options: { consistency: 'stale' } })
  await ask('GET', '/v1/kv/a#b;c')
  t.match(rpc.asked.at(-1), { args: { Key: 'a#b;c' } })
})

t.test('a method that a path lacks is refused with those it has', async (t) => {
  const { ask } = await serve(t)
  const allow = { Allow: 'OPTIONS,GET,PUT,DELETE' }
  for (const method of ['POST', 'PATCH', 'TRACE'])
    t.match(await ask(method, '/v1/kv/a'), {
      status: 405,
      body: `method ${method} not allowed`,
      headers: { ...allow, ...text, ...vary },
    })
  t.match(await ask('HEAD', '/v1/kv/a'), { status: 405, body: '', headers: allow })
  t.match(await ask('OPTIONS', '/v1/kv/a'), {
    status: 200,
    body: '',
    headers: { ...allow, ...vary },
  })
  t.match(await ask('OPTIONS', '/v1/bogus'), { status: 404 })
})

t.test('a path is not taken for a shorter one that has the method', async (t) => {
  const { ask } = await serve(t)
  const cases: readonly [string, string, string][] = [
    ['DELETE', '/v1/acl/policy/name/x', 'OPTIONS,GET'],
    ['PUT', '/v1/acl/token/self', 'OPTIONS,GET'],
    ['GET', '/v1/agent/service/register', 'OPTIONS,PUT'],
    ['GET', '/v1/agent/service/deregister/x', 'OPTIONS,PUT'],
  ]
  for (const [method, target, Allow] of cases)
    t.match(await ask(method, target), { status: 405, headers: { Allow } }, `${method} ${target}`)
})

t.test('access control says that it is off', async (t) => {
  const { ask } = await serve(t)
  for (const [method, target] of [
    ['GET', '/v1/acl/tokens'],
    ['PUT', '/v1/acl/bootstrap'],
    ['POST', '/v1/acl/login'],
    ['PUT', '/v1/agent/token/default'],
  ] as const)
    t.match(await ask(method, target), { status: 401, body: 'ACL support disabled' })
})

t.test('mistakes in what every read may be asked are 400s with the words of Consul', async (t) => {
  const { ask } = await serve(t)
  const cases: readonly [string, string][] = [
    ['index=-1', 'Invalid index'],
    ['index=x', 'Invalid index'],
    ['wait=5', 'Invalid wait time'],
    ['stale&consistent', 'Cannot specify ?stale with ?consistent, conflicting semantics.'],
    ['max_stale=1s&consistent', 'Cannot specify ?stale with ?consistent, conflicting semantics.'],
    ['cached&consistent', 'Cannot specify ?cached with ?consistent, conflicting semantics.'],
    ['max_stale=bad', 'Invalid max_stale value "bad"'],
    [
      'ns=default',
      'Bad request: Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature',
    ],
    ['a=1;index=x', 'Invalid index'],
  ]
  for (const [query, body] of cases)
    t.match(await ask('GET', `/v1/kv/a?${query}`), { status: 400, body, headers: text }, query)
  t.match(await ask('GET', '/v1/kv/a', { headers: { 'X-Consul-Namespace': 'x' } }), {
    status: 400,
    body: 'Bad request: Invalid header: "X-Consul-Namespace" - Namespaces are a Consul Enterprise feature',
  })
  t.match(await ask('GET', '/v1/kv/a', { headers: { 'Cache-Control': 'max-age=x' } }), {
    status: 400,
    body: 'Invalid Cache-Control header.',
  })
  t.match(await ask('GET', '/v1/status/leader?x=%zz'), { status: 500, body: '' })
  t.match(await ask('POST', '/v1/status/leader?x=%zz'), { status: 500, body: '' })
})

t.test('what a read is asked reaches the server', async (t) => {
  let aborted: boolean | undefined
  const rpc = fakeRpc({ 'KVS.Get': (_args, { signal }) => void (aborted = signal?.aborted) })
  const { ask } = await serve(t, { rpc })
  await ask(
    'GET',
    '/v1/kv/a?dc=dc2&max_stale=1m&index=18446744073709551615&wait=1.5s&filter=a%2Bb+c&near=n1&node-meta=a:1&node-meta=b',
    { headers: { 'X-Consul-Token': 'secret' } },
  )
  t.match(rpc.asked.at(-1)?.options, {
    datacenter: 'dc2',
    consistency: 'stale',
    maxStaleMs: 60_000,
    minIndex: 2 ** 64,
    waitMs: 1500,
    filter: 'a+b c',
    near: 'n1',
    nodeMeta: { a: '1', b: '' },
    token: 'secret',
  })
  t.equal(aborted, false, 'a signal is there to end the wait')
  await ask('GET', '/v1/kv/a', { headers: { Authorization: 'bearer  other' } })
  t.strictSame(rpc.asked.at(-1)?.options, { token: 'other' })
  await ask('GET', '/v1/kv/a?token=first', { headers: { 'X-Consul-Token': 'second' } })
  t.strictSame(rpc.asked.at(-1)?.options, { token: 'first' }, 'no signal where nothing blocks')
})

t.test('every body that is not empty is gzipped for who takes gzip', async (t) => {
  const { ask } = await serve(t, { rpc: fakeRpc() })
  const headers = { 'Accept-Encoding': 'deflate, gzip;q=0.5' }
  for (const size of [1, 1024, 1025, 200_000]) {
    const value = 'x'.repeat(size)
    await ask('PUT', '/v1/kv/a', { body: value })
    const answer = await ask('GET', '/v1/kv/a?raw', { headers })
    t.match(answer.headers, { 'Content-Encoding': 'gzip', ...vary })
    t.equal(gunzipSync(answer.bytes).toString(), value, `${size} bytes`)
  }
  const error = await ask('GET', '/v1/kv/', { headers })
  t.equal(gunzipSync(error.bytes).toString(), 'Missing key name')
  t.notOk((await ask('GET', '/v1/kv/none', { headers })).headers['Content-Encoding'])
  for (const accept of ['gzip;q=0', '*', 'identity']) {
    const answer = await ask('GET', '/v1/kv/', { headers: { 'Accept-Encoding': accept } })
    t.equal(answer.body, 'Missing key name', accept)
  }
})

t.test('JSON is indented for who asks, and for everyone in dev mode', async (t) => {
  const { ask } = await serve(t, { rpc: fakeRpc() })
  await ask('PUT', '/v1/kv/a', { body: 'x' })
  t.equal((await ask('GET', '/v1/kv/?keys&pretty')).body, '[\n    "a"\n]\n')
  t.equal((await ask('GET', '/v1/kv/?keys')).body, '["a"]')
  const dev = await serve(t, {}, { pretty: true })
  t.equal((await dev.ask('GET', '/v1/status/leader')).body, '"127.0.0.1:8300"\n')
  t.equal((await dev.ask('PUT', '/v1/kv/a')).body, 'true\n')
  t.equal((await dev.ask('GET', '/v1/kv/x?keys&recurse')).body, '')
})

t.test('the operator may close paths and add headers', async (t) => {
  const { ask } = await serve(
    t,
    {},
    {
      blockEndpoints: ['/v1/agent/self', '/v1/kv/sec', '/v1/kv/x y'],
      responseHeaders: { 'x-foo': 'bar', vary: 'Origin' },
      translateWanAddresses: true,
      uiEnabled: false,
    },
  )
  const headers = { Vary: 'Origin', 'X-Foo': 'bar', 'X-Consul-Translate-Addresses': 'true' }
  for (const [method, target] of [
    ['GET', '/v1/agent/self'],
    ['POST', '/v1/kv/secret'],
    ['GET', '/v1/kv/x%20y?raw'],
    ['OPTIONS', '/v1/kv/sec'],
  ] as const)
    t.match(
      await ask(method, target),
      { status: 403, body: 'Endpoint is blocked by agent configuration', headers },
      target,
    )
  t.match(await ask('GET', '/v1/kv/open'), { status: 404, headers })
  t.match(await ask('GET', '/'), { status: 200, body: 'Consul Agent' })
  t.match(await ask('GET', '/ui'), { status: 404 })
})

t.test('an error is a text with the status of its kind', async (t) => {
  const thrown = { error: new Error('') }
  const { ask } = await serve(t, {
    rpc: fakeRpc({ 'KVS.Get': () => Promise.reject(thrown.error) }),
  })
  for (const [error, status] of [
    [new PraetorError('failed', 'No cluster leader'), 500],
    [new PraetorError('denied', 'Permission denied'), 403],
    [new PraetorError('limited', 'Rate limit exceeded'), 429],
    [new Error('a bug'), 500],
  ] as const) {
    thrown.error = error
    const answer = await ask('GET', '/v1/kv/a')
    t.match(answer, { status, body: error.message, headers: text })
    t.notOk(answer.headers['X-Consul-Index'], 'KV errors carry no index')
  }
})

t.test('connections are kept without a word, and closed when asked', async (t) => {
  const { port } = await serve(t)
  const twice =
    'GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n' +
    'GET /v1/status/peers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const both = (await exchange(port, twice)).toString()
  t.equal(both.match(/HTTP\/1.1 200 OK/g)?.length, 2)
  t.same(both.match(/Connection: .*\r\n|Keep-Alive: .*\r\n/gi), ['Connection: close\r\n'])
  const old = (await exchange(port, 'GET /v1/status/leader HTTP/1.0\r\n\r\n')).toString()
  t.match(old, /^HTTP\/1.1 200 OK/)
})

t.test('a client that holds too many connections gets no more, until it lets one go', async (t) => {
  const { port } = await serve(t, {}, { connectionsPerClientMax: 2 })
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const answers = async (socket: Socket): Promise<boolean> => {
    socket.write('GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n')
    return Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ])
  }
  const [first, second] = [await open(), await open()]
  t.same([await answers(first), await answers(second)], [true, true])
  t.equal(await answers(await open()), false)
  first.destroy()
  let again = false
  while (!again) again = await answers(await open())
  t.ok(again)
  second.destroy()
})

t.test('each route counts how long it took', async (t) => {
  const seen: string[] = []
  const metrics = { gauge() {}, count() {}, sample: (name: string) => void seen.push(name) }
  const { ask } = await serve(t, {}, {}, metrics)
  await ask('GET', '/v1/kv/a/b')
  await ask('PUT', '/v1/kv/a')
  await ask('GET', '/v1/status/leader')
  await ask('GET', '/v1/bogus')
  t.same(seen, ['http.GET.v1.kv._', 'http.PUT.v1.kv._', 'http.GET.v1.status.leader'])
})

t.test('a thousand clients that hang up leave nothing behind', async (t) => {
  const { rpc, leader } = localRpc()
  const { watchers } = leader.log.store
  const { port } = await serve(t, { rpc }, { connectionsPerClientMax: 2000 })
  const sockets: Socket[] = []
  for (let count = 0; count < 1000; count += 1) {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /v1/kv/key${count % 10}?index=5&wait=10m HTTP/1.1\r\nHost: x\r\n\r\n`)
    sockets.push(socket)
  }
  while (watchers.size < 1000) await setImmediate()
  t.equal(watchers.size, 1000)
  for (const socket of sockets) socket.destroy()
  while (watchers.size > 0) await setImmediate()
  t.equal(watchers.size, 0)
})

t.test('a blocked read is answered when its key is written', async (t) => {
  const { rpc, leader } = localRpc()
  const { ask } = await serve(t, { rpc })
  await ask('PUT', '/v1/kv/a', { body: '1' })
  const before = await ask('GET', '/v1/kv/a')
  const blocked = ask('GET', `/v1/kv/a?index=${before.headers['X-Consul-Index']}`)
  while (leader.log.store.watchers.size === 0) await setImmediate()
  await ask('PUT', '/v1/kv/a', { body: '2' })
  t.match(await blocked, { status: 200, body: /"Value":"Mg=="/ })
})

t.test('closing ends the reads that still wait', async (t) => {
  const { rpc, leader } = localRpc()
  const { api, ask } = await serve(t, { rpc })
  const blocked = ask('GET', '/v1/kv/a?index=9').catch(() => undefined)
  while (leader.log.store.watchers.size === 0) await setImmediate()
  await api.close()
  await blocked
  while (leader.log.store.watchers.size > 0) await setImmediate()
  t.equal(leader.log.store.watchers.size, 0)
})

t.test('the description names every route, and every struct that a body may hold', async (t) => {
  const { api, ask } = await serve(t)
  const { body } = await ask('GET', '/v1/openapi.json')
  const described = JSON.parse(body) as {
    openapi: string
    paths: Record<string, Record<string, { summary?: string; requestBody?: object }>>
    components: { schemas: Record<string, { properties: Record<string, object> }> }
  }
  t.equal(described.openapi, '3.1.0')
  const routes = [...api.routes.urls()]
    .filter(([url]) => url.startsWith('/v1/'))
    .flatMap(([url, methods]) =>
      [...methods.keys()].map((method) => `${method} ${url.replace('*', '{name}')}`),
    )
  const documented = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      t.ok(operation.summary, `${method} ${path} says what it is for`)
      return `${method.toUpperCase()} ${path}`
    }),
  )
  t.same(documented.toSorted(), routes.toSorted())
  const { schemas } = described.components
  for (const [, name = ''] of body.matchAll(/#\/components\/schemas\/([^"]+)/g))
    t.ok(schemas[name], name)
  const reference = { $ref: '#/components/schemas/structs.ServiceDefinition' }
  t.match(described.paths['/v1/agent/service/register']?.['put']?.requestBody, {
    content: { 'application/json': { schema: reference } },
  })
  t.same(schemas['structs.ServiceConnect']?.properties['SidecarService'], reference)
  t.match(schemas['structs.CheckType']?.properties['Interval'], { type: ['string', 'integer'] })
})

t.test('who may write is told by network, for every path that writes', async (t) => {
  const allowWriteFrom = ['10.0.0.0/8', '2001:db8::/32']
  const elsewhere = await serve(t, { rpc: fakeRpc() }, { allowWriteFrom })
  for (const [method, target] of [
    ['PUT', '/v1/agent/service/register'],
    ['PUT', '/v1/agent/maintenance?enable=x'],
    ['PUT', '/v1/kv/a'],
    ['DELETE', '/v1/kv/a'],
    ['PUT', '/v1/txn'],
    ['POST', '/v1/acl/login'],
  ] as const)
    t.match(
      await elsewhere.ask(method, target, { body: '{' }),
      { status: 403, body: 'Access is restricted', headers: { ...text, ...vary } },
      `${method} ${target}`,
    )
  t.match(await elsewhere.ask('GET', '/v1/kv/a'), { status: 404 })
  t.match(await elsewhere.ask('OPTIONS', '/v1/kv/a'), { status: 200 })
  t.match(await elsewhere.ask('POST', '/v1/kv/a'), { status: 405 })
  t.match(await elsewhere.ask('PUT', '/v1/kv/a?x=%zz'), { status: 500, body: '' })
  for (const network of ['127.0.0.0/8', '127.0.0.1/32', '0.0.0.0/0']) {
    const here = await serve(t, { rpc: fakeRpc() }, { allowWriteFrom: [network] })
    t.match(await here.ask('PUT', '/v1/kv/a'), { status: 200, body: 'true' }, network)
  }
})
