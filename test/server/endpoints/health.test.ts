import t from 'tap'

import type { ServiceNode } from '../../../server/model/check.ts'
import type { QueryOptions } from '../../../server/model/query.ts'
import { Catalog } from '../../support/catalog.ts'

/** Three instances of web on two nodes, one of api, a proxy for web; a node that warns and a service that fails. */
async function prepared(): Promise<Catalog> {
  const catalog = new Catalog()
  await catalog.register({
    Node: 'B',
    Address: '2',
    NodeMeta: { zone: 'x' },
    Service: { Service: 'web', ID: 'w2', Tags: ['v2'], Port: 82 },
    Checks: [
      { CheckID: 'of-w2', ServiceID: 'w2', Status: 'critical' },
      { CheckID: 'zz-node', Status: 'passing' },
    ],
  })
  await catalog.register({
    Node: 'a',
    Address: '1',
    NodeMeta: { zone: 'x', rack: '7' },
    Service: { Service: 'web', ID: 'w9', Tags: ['Prod', 'v1'], Port: 89 },
  })
  await catalog.register({
    Node: 'a',
    Address: '1',
    NodeMeta: { zone: 'x', rack: '7' },
    Service: { Service: 'web', ID: 'W1', Tags: ['prod'], Port: 81 },
    Checks: [{ CheckID: 'of-w1', ServiceID: 'W1', Status: 'passing' }],
  })
  await catalog.register({
    Node: 'c',
    Address: '3',
    Service: {
      Service: 'web-proxy',
      Kind: 'connect-proxy',
      Port: 1,
      Proxy: { DestinationServiceName: 'Web' },
    },
    Check: { CheckID: 'node', Status: 'warning' },
  })
  await catalog.register({
    Node: 'c',
    Address: '3',
    Service: { Service: 'api', Connect: { Native: true } },
  })
  return catalog
}

const ids = (rows: readonly ServiceNode[]): string[] => rows.map(({ Service }) => Service.ID)

t.test('instances are listed by node and id, with the checks of the node first', async (t) => {
  const catalog = await prepared()
  const rows = catalog.read('Health.ServiceNodes', { ServiceName: 'web' })
  t.strictSame(ids(rows), ['W1', 'w9', 'w2'])
  t.strictSame(
    rows.map(({ Node, Checks }) => [Node.Node, Checks.map(({ CheckID }) => CheckID)]),
    [
      ['a', ['of-w1']],
      ['a', []],
      ['B', ['zz-node', 'of-w2']],
    ],
  )
  t.strictSame(
    catalog.read('Catalog.ServiceNodes', { ServiceName: 'web' }).map((row) => row.ServiceID),
    ids(rows),
    'the catalog lists them in the same order',
  )
})

interface Selection {
  readonly name: string
  readonly tags?: readonly string[]
  readonly passing?: boolean
  readonly query?: QueryOptions
  readonly ids: readonly string[]
}

const selections: readonly Selection[] = [
  { name: 'a tag, whatever its case', tags: ['PROD'], ids: ['W1', 'w9'] },
  { name: 'all of several tags', tags: ['prod', 'V1'], ids: ['w9'] },
  { name: 'a tag that none has', tags: ['prod', ''], ids: [] },
  { name: 'passing', passing: true, ids: ['W1', 'w9'] },
  { name: 'node metadata', query: { nodeMeta: { zone: 'x', rack: '7' } }, ids: ['W1', 'w9'] },
  { name: 'node metadata that none has', query: { nodeMeta: { zone: 'y' } }, ids: [] },
  { name: 'a filter', query: { filter: 'Service.Port == 82' }, ids: ['w2'] },
  {
    name: 'everything at once',
    tags: ['prod'],
    passing: true,
    query: { filter: 'Service.ID != W1', nodeMeta: { zone: 'x' } },
    ids: ['w9'],
  },
]

t.test('a reader may ask for some instances only', async (t) => {
  const catalog = await prepared()
  const all = { method: 'Health.ServiceNodes', args: { ServiceName: 'web' } } as const
  for (const { name, tags = [], passing = false, query = {}, ids: expected } of selections) {
    const args = { ServiceName: 'web', ServiceTags: tags, PassingOnly: passing }
    t.strictSame(ids(catalog.read('Health.ServiceNodes', args, query)), expected, name)
    t.equal(
      catalog.index({ method: 'Health.ServiceNodes', args, query }),
      catalog.index(all),
      `${name}: at the same index`,
    )
  }
  t.throws(
    () => catalog.read('Health.ServiceNodes', { ServiceName: 'web' }, { filter: 'No == 1' }),
    {
      message: 'Failed to create boolean expression evaluator: Selector "No" is not valid',
    },
  )
})

