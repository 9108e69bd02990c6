import t from 'tap'

import { fakePorts } from '../../support/fake-agent.ts'
import { memoryGossip } from '../../support/gossip.ts'
import { serve } from '../../support/http.ts'

const body = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
  Payload: null,
  NodeFilter: '',
  ServiceFilter: '',
  TagFilter: '',
  Version: 1,
  LTime: 0,
  ...fields,
})

/** All 64 bits of an index, as text. */
const indexOf = (headers: Readonly<Record<string, string>>): string =>
  headers['X-Consul-Index'] ?? ''

t.test('an event is fired, answered and listed as by Consul', async (t) => {
  const services = [{ ID: 'web1', Tags: ['blue'] }]
  const { ask } = await serve(t, fakePorts({ gossip: memoryGossip({ services }) }))
  const fired = await ask('PUT', '/v1/event/fire/dep?node=^n&service=web&tag=b', {
    body: 'payload',
  })
  t.match(fired, { status: 200, headers: { 'Content-Type': 'application/json' } })
  t.notOk('X-Consul-Index' in fired.headers)
  const { ID, ...rest } = JSON.parse(fired.body) as { ID: string }
  t.match(ID, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const filters = { NodeFilter: '^n', ServiceFilter: 'web', TagFilter: 'b' }
  t.strictSame(rest, body({ Name: 'dep', Payload: 'cGF5bG9hZA==', ...filters }))
  const fields = 'ID Name Payload NodeFilter ServiceFilter TagFilter Version LTime'.split(' ')
  t.strictSame(Object.keys(JSON.parse(fired.body) as object), fields)
  await ask('PUT', '/v1/event/fire/a/b')
  await ask('PUT', '/v1/event/fire/elsewhere?node=other')
  const list = await ask('GET', '/v1/event/list')
  t.match(JSON.parse(list.body), [
    body({ ID, Name: 'dep', Payload: 'cGF5bG9hZA==', ...filters, LTime: 1 }),
    body({ Name: 'a/b', LTime: 2 }),
  ])
  const named = await ask('GET', '/v1/event/list?name=dep&node=zz&service=zz&tag=zz&dc=dc2')
  t.equal((JSON.parse(named.body) as object[]).length, 1, 'only the name selects')
  t.not(indexOf(named.headers), indexOf(list.headers))
})

t.test("mistakes are refused in Consul's words", async (t) => {
  const { ask } = await serve(t, fakePorts({ gossip: memoryGossip() }))
  const long = Buffer.alloc(440, 'a')
  const cases: readonly [method: string, target: string, status: number, text: string][] = [
    ['PUT', 'fire/', 400, 'Missing name'],
    ['PUT', 'fire/x?tag=t', 500, 'Cannot provide tag filter without service filter'],
    ['PUT', 'fire/x?dc=dc2&tag=t', 500, 'Cannot provide tag filter without service filter'],
    [
      'PUT',
      'fire/x?node=(',
      500,
      'Invalid node filter: error parsing regexp: missing closing ): `(`',
    ],
    ['PUT', 'fire/x?dc=dc2', 500, 'No path to datacenter'],
    [
      'PUT',
      'fire/size',
      500,
      '1 error occurred:\n\t* error broadcasting event to segment "": user event exceeds configured limit of 512 bytes before encoding\n\n',
    ],
    ['GET', 'fire/x', 405, 'method GET not allowed'],
    ['POST', 'list', 405, 'method POST not allowed'],
    ['GET', 'list?index=abc', 400, 'Invalid index'],
    ['GET', 'list?index=18446744073709551616', 400, 'Invalid index'],
    ['GET', 'list?wait=abc', 400, 'Invalid wait time'],
  ]
  for (const [method, target, status, text] of cases) {
    const options = target === 'fire/size' ? { body: long } : {}
    t.match(await ask(method, `/v1/event/${target}`, options), { status, body: text }, target)
  }
})

t.test('a payload counts where its length is announced', async (t) => {
  const { ask } = await serve(t, fakePorts({ gossip: memoryGossip() }))
  const chunked = { headers: { 'Transfer-Encoding': 'chunked' } }
  const answer = await ask('PUT', '/v1/event/fire/x', chunked)
  t.match(JSON.parse(answer.body), { Payload: null })
})

t.test('whoever has the index that is now waits for another', async (t) => {
  const gossip = memoryGossip()
  const { ask } = await serve(t, fakePorts({ gossip }))
  const fire = (Name: string) =>
    gossip.events.fire(
      { Name, Payload: null, NodeFilter: '', ServiceFilter: '', TagFilter: '' },
      { datacenter: '' },
    )
  const none = await ask('GET', '/v1/event/list?name=a&index=1&wait=50ms')
  t.match(none, { body: '[]', headers: { 'X-Consul-Index': '1' } })
  const waiting = ask('GET', '/v1/event/list?name=a&index=1&wait=1m')
  await fire('b')
  await fire('a')
  const first = await waiting
  t.equal((JSON.parse(first.body) as object[]).length, 1)
  const index = indexOf(first.headers)
  t.ok(index.length > 16, 'an index of 64 bits')
  const next = ask('GET', `/v1/event/list?name=a&index=${index}&wait=1m`)
  await fire('a')
  t.equal((JSON.parse((await next).body) as object[]).length, 2)
  const other = await ask('GET', '/v1/event/list?name=a&index=7&wait=1m')
  t.equal((JSON.parse(other.body) as object[]).length, 2, 'any other index is answered at once')
})
