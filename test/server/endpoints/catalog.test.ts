import t from 'tap'

import type { HealthCheck } from '../../../server/model/check.ts'
import type { Node } from '../../../server/model/node.ts'
import { Catalog } from '../../support/catalog.ts'
import type { LooseRegistration } from '../../support/catalog.ts'
import { sessionId } from '../../support/log.ts'

const [idA, idB] = [
  '11111111-1111-1111-1111-111111111111',
  '22222222-2222-2222-2222-222222222222',
] as const

const on = (more: LooseRegistration): LooseRegistration => ({ Node: 'n1', Address: '1', ...more })

const nodeOf = (catalog: Catalog, name: string): Node | undefined =>
  catalog.read('Catalog.NodeServices', { Node: name })?.Node

const serviceIds = (catalog: Catalog, node = 'n1'): string[] =>
  (catalog.read('Catalog.NodeServices', { Node: node })?.Services ?? []).map(({ ID }) => ID)

const checksOf = (catalog: Catalog, node = 'n1'): readonly HealthCheck[] =>
  catalog.read('Health.NodeChecks', { Node: node })

const refused: readonly { readonly given: LooseRegistration; readonly text: string }[] = [
  { given: { Address: '1' }, text: 'Must provide node' },
  { given: { Node: 'n1' }, text: 'Must provide address if SkipNodeUpdate is not set' },
  { given: { Address: '1', Datacenter: 'dc8' }, text: 'No path to datacenter' },
  { given: on({ ID: 'foo' }), text: 'Bad node ID: uuid string is wrong length' },
  {
    given: on({ ID: 'a2345678+1234-1234-1234-123456789012' }),
    text: 'Bad node ID: uuid is improperly formatted',
  },
  {
    given: on({ ID: 'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz' }),
    text: "Bad node ID: encoding/hex: invalid byte: U+007A 'z'",
  },
  { given: on({ Service: { ID: 'x' } }), text: 'Must provide service name with ID' },
  {
    given: on({ Service: {} }),
    text: 'failed inserting service: failed inserting service: object missing primary index',
  },
  { given: on({ Service: { Service: 'x', Address: '::' } }), text: 'Invalid service address' },
  { given: on({ Service: { Service: 'x', Address: '0.0.0.0' } }), text: 'Invalid service address' },
  {
    given: on({ Service: { Service: 'x', Meta: { 'bad key': '1' } } }),
    text:
      'failed inserting service: Invalid Service Meta for node n1 and serviceID x: ' +
      "Couldn't load metadata pair ('bad key', '1'): Key contains invalid characters",
  },
  {
    given: on({ Check: { CheckID: 'c', ServiceID: 'none' } }),
    text: 'failed inserting check: Missing service registration on node "n1"',
  },
  {
    given: on({ Check: { CheckID: 'c', Node: 'N1' } }),
    text: 'check node "N1" does not match node "n1"',
  },
  {
    given: on({ Check: {} }),
    text: 'failed inserting check: failed inserting check: object missing primary index on node "n1"',
  },
  {
    given: on({ Service: { ID: 'x', Kind: 'connect-proxy', Address: '0.0.0.0' } }),
    text:
      '2 errors occurred:\n\t* Proxy.DestinationServiceName must be non-empty for Connect proxy services\n' +
      '\t* Port must be set for a Connect proxy\n\n',
  },
  {
    given: on({
      Service: {
        Service: 'x',
        Kind: 'connect-proxy',
        Port: 3,
        Proxy: { DestinationServiceName: '*' },
        Connect: { Native: true },
      },
    }),
    text: '1 error occurred:\n\t* A Proxy cannot also be Connect Native, only typical services\n\n',
  },
  {
    given: on({
      Service: {
        Service: 'x',
        Kind: 'terminating-gateway',
        Proxy: {
          DestinationServiceName: 'a',
          DestinationServiceID: 'a',
          LocalServiceAddress: 'c',
          LocalServicePort: 3,
          Upstreams: [{ DestinationName: 'a', LocalBindPort: 3 }],
        },
        Connect: { SidecarService: {} },
      },
    }),
    text:
      '7 errors occurred:\n\t* Port must be non-zero for a terminating-gateway\n' +
      '\t* A terminating-gateway cannot have a sidecar service defined\n' +
      '\t* The Proxy.DestinationServiceName configuration is invalid for a terminating-gateway\n' +
      '\t* The Proxy.DestinationServiceID configuration is invalid for a terminating-gateway\n' +
      '\t* The Proxy.LocalServiceAddress configuration is invalid for a terminating-gateway\n' +
      '\t* The Proxy.LocalServicePort configuration is invalid for a terminating-gateway\n' +
      '\t* The Proxy.Upstreams configuration is invalid for a terminating-gateway\n\n',
  },
  {
    given: on({
      Service: {
        Service: 'x',
        Connect: { SidecarService: { ID: 'a', Connect: { SidecarService: {} } } },
      },
    }),
    text:
      '2 errors occurred:\n\t* A SidecarService cannot specify an ID as this is managed by the agent\n' +
      '\t* A SidecarService cannot have a nested SidecarService\n\n',
  },
]

