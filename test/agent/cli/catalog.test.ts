import t from 'tap'

import { follow, runLine, wordsOf } from '../../support/command-line.ts'
import { serve } from '../../support/http.ts'
import { localRpc } from '../../support/local-rpc.ts'

const { port, ask } = await serve(t, { rpc: localRpc().rpc })
const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` }
const wrong = { code: 1 }

t.before(async () => {
  for (const body of [
    {
      ID: '11111111-2222-3333-4444-555555555555',
      Node: 'n1',
      Address: '10.0.0.1',
      NodeMeta: { rack: 'a', disk: 'ssd' },
      TaggedAddresses: { wan: '1.0.0.1', lan: '10.0.0.1' },
      Service: { ID: 'w1', Service: 'web', Tags: ['v2', 'v1'] },
    },
    { Node: 'node-two', Address: '10.0.0.2', Service: { ID: 'w2', Service: 'web', Tags: ['v1'] } },
    { Node: 'node-two', Address: '10.0.0.2', Service: { ID: 'w3', Service: 'web', Tags: ['v3'] } },
    { Node: 'node-two', Address: '10.0.0.2', Service: { ID: 'api', Service: 'api' } },
  ])
    await ask('PUT', '/v1/catalog/register', { body: JSON.stringify(body) })
})

t.test('nodes stand in columns', (t) =>
  follow(t, port, [
    [
      'catalog nodes',
      'Node      ID        Address   DC\nn1        11111111  10.0.0.1  dc1\nnode-two            10.0.0.2  dc1\n',
    ],
    [
      'catalog nodes -service=web',
      'Node      ID        Address   DC\nn1        11111111  10.0.0.1  dc1\nnode-two            10.0.0.2  dc1\nnode-two            10.0.0.2  dc1\n',
    ],
    [
      'catalog nodes -detailed -node-meta=rack=a',
      'Node  ID                                    Address   DC   TaggedAddresses            Meta\n' +
        'n1    11111111-2222-3333-4444-555555555555  10.0.0.1  dc1  lan=10.0.0.1, wan=1.0.0.1  disk=ssd, rack=a\n',
    ],
    [
      'catalog nodes -filter=\'Node == "node-two"\''.replaceAll(/-filter='(.*)'/g, "'-filter=$1'"),
      'Node      ID  Address   DC\nnode-two      10.0.0.2  dc1\n',
    ],
    [
      'catalog nodes -filter===',
      'Error listing nodes: Unexpected response code: 500 (Failed to create boolean expression evaluator: 1:1 (0): no match found, expected: "(", "-", "0", "\\"", "`", "not", [ \\t\\r\\n], [1-9] or [a-zA-Z])\n',
      wrong,
    ],
    [
      'catalog nodes -datacenter=dc9',
      'Error listing nodes: Unexpected response code: 500 (No path to datacenter)\n',
      wrong,
    ],
    ['catalog nodes x', 'Too many arguments (expected 0, got 1)\n', wrong],
  ]),
)

t.test('services stand with their tags', (t) =>
  follow(t, port, [
    ['catalog services', 'api\nweb\n'],
    ['catalog services -tags', 'api      \nweb      v1,v2,v3\n'],
    ['catalog services -node=n1 -tags', 'web      v1,v2\n'],
    ['catalog services -node=node-two', 'api\nweb\n'],
    ['catalog services -node-meta=rack=a', 'web\n'],
    ['catalog datacenters', 'dc1\n'],
  ]),
)

t.test('to find nothing is no failure, and is told apart from a list', async (t) => {
  for (const [line, what] of [
    ['catalog nodes -service=nope', 'nodes'],
    ['catalog nodes -node-meta=rack=z', 'nodes'],
    ['catalog services -node=nope', 'services'],
    ['catalog services -node-meta=rack=z', 'services'],
  ] as const)
    t.strictSame(await runLine(wordsOf(line), { env }), {
      code: 0,
      out: '',
      err: `No ${what} match the given query - try expanding your search.\n`,
    })
})
