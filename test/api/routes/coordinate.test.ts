import t from 'tap'

import { fakeRpc } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

const origin =
  '{"Node":"n1","Segment":"","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1.5,"Adjustment":0,"Height":0.00001}}'

t.test('a node alone stands at the origin, and of others nothing is known', async (t) => {
  const rpc = fakeRpc({ 'Catalog.ListNodes': () => [] })
  const { ask } = await serve(t, { rpc })
  const cases: readonly [target: string, status: number, body: string][] = [
    ['datacenters', 200, `[{"Datacenter":"dc1","AreaID":"wan","Coordinates":[${origin}]}]`],
    ['nodes', 200, `[${origin}]`],
    ['nodes?segment=x', 200, '[]'],
    ['node/n1', 200, `[${origin}]`],
    ['node/n1?segment=x', 404, ''],
    ['node/other', 404, ''],
    ['node/', 404, ''],
    ['nodes?index=x', 400, 'Invalid index'],
  ]
  for (const [target, status, body] of cases)
    t.match(await ask('GET', `/v1/coordinate/${target}`), { status, body }, target)
  t.match(await ask('GET', '/v1/coordinate/nodes?index=3&wait=1s'), {
    headers: { 'X-Consul-Index': '7' },
  })
  t.match(rpc.asked.at(-1)?.options, { minIndex: 3, waitMs: 1000 })
})

t.test('a coordinate that is told is judged as by Consul, and refused', async (t) => {
  const { ask } = await serve(t)
  const Vec = [0, 0, 0, 0, 0, 0, 0, 0]
  const cases: readonly [body: unknown, status: number, text: string][] = [
    ['', 400, 'Request decode failed: EOF'],
    [
      { Coord: { Vec: ['a'] } },
      400,
      'Request decode failed: json: cannot unmarshal string into Go struct field Coordinate.Coord.Vec of type float64',
    ],
    [{ Bogus: 1 }, 400, 'Request decode failed: json: unknown field "Bogus"'],
    [{ Datacenter: 'dc2', Coord: { Vec } }, 500, 'No path to datacenter'],
    [{ Node: 'n1', Coord: { Vec: [1] } }, 500, 'incompatible coordinate'],
    [{}, 500, 'incompatible coordinate'],
    [{ Node: 'n1', Coord: { Vec } }, 500, 'coordinates are not kept: this agent has no gossip yet'],
  ]
  for (const [given, status, text] of cases) {
    const body = given === '' ? '' : JSON.stringify(given)
    t.match(await ask('PUT', '/v1/coordinate/update', { body }), { status, body: text }, body)
  }
})