t.test('a registration that makes no sense is refused in the words of Consul', async (t) => {
  for (const { given, text } of refused) {
    const catalog = new Catalog()
    await t.rejects(catalog.register(given), { message: text })
    t.strictSame(catalog.read('Catalog.ListNodes', {}), [], `nothing of it is kept: ${text}`)
  }
  await t.rejects(new Catalog().deregister({}), { message: 'Must provide node' })
  await t.rejects(new Catalog().deregister({ Node: 'n1', Datacenter: 'dc8' }), {
    message: 'No path to datacenter',
  })
})

t.test('what a client leaves out is filled in', async (t) => {
  const catalog = new Catalog()
  await catalog.register(
    on({
      Service: { Service: 'web', Tags: ['a'], Weights: { Passing: 0, Warning: -1 } },
      Check: { Name: 'last' },
      Checks: [{ Name: 'named' }, { CheckID: 'of-web', ServiceID: 'web', Status: 'passing' }],
    }),
  )
  t.match(catalog.read('Catalog.NodeServices', { Node: 'n1' }), {
    Node: { Datacenter: 'dc1', TaggedAddresses: null, Meta: null },
    Services: [{ ID: 'web', Weights: { Passing: 1, Warning: 1 } }],
  })
  t.match(checksOf(catalog), [
    { CheckID: 'last', Node: 'n1', Status: 'critical', ServiceTags: [] },
    { CheckID: 'named', Node: 'n1', Status: 'critical', ServiceName: '' },
    { CheckID: 'of-web', Status: 'passing', ServiceName: 'web', ServiceTags: ['a'] },
  ])
})

t.test('the kind of a check is seen from its definition', async (t) => {
  const kinds: readonly (readonly [type: string, definition: Record<string, unknown>])[] = [
    ['', {}],
    ['', { TCP: 'x:1' }],
    ['tcp', { TCP: 'x:1', Interval: '1s' }],
    ['http', { HTTP: 'http://x', Interval: 10_000_000_000 }],
    ['grpc', { GRPC: 'x', Interval: '1s' }],
    ['ttl', { TTL: 10_000_000_000 }],
    ['ttl', { TTL: '10s', HTTP: 'x', Interval: '0s', AliasService: 'z' }],
    ['alias', { AliasNode: 'x' }],
    ['alias', { AliasService: 'z' }],
    ['script', { ScriptArgs: ['x'] }],
    ['docker', { ScriptArgs: ['x'], DockerContainerID: 'd', Interval: '1s' }],
  ]
  for (const [type, Definition] of kinds) {
    const catalog = new Catalog()
    await catalog.register(on({ Check: { CheckID: 'c', Definition } }))
    t.equal(checksOf(catalog)[0]?.Type, type, JSON.stringify(Definition))
  }
  const catalog = new Catalog()
  await catalog.register(on({ Check: { CheckID: 'c', Type: 'own', Definition: { TTL: '1s' } } }))
  t.equal(checksOf(catalog)[0]?.Type, 'own', 'unless it says so itself')
})

t.test('a node is overwritten by the next registration, unless that skips it', async (t) => {
  const catalog = new Catalog()
  await catalog.register(on({ NodeMeta: { a: 'b' }, TaggedAddresses: { lan: '1' } }))
  await catalog.register({ Node: 'n1', SkipNodeUpdate: true, NodeMeta: { c: 'd' } })
  t.match(nodeOf(catalog, 'n1'), { Address: '1', Meta: { a: 'b' }, CreateIndex: 1, ModifyIndex: 1 })
  await catalog.register(on({}))
  t.match(nodeOf(catalog, 'n1'), { Meta: null, TaggedAddresses: null, ModifyIndex: 3 })
  await catalog.register({ Node: 'n2', SkipNodeUpdate: true })
  t.match(nodeOf(catalog, 'n2'), { Address: '' }, 'a node that is not there is made all the same')
})

