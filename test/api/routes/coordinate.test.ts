import t from 'tap'

import type { Registration } from '../../../server/model/registration.ts'
import { fakePorts, fakeRpc } from '../../support/fake-agent.ts'
import { memoryGossip } from '../../support/gossip.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const here = {
  Node: 'n1',
  Segment: '',
  Coord: { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0.00001 },
}
const origin =
  '{"Node":"n1","Segment":"","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1.5,"Adjustment":0,"Height":0.00001}}'

t.test('where servers stand is asked of gossip; segments select', async (t) => {
  const rpc = fakeRpc({ 'Coordinate.ListNodes': () => [here], 'Coordinate.Node': () => [here] })
  const { ask } = await serve(t, { rpc })
  const cases: readonly [target: string, status: number, body: string][] = [
    ['datacenters', 200, `[{"Datacenter":"dc1","AreaID":"wan","Coordinates":[${origin}]}]`],
    ['nodes', 200, `[${origin}]`],
    ['nodes?segment=x', 200, '[]'],
    ['node/n1', 200, `[${origin}]`],
    ['node/n1?segment=x', 404, ''],
    ['nodes?index=x', 400, 'Invalid index'],
  ]
  for (const [target, status, body] of cases)
    t.match(await ask('GET', `/v1/coordinate/${target}`), { status, body }, target)
  t.match(await ask('GET', '/v1/coordinate/nodes?index=3&wait=1s'), {
    headers: { 'X-Consul-Index': '7' },
  })
  t.match(rpc.asked.at(-1)?.options, { minIndex: 3, waitMs: 1000 })
})

t.test('where coordinates are disabled nobody is told any, nor heard', async (t) => {
  const { ask } = await serve(t, {}, { disableCoordinates: true })
  const refused = { status: 401, body: 'Coordinate support disabled' }
  for (const target of ['datacenters', 'nodes', 'node/n1', 'nodes?index=x'])
    t.match(await ask('GET', `/v1/coordinate/${target}`), refused, target)
  t.match(await ask('PUT', '/v1/coordinate/update', { body: '{}' }), refused)
})

t.test('what is no coordinate is refused in the words of Go', async (t) => {
  const { ask } = await serve(t)
  const cases: readonly [body: string, text: string][] = [
    ['', 'Request decode failed: EOF'],
    [
      '{"Coord":{"Vec":["a"]}}',
      'Request decode failed: json: cannot unmarshal string into Go struct field Coordinate.Coord.Vec of type float64',
    ],
    ['{"Bogus":1}', 'Request decode failed: json: unknown field "Bogus"'],
  ]
  for (const [body, text] of cases)
    t.match(await ask('PUT', '/v1/coordinate/update', { body }), { status: 400, body: text }, body)
})

t.test('where gossip measures, the state knows where nodes stand', async (t) => {
  const { rpc, leader } = localRpc()
  for (const Node of ['n1', 'n2']) await rpc.write('Catalog.Register', { ...emptyNode, Node })
  const { ask } = await serve(t, fakePorts({ rpc, gossip: memoryGossip() }))
  const at = (Node: string, x: number, Segment = ''): string =>
    `{"Node":"${Node}","Segment":"${Segment}","Coord":{"Vec":[${x},0,0,0,0,0,0,0],"Error":0.5,"Adjustment":0,"Height":0.00001}}`
  for (const body of [at('n1', 0.1), at('n2', 0.2), at('n2', 0.3, 's'), at('stranger', 0.4)])
    t.match(await ask('PUT', '/v1/coordinate/update', { body }), { status: 200, body: '' })
  leader.log.apply('coordinates-update', { Updates: leader.located.splice(0) })
  const cases: readonly [target: string, status: number, body: string][] = [
    ['datacenters', 200, `[{"Datacenter":"dc1","AreaID":"wan","Coordinates":[${origin}]}]`],
    ['nodes', 200, `[${at('n1', 0.1)},${at('n2', 0.2)},${at('n2', 0.3, 's')}]`],
    ['nodes?segment=', 200, `[${at('n1', 0.1)},${at('n2', 0.2)}]`],
    ['nodes?segment=s', 200, `[${at('n2', 0.3, 's')}]`],
    ['nodes?segment=x', 200, '[]'],
    ['node/N1', 200, `[${at('N1', 0.1)}]`],
    ['node/n2?segment=s', 200, `[${at('n2', 0.3, 's')}]`],
    ['node/n1?segment=s', 404, ''],
    ['node/stranger', 404, ''],
    ['node/', 404, ''],
    ['nodes?dc=dc2', 500, 'No path to datacenter'],
  ]
  for (const [target, status, body] of cases)
    t.match(await ask('GET', `/v1/coordinate/${target}`), { status, body }, target)
  const { headers } = await ask('GET', '/v1/coordinate/nodes')
  t.equal(headers['X-Consul-Index'], '3')
  const waiting = ask('GET', '/v1/coordinate/node/n1?index=3&wait=1m')
  await ask('PUT', '/v1/coordinate/update', { body: at('n1', 0.7) })
  leader.log.apply('coordinates-update', { Updates: leader.located.splice(0) })
  t.match(await waiting, { body: `[${at('n1', 0.7)}]` })
})

t.test('coordinates that are none are refused', async (t) => {
  const { rpc, leader } = localRpc()
  const { ask } = await serve(t, fakePorts({ rpc, gossip: memoryGossip() }))
  const Vec = [0, 0, 0, 0, 0, 0, 0, 0]
  const cases: readonly [body: string, status: number, text: string][] = [
    ['', 400, 'Request decode failed: EOF'],
    [JSON.stringify({ Datacenter: 'dc2', Coord: { Vec } }), 500, 'No path to datacenter'],
    [JSON.stringify({ Node: 'n1', Coord: { Vec: [1] } }), 500, 'incompatible coordinate'],
    ['{}', 500, 'incompatible coordinate'],
    [JSON.stringify({ Coord: { Vec } }), 200, ''],
  ]
  for (const [body, status, text] of cases)
    t.match(await ask('PUT', '/v1/coordinate/update', { body }), { status, body: text }, body)
  t.match(leader.located, [{ Node: '', Coord: { Vec, Error: 0, Height: 0 } }])
})

t.test('rows come nearest first where that is asked', async (t) => {
  const { rpc, leader } = localRpc()
  for (const Node of ['n1', 'n2', 'n3']) await rpc.write('Catalog.Register', { ...emptyNode, Node })
  const at = (Node: string, x: number) => ({
    Node,
    Segment: '',
    Coord: { Vec: [x, 0, 0, 0, 0, 0, 0, 0], Error: 1, Adjustment: 0, Height: 0 },
  })
  leader.log.apply('coordinates-update', { Updates: [at('n1', 0.3), at('n2', 0.1), at('n3', 0.2)] })
  const { ask } = await serve(t, fakePorts({ rpc }))
  for (const [query, order] of [
    ['', ['n1', 'n2', 'n3']],
    ['?near=n2', ['n2', 'n3', 'n1']],
    ['?near=_agent', ['n1', 'n3', 'n2']],
    ['?near=nobody', ['n1', 'n2', 'n3']],
  ] as const) {
    const { body } = await ask('GET', `/v1/catalog/nodes${query}`)
    const names = (JSON.parse(body) as { readonly Node: string }[]).map(({ Node }) => Node)
    t.strictSame(names, order, query)
  }
})

const emptyNode: Registration = {
  ID: '',
  Node: '',
  Address: '10.0.0.1',
  TaggedAddresses: null,
  NodeMeta: null,
  SkipNodeUpdate: false,
}