t.test('the catalog is filtered in its own words', async (t) => {
  const catalog = await prepared()
  const names = (query: QueryOptions): string[] =>
    catalog.read('Catalog.ListNodes', {}, query).map(({ Node: name }) => name)
  t.strictSame(names({}), ['a', 'B', 'c'])
  t.strictSame(names({ nodeMeta: { zone: 'x' } }), ['a', 'B'])
  t.strictSame(names({ filter: 'Meta.rack == 7' }), ['a'])
  t.strictSame(catalog.read('Catalog.ListServices', {}), {
    api: [],
    web: ['Prod', 'prod', 'v1', 'v2'],
    'web-proxy': [],
  })
  t.strictSame(catalog.read('Catalog.ListServices', {}, { nodeMeta: { rack: '7' } }), {
    web: ['Prod', 'prod', 'v1'],
  })
  t.match(
    catalog.read(
      'Catalog.ServiceNodes',
      { ServiceName: 'web', ServiceTags: ['v2'] },
      { filter: 'ServicePort == 82', nodeMeta: { zone: 'x' } },
    ),
    [{ ServiceID: 'w2', NodeMeta: { zone: 'x' } }],
  )
  t.strictSame(
    catalog
      .read('Catalog.NodeServices', { Node: 'a' }, { filter: 'Port == 81' })
      ?.Services.map(({ ID }) => ID),
    ['W1'],
  )
  t.equal(catalog.read('Catalog.NodeServices', { Node: 'none' }), undefined)
})

const found = (rows: readonly { readonly CheckID: string }[]): string[] =>
  rows.map(({ CheckID }) => CheckID)

t.test('checks are found by node, by service and by state', async (t) => {
  const catalog = await prepared()
  t.strictSame(found(catalog.read('Health.NodeChecks', { Node: 'b' })), ['of-w2', 'zz-node'])
  t.strictSame(found(catalog.read('Health.ServiceChecks', { ServiceName: 'WEB' })), [
    'of-w1',
    'of-w2',
  ])
  t.strictSame(
    found(
      catalog.read('Health.ServiceChecks', { ServiceName: 'web' }, { nodeMeta: { rack: '7' } }),
    ),
    ['of-w1'],
  )
  t.strictSame(found(catalog.read('Health.ChecksInState', { State: 'any' })), [
    'of-w1',
    'of-w2',
    'zz-node',
    'node',
  ])
  t.strictSame(found(catalog.read('Health.ChecksInState', { State: 'passing' })), [
    'of-w1',
    'zz-node',
  ])
  t.strictSame(catalog.read('Health.ChecksInState', { State: 'PASSING' }), [])
  t.strictSame(
    found(catalog.read('Health.ChecksInState', { State: 'any' }, { filter: 'Status == critical' })),
    ['of-w2'],
  )
})

t.test('over the mesh one reaches proxies and those that speak Connect', async (t) => {
  const catalog = await prepared()
  const reached = (ServiceName: string): string[] =>
    ids(catalog.read('Health.ServiceNodes', { ServiceName, Connect: true }))
  t.strictSame([reached('web'), reached('API'), reached('web-proxy')], [['web-proxy'], ['api'], []])
  t.match(catalog.read('Catalog.ServiceNodes', { ServiceName: 'web', Connect: true }), [
    { ServiceID: 'web-proxy', ServiceKind: 'connect-proxy' },
  ])
  t.strictSame(catalog.read('Health.ServiceNodes', { ServiceName: 'web', Ingress: true }), [])
  const wake = catalog.watch({
    method: 'Health.ServiceNodes',
    args: { ServiceName: 'web', Connect: true },
  })
  await catalog.register({ Node: 'c', Address: '3', Check: { CheckID: 'node', Status: 'passing' } })
  t.ok(wake().woken, 'a check of the proxy wakes')
})

t.test('the dumps show rows as they are, with null for what was not given', async (t) => {
  const catalog = await prepared()
  const [dump] = catalog.read('Internal.NodeInfo', { Node: 'C' })
  t.strictSame(
    [
      dump?.node.Node,
      dump?.services.map(({ Tags }) => Tags),
      dump?.checks.map((c) => c.ServiceTags),
    ],
    ['c', [null, null], [null]],
  )
  t.strictSame(catalog.read('Internal.NodeInfo', { Node: 'none' }), [])
  t.equal(catalog.read('Internal.NodeDump', {}).length, 3)
  t.strictSame(
    catalog
      .read('Internal.NodeDump', {}, { filter: 'Services.Service == api' })
      .map(({ node }) => node.Node),
    ['c'],
  )
  t.strictSame(
    ids(catalog.read('Internal.ServiceDump', {}, { filter: 'Service.Service != web' })),
    ['api', 'web-proxy'],
  )
})

t.test('an answer about a name that is not there is not kept', async (t) => {
  const { endpoints } = await import('../../../server/endpoints/table.ts')
  const { store } = (await prepared()).log
  for (const method of ['Health.ServiceNodes', 'Catalog.ServiceNodes'] as const) {
    t.equal(endpoints[method].run(store, { ServiceName: 'none' }, {}).remember, false)
    t.equal(endpoints[method].run(store, { ServiceName: 'web' }, {}).remember, undefined)
  }
})

t.test('rows are shared: who reads twice gets the same objects', async (t) => {
  const catalog = await prepared()
  const read = (): readonly ServiceNode[] =>
    catalog.read('Health.ServiceNodes', { ServiceName: 'web' })
  const [first, second] = [read(), read()]
  t.ok(first.every((row, at) => row === second[at]))
})