t.test('names and ids are the same whatever their case', async (t) => {
  const catalog = new Catalog()
  await catalog.register(on({ Service: { Service: 'Web' }, Check: { CheckID: 'C' } }))
  await catalog.register({ Node: 'N1', Address: '1', Service: { Service: 'web' } })
  t.equal(catalog.read('Catalog.ListNodes', {}).length, 1)
  t.match(catalog.read('Catalog.ServiceNodes', { ServiceName: 'WEB' }), [
    { Node: 'N1', ServiceID: 'web', CreateIndex: 1, ModifyIndex: 2 },
  ])
  await catalog.deregister({ Node: 'n1', CheckID: 'c' })
  await catalog.deregister({ Node: 'n1', ServiceID: 'WEB' })
  t.strictSame([serviceIds(catalog), checksOf(catalog)], [[], []])
})

t.test('a known id under another name is the node renamed', async (t) => {
  const catalog = new Catalog()
  await catalog.register(on({ ID: idA, Service: { Service: 'web' }, Check: { CheckID: 'c' } }))
  await catalog.register({ Node: 'n2', Address: '1', ID: idA })
  t.strictSame(
    catalog.read('Catalog.ListNodes', {}).map(({ Node: name, CreateIndex }) => [name, CreateIndex]),
    [['n2', 1]],
  )
  t.strictSame([serviceIds(catalog, 'n2'), checksOf(catalog, 'n2')], [[], []], 'it starts anew')
})

const serf = (Status: string): LooseRegistration => ({
  Check: { CheckID: 'serfHealth', Status },
})

t.test('a name belongs to the node that has it while that is alive', async (t) => {
  const reserved = (how: string): string =>
    `failed inserting node: Error while renaming Node ID: ${how}: Node name n1 is reserved by node ${idA} with name n1 (1)`
  for (const status of ['passing', 'warning']) {
    const catalog = new Catalog()
    await catalog.register(on({ ID: idA, ...serf(status) }))
    await t.rejects(catalog.register(on({ ID: idB })), { message: reserved(`"${idB}"`) })
    await catalog.register({ Node: 'n2', Address: '2', ID: idB })
    await t.rejects(catalog.register({ Node: 'n1', Address: '2', ID: idB }), {
      message: reserved(`"${idB}" (2)`),
    })
    t.equal(nodeOf(catalog, 'n2')?.ID, idB, 'a refused renaming leaves the node where it was')
  }

  const failed = new Catalog()
  await failed.register(on({ ID: idA, ...serf('critical') }))
  await failed.register(on({ ID: idB }))
  t.equal(nodeOf(failed, 'n1')?.ID, idB, 'a failed node may be replaced')

  const unwatched = new Catalog()
  await unwatched.register(on({ ID: idA }))
  await unwatched.register(on({ ID: idB }))
  t.equal(nodeOf(unwatched, 'n1')?.ID, idB, 'so may one that gossip knows nothing of')

  const nameless = new Catalog()
  await nameless.register(on(serf('passing')))
  await nameless.register(on({ ID: idA }))
  t.equal(nodeOf(nameless, 'n1')?.ID, idA, 'a node without an id may get one')
  await nameless.register({ Node: 'n2', Address: '2', ...serf('passing') })
  await t.rejects(nameless.register({ Node: 'n2', Address: '3', ID: idA }), {
    message: /Node name n2 is reserved by node {2}with name n2 \(2\)$/,
  })
})

t.test('the same registration again writes nothing', async (t) => {
  const catalog = new Catalog()
  const given = on({
    ID: idA,
    NodeMeta: { a: '1', b: '2' },
    Service: { Service: 'web', Tags: ['x'], Meta: { a: '1', b: '2' }, Port: 80 },
    Checks: [{ CheckID: 'c', ServiceID: 'web' }, { CheckID: 'n' }],
  })
  await catalog.register(given)
  const { store } = catalog.log
  const before = [...store.indexes.all()]
  await catalog.register({ ...given, NodeMeta: { b: '2', a: '1' } })
  t.strictSame([...store.indexes.all()], before, 'whatever the order of keys')
  await catalog.register({ ...given, Service: { ...given.Service, Tags: [] } })
  await catalog.register({ ...given, Service: { ...given.Service, Tags: null } })
  t.equal(
    catalog.read('Catalog.NodeServices', { Node: 'n1' })?.Services[0]?.ModifyIndex,
    4,
    'an empty list is not none',
  )
})

