import fc from 'fast-check'
import t from 'tap'

import { fakeRpc } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const index = { 'X-Consul-Index': '8', 'X-Consul-Knownleader': 'true', 'X-Consul-Lastcontact': '0' }
const json = { 'Content-Type': 'application/json', Vary: 'Accept-Encoding', Connection: 'close' }

t.test('a written key is read back as Consul prints it', async (t) => {
  const { ask } = await serve(t, { rpc: fakeRpc() })
  t.match(await ask('PUT', '/v1/kv/a', { body: 'hello' }), {
    status: 200,
    body: 'true',
    headers: { ...json, 'Content-Length': '4' },
  })
  const entry =
    '{"LockIndex":0,"Key":"a","Flags":0,"Value":"aGVsbG8=","CreateIndex":8,"ModifyIndex":8}'
  const answer = await ask('GET', '/v1/kv/a')
  t.match(answer, { status: 200, reason: 'OK', body: `[${entry}]` })
  t.same(answer.headers, { ...json, ...index, 'Content-Length': '88' })
  t.match(await ask('GET', '/v1/kv/?recurse'), { body: `[${entry}]`, headers: index })
  t.match(await ask('GET', '/v1/kv/?keys'), { body: '["a"]', headers: index })
})

t.test('a raw value is guarded against browsers', async (t) => {
  const { ask } = await serve(t, { rpc: fakeRpc() })
  await ask('PUT', '/v1/kv/a', { body: Uint8Array.of(0, 255, 10) })
  const answer = await ask('GET', '/v1/kv/a?raw')
  t.same(answer.bytes, Buffer.of(0, 255, 10))
  t.match(answer.headers, {
    'Content-Type': 'text/plain',
    'Content-Security-Policy': 'sandbox',
    'X-Content-Type-Options': 'nosniff',
    ...index,
  })
})

t.test('what is not there is a 404 that can be blocked on', async (t) => {
  const { ask } = await serve(t)
  for (const target of ['/v1/kv/none', '/v1/kv/none?recurse', '/v1/kv/none?keys']) {
    const answer = await ask('GET', target)
    t.match(answer, { status: 404, body: '', headers: { 'X-Consul-Index': '7' } }, target)
    t.notOk(answer.headers['Content-Type'])
  }
  t.match(await ask('GET', '/v1/kv/?keys'), { status: 200, body: '[]' })
})

t.test('flags of 64 bits, odd keys and locks come through exactly', async (t) => {
  const rpc = fakeRpc({
    'KVS.Get': ({ Key }: { Key: string }) => ({
      LockIndex: 1,
      Key,
      Flags: 18446744073709551615n,
      Value: new Uint8Array(0),
      Session: 's"1',
      CreateIndex: 3,
      ModifyIndex: 4,
    }),
  })
  const { ask } = await serve(t, { rpc })
  t.equal(
    (await ask('GET', '/v1/kv/x%20<y%3Fz')).body,
    '[{"LockIndex":1,"Key":"x \\u003cy?z","Flags":18446744073709551615,"Value":null,' +
      '"Session":"s\\"1","CreateIndex":3,"ModifyIndex":4}]',
  )
  await ask('PUT', '/v1/kv/a/b/?flags=18446744073709551615', { body: 'x' })
  t.match(rpc.asked.at(-1)?.args, {
    Op: 'set',
    DirEnt: { Key: 'a/b/', Flags: 18446744073709551615n },
  })
})

t.test('a key is what its path decodes to', async (t) => {
  const rpc = fakeRpc()
  const { ask } = await serve(t, { rpc })
  const printable = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter(
      (key) => /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(key) && !/(^|\/)(\.{0,2})(\/|$)/.test(key),
    )
  const awkward = fc.constantFrom(
    '50%',
    '50%25',
    'a%2Fb',
    '%2e%2e',
    'a;b',
    'a#b?c',
    "it's",
    ':x',
    '*',
    'a+b c',
  )
  await fc.assert(
    fc.asyncProperty(fc.oneof(printable, awkward), async (key) => {
      await ask('GET', `/v1/kv/${encodeURIComponent(key)}`)
      return (rpc.asked.at(-1)?.args as { Key: string } | undefined)?.Key === key
    }),
    { verbose: true },
  )
})