t.test(
  'deregistering takes a service, else a check, else the node, with all that hangs on it',
  async (t) => {
    const catalog = new Catalog()
    await catalog.register(
      on({
        Service: { Service: 'web' },
        Checks: [{ CheckID: 'w', ServiceID: 'web' }, { CheckID: 'n' }],
      }),
    )
    await catalog.register(on({ Service: { Service: 'api' } }))
    await catalog.deregister({ Node: 'n1', ServiceID: 'web', CheckID: 'n' })
    t.strictSame(
      [serviceIds(catalog), checksOf(catalog).map(({ CheckID }) => CheckID)],
      [['api'], ['n']],
    )
    await catalog.deregister({ Node: 'n1', CheckID: 'n' })
    t.strictSame(checksOf(catalog), [])
    await catalog.deregister({ Node: 'n1' })
    t.equal(nodeOf(catalog, 'n1'), undefined)
    t.strictSame(catalog.read('Catalog.ListServices', {}), {})
  },
)

t.test('sessions end with what they live by', async (t) => {
  const ends: readonly (readonly [name: string, act: (catalog: Catalog) => Promise<void>])[] = [
    [
      'its check turns critical',
      (c) => c.register(on({ Check: { CheckID: 'n', Status: 'critical' } })),
    ],
    ['its check goes', (c) => c.deregister({ Node: 'N1', CheckID: 'N' })],
    ['the service of its check goes', (c) => c.deregister({ Node: 'n1', ServiceID: 'web' })],
    ['its node goes', (c) => c.deregister({ Node: 'n1' })],
    ['its node is renamed', (c) => c.register({ Node: 'n2', Address: '1', ID: idA })],
  ]
  for (const [name, act] of ends) {
    const catalog = new Catalog()
    const passing = { Status: 'passing' }
    await catalog.register(
      on({
        ID: idA,
        Service: { Service: 'web' },
        Checks: [
          { CheckID: 'n', ...passing },
          { CheckID: 'w', ServiceID: 'web', ...passing },
        ],
      }),
    )
    catalog.log.session(sessionId(1), {
      Node: 'n1',
      NodeChecks: ['n'],
      ServiceChecks: [{ ID: 'w', Namespace: '' }],
    })
    await catalog.register(on({ SkipNodeUpdate: true, Check: { CheckID: 'n', Status: 'warning' } }))
    t.equal(catalog.read('Session.List', {}).length, 1, 'a warning ends none')
    await act(catalog)
    t.strictSame(catalog.read('Session.List', {}), [], name)
  }
})

t.test('an instance under a new name is gone from the old one', async (t) => {
  const catalog = new Catalog()
  await catalog.register(on({ Service: { Service: 'web', ID: 'w' } }))
  const wake = catalog.watch({ method: 'Health.ServiceNodes', args: { ServiceName: 'web' } })
  await catalog.register(on({ Service: { Service: 'www', ID: 'w' } }))
  t.ok(wake().woken, 'and who waits for the old name hears of it')
  t.strictSame(Object.keys(catalog.read('Catalog.ListServices', {})), ['www'])
  t.strictSame(catalog.read('Health.ServiceNodes', { ServiceName: 'web' }), [])
})

t.test(
  'a node is found by its name, or by the beginning of its id if only one begins so',
  async (t) => {
    const catalog = new Catalog()
    await catalog.register(on({ ID: idA }))
    await catalog.register({ Node: 'n2', Address: '1', ID: '11112222-1111-1111-1111-111111111111' })
    await catalog.register({ Node: '22', Address: '1' })
    await catalog.register({ Node: 'n3', Address: '1', ID: idB })
    const table: readonly (readonly [asked: string, found: string | undefined])[] = [
      ['N1', 'n1'],
      [idA, 'n1'],
      [idA.toUpperCase(), 'n1'],
      ['11111', undefined],
      ['111111', 'n1'],
      ['1111222', 'n2'],
      ['11', undefined],
      ['2', undefined],
      ['22', '22'],
      ['2222', 'n3'],
      ['22222', 'n3'],
      ['none', undefined],
    ]
    for (const [asked, found] of table) t.equal(nodeOf(catalog, asked)?.Node, found, asked)
  },
)

t.test('service rows have the order and the omissions of the answers', async (t) => {
  const catalog = new Catalog()
  await catalog.register(
    on({ Service: { Connect: {}, Proxy: {}, Kind: '', Service: 'web', TaggedAddresses: {} } }),
  )
  const plain = catalog.read('Catalog.NodeServices', { Node: 'n1' })?.Services[0]
  t.equal(
    Object.keys(plain ?? {}).join(),
    'ID,Service,Tags,Address,Meta,Port,Weights,EnableTagOverride,Proxy,Connect,CreateIndex,ModifyIndex',
  )
  t.strictSame([plain?.Tags, plain?.Meta], [[], null])
  t.match(catalog.read('Catalog.ServiceNodes', { ServiceName: 'web' }), [
    { ServiceKind: '', ServiceTags: [], ServiceMeta: {} },
  ])
})