t.test('conditions become the verbs of the store', async (t) => {
  const rpc = fakeRpc()
  const { ask } = await serve(t, { rpc })
  const session = 'b9bd4d3c-7f4a-4d80-a1d1-2a8f4c1a4f6e'
  const cases: readonly [string, string, object][] = [
    ['PUT', 'a?cas=0', { Op: 'cas', DirEnt: { ModifyIndex: 0 } }],
    ['PUT', 'a?cas=12', { Op: 'cas', DirEnt: { ModifyIndex: 12 } }],
    ['PUT', `a?acquire=${session}`, { Op: 'lock', DirEnt: { Session: session } }],
    ['PUT', `a?release=${session}`, { Op: 'unlock', DirEnt: { Session: session } }],
    ['PUT', 'a?acquire=', { Op: 'lock', DirEnt: { Session: '' } }],
    ['DELETE', 'a', { Op: 'delete', DirEnt: { Key: 'a' } }],
    ['DELETE', 'a?cas=3', { Op: 'delete-cas', DirEnt: { ModifyIndex: 3 } }],
    ['DELETE', '?recurse', { Op: 'delete-tree', DirEnt: { Key: '' } }],
    ['PUT', 'a?fence=l:12', { Op: 'set', Fences: [{ Key: 'l', Index: 12 }] }],
    [
      'PUT',
      'a?cas=0&fence=l%2Fa:b:1&fence=m:2',
      {
        Op: 'cas',
        Fences: [
          { Key: 'l/a:b', Index: 1 },
          { Key: 'm', Index: 2 },
        ],
      },
    ],
    ['DELETE', 'a?fence=l:3', { Op: 'delete', Fences: [{ Key: 'l', Index: 3 }] }],
  ]
  for (const [method, target, args] of cases) {
    t.match(await ask(method, `/v1/kv/${target}`), { status: 200, body: 'true' }, target)
    t.match(rpc.asked.at(-1), { method: 'KVS.Apply', args }, target)
  }
})

t.test('mistakes are told in the words of Consul', async (t) => {
  const { ask } = await serve(t)
  const cases: readonly [string, string, number, string][] = [
    ['GET', '', 400, 'Missing key name'],
    ['PUT', '', 400, 'Missing key name'],
    ['DELETE', '', 400, 'Missing key name'],
    ['PUT', 'c?acquire=a&cas=1', 400, 'Conflicting flags: acquire=a&cas=1'],
    ['PUT', 'c?acquire=a&release=b', 400, 'Conflicting flags: acquire=a&release=b'],
    ['DELETE', 'c?cas=1&recurse=', 400, 'Conflicting flags: cas=1&recurse='],
    ['PUT', 'c?cas=abc', 500, 'strconv.ParseUint: parsing "abc": invalid syntax'],
    ['PUT', 'c?cas=', 500, 'strconv.ParseUint: parsing "": invalid syntax'],
    ['PUT', 'c?flags=-1', 500, 'strconv.ParseUint: parsing "-1": invalid syntax'],
    [
      'PUT',
      'c?flags=18446744073709551616',
      500,
      'strconv.ParseUint: parsing "18446744073709551616": value out of range',
    ],
    ['DELETE', 'c?cas=x', 500, 'strconv.ParseUint: parsing "x": invalid syntax'],
    ['PUT', 'c?index=x', 400, 'Invalid index'],
    ...['l', 'l:', ':1', 'l:-1', 'l:9007199254740992', ''].map(
      (fence): [string, string, number, string] => [
        'PUT',
        `c?fence=${fence}`,
        400,
        `Invalid fence "${fence}": it must be KEY:INDEX, the lock and the ModifyIndex it was read at`,
      ],
    ),
    ['DELETE', `c?${'fence=l:1&'.repeat(17)}`, 400, 'A write may have 16 fences and not 17'],
  ]
  for (const [method, target, status, body] of cases)
    t.match(
      await ask(method, `/v1/kv/${target}`, { body: 'x' }),
      { status, body },
      `${method} ${target}`,
    )
})

t.test('a value of the largest size passes, one byte more ends the connection', async (t) => {
  const { ask } = await serve(t)
  const text =
    'Request body(524289 bytes) too large, max size: 524288 bytes. ' +
    'See https://www.consul.io/docs/agent/options.html#kv_max_value_size.'
  t.match(await ask('PUT', '/v1/kv/a', { body: 'x'.repeat(524_288) }), { status: 200 })
  t.match(await ask('PUT', '/v1/kv/a', { body: 'x'.repeat(524_289) }), {
    status: 413,
    reason: 'Request Entity Too Large',
    body: text,
    headers: { Connection: 'close' },
  })
})

t.test('keys of any bytes are written, found and listed apart', async (t) => {
  const { ask } = await serve(t, { rpc: localRpc().rpc })
  for (const key of ['%ff', '%fe', 'a%2F%c3', '%EF%BF%BD']) {
    t.match(await ask('PUT', `/v1/kv/${key}`, { body: key }), { status: 200, body: 'true' })
    t.match(await ask('GET', `/v1/kv/${key}?raw`), { status: 200, body: key })
  }
  for (const key of ['%fd', '%c3', 'a/%EF%BF%BD'])
    t.match(await ask('GET', `/v1/kv/${key}`), { status: 404 }, key)
  const keys = await ask('GET', '/v1/kv/?keys')
  t.same(JSON.parse(keys.body).toSorted(), ['a/\ufffd', '\ufffd', '\ufffd', '\ufffd'])
  t.match(keys.body, '"\\ufffd"')
})

t.test('an empty raw value is called compressed to who takes that', async (t) => {
  const { ask } = await serve(t, { rpc: fakeRpc() })
  await ask('PUT', '/v1/kv/a')
  const answer = await ask('GET', '/v1/kv/a?raw', { headers: { 'Accept-Encoding': 'gzip' } })
  t.match(answer, { status: 200, body: '', headers: { 'Content-Encoding': 'gzip' } })
  t.notOk((await ask('GET', '/v1/kv/a?raw')).headers['Content-Encoding'])
})
