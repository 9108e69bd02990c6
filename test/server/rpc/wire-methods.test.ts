import fc from 'fast-check'
import t from 'tap'

import { PraetorError } from '../../../server/model/errors.ts'
import type { QueryOptions } from '../../../server/model/query.ts'
import { MessageReader } from '../../../server/rpc/message-reader.ts'
import { fieldsOf, integer } from '../../../server/rpc/shape.ts'
import type { Fields } from '../../../server/rpc/shape.ts'
import type { WireMethod } from '../../../server/rpc/wire-methods/method.ts'
import {
  metaFields,
  metaOf,
  queryFields,
  queryOf,
  writeFields,
  writeOptionsOf,
} from '../../../server/rpc/wire-methods/query.ts'
import { wireReads, wireWrites } from '../../../server/rpc/wire-methods/table.ts'
import { encodeMsgpack } from '../../../server/wire/msgpack.ts'

/** Rows as our state keeps them: what JSON leaves out is absent, maps are by their keys. */
const text = fc.string({ maxLength: 8 })
const index = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const indexes = { CreateIndex: index, ModifyIndex: index }
const texts = fc.option(fc.array(text, { maxLength: 3 }))
const textMap = fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }).map(sorted)
const said = text.filter((one) => one !== '')
const address = fc.record({ Address: text, Port: fc.nat(65_535) })
const partly: fc.RecordConstraints<never> = { requiredKeys: [] }

const node = fc.record({
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: fc.option(textMap),
  Meta: fc.option(textMap),
  ...indexes,
})
const proxy = fc
  .record(
    {
      DestinationServiceName: said,
      LocalServicePort: fc.integer({ min: 1, max: 65_535 }),
      Config: textMap.filter((map) => Object.keys(map).length > 0),
    },
    partly,
  )
  .map((given) => ({ ...given, MeshGateway: {}, Expose: {} }))
const givenService = {
  ID: text,
  Service: text,
  Tags: texts,
  Address: text,
  Meta: fc.option(textMap),
  Port: fc.nat(65_535),
  Weights: fc.record({ Passing: fc.nat(), Warning: fc.nat() }),
  EnableTagOverride: fc.boolean(),
  Proxy: proxy,
  Connect: fc.record({ Native: fc.constant(true) }, partly),
}
const sometimes = fc.record(
  {
    Kind: said,
    TaggedAddresses: fc
      .dictionary(text, address, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
      .map(sorted),
  },
  partly,
)
const service = fc.tuple(sometimes, fc.record({ ...givenService, ...indexes })).map(joined)
const definition = fc.record(
  {
    Interval: fc.constantFrom('10s', '1m30s', '15ms', '1h0m0s', '1ns'),
    Timeout: fc.constant('2.5s'),
    HTTP: said,
    TLSSkipVerify: fc.constant(true),
    Header: fc.constant({ X: ['y', 'z'] }),
  },
  partly,
)
const givenCheck = {
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: texts,
  Type: text,
  Definition: definition,
}
const check = fc.record({ ...givenCheck, ...indexes })
const flags = fc.oneof(fc.nat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }))
const bytes = fc.uint8Array({ maxLength: 20 })
const entry = fc
  .tuple(
    fc.record({ Session: said }, partly),
    fc.record({ LockIndex: index, Key: text, Flags: flags, Value: bytes, ...indexes }),
  )
  .map(joined)
const autopilot = {
  CleanupDeadServers: fc.boolean(),
  LastContactThresholdMs: fc.nat(),
  MaxTrailingLogs: fc.nat(),
  MinQuorum: fc.nat(),
  ServerStabilizationTimeMs: fc.nat(),
  RedundancyZoneTag: text,
  DisableUpgradeMigration: fc.boolean(),
  UpgradeVersionTag: text,
}
const fences = fc.array(fc.record({ Key: text, Index: fc.maxSafeNat() }), {
  minLength: 1,
  maxLength: 2,
})
const session = fc
  .tuple(
    fc.record({ Checks: fc.array(text, { minLength: 1, maxLength: 2 }) }, partly),
    fc.record({
      ID: text,
      Name: text,
      Node: text,
      LockDelay: index,
      Behavior: text,
      TTL: text,
      NodeChecks: texts,
      ServiceChecks: fc.option(
        fc.array(fc.record({ ID: text, Namespace: text }), { maxLength: 2 }),
      ),
      ...indexes,
    }),
  )
  .map(joined)
const serviceNode = fc.record({
  Node: node,
  Service: service,
  Checks: fc.array(check, { maxLength: 2 }),
})
const dump = fc.record({
  node,
  services: fc.array(service, { maxLength: 2 }),
  checks: fc.array(check, { maxLength: 2 }),
})
const kvWrite = fc
  .tuple(
    fc.record({ Session: said, ModifyIndex: fc.integer({ min: 1, max: 1e9 }) }, partly),
    fc.record({ Key: text, Flags: flags, Value: bytes }),
  )
  .map(joined)
const verb = text
const op = fc.oneof(
  kvWrite.chain((kv) => verb.map((Verb) => ({ KV: { Verb, ...kv } }))),
  fc.record({ Node: fc.record({ Verb: verb, Node: node }) }),
  fc.record({ Service: fc.record({ Verb: verb, Node: text, Service: service }) }),
  fc.record({ Check: fc.record({ Verb: verb, Check: check }) }),
  fc.record({ Session: fc.record({ Verb: verb, Session: fc.record({ ID: text }) }) }),
)
const txnReply = fc.record({
  results: fc.array(
    fc.oneof(
      fc.record({ KV: entry }),
      fc.record({ Node: node }),
      fc.record({ Service: service }),
      fc.record({ Check: check }),
    ),
    { maxLength: 4 },
  ),
  errors: fc.array(fc.record({ OpIndex: fc.nat(64), What: text }), { maxLength: 2 }),
})
const ops = fc.record({ Ops: fc.array(op, { maxLength: 4 }) })
const some = <Row>(row: fc.Arbitrary<Row>): fc.Arbitrary<Row[]> => fc.array(row, { maxLength: 3 })
const maybe = <Row>(row: fc.Arbitrary<Row>): fc.Arbitrary<Row | undefined> =>
  fc.option(row, { nil: undefined })
const nothing = fc.constant({})
const ofNode = fc.record({ Node: text })
const tags = fc.array(text, { minLength: 1, maxLength: 3 })
const asked = { Connect: fc.constant(true), ServiceTags: tags }
const catalogService = service.chain(({ Proxy, Connect, Weights, Meta, Tags, ...rest }) =>
  node.map(({ Meta: NodeMeta, ...of }) => ({
    ...of,
    NodeMeta,
    ServiceKind: rest.Kind ?? '',
    ServiceID: rest.ID,
    ServiceName: rest.Service,
    ServiceTags: Tags,
    ServiceAddress: rest.Address,
    ...(rest.TaggedAddresses ? { ServiceTaggedAddresses: rest.TaggedAddresses } : {}),
    ServiceWeights: Weights,
    ServiceMeta: Meta,
    ServicePort: rest.Port,
    ServiceEnableTagOverride: rest.EnableTagOverride,
    ServiceProxy: Proxy,
    ServiceConnect: Connect,
  })),
)
const registration = fc
  .tuple(
    fc.record(
      {
        Datacenter: said,
        Service: fc.tuple(sometimes, fc.record(givenService)).map(joined),
        Check: fc.record(givenCheck),
        Checks: fc.array(fc.record(givenCheck), { minLength: 1, maxLength: 2 }),
      },
      partly,
    ),
    fc.record({
      ID: text,
      Node: text,
      Address: text,
      TaggedAddresses: fc.option(textMap),
      NodeMeta: fc.option(textMap),
      SkipNodeUpdate: fc.boolean(),
    }),
  )
  .map(joined)

const number = fc.double({ noDefaultInfinity: true, noNaN: true }).map((one) => one + 0)
const nodeCoordinate = fc.record({
  Node: text,
  Segment: text,
  Coord: fc.record({
    Vec: fc.array(number, { maxLength: 8 }),
    Error: number,
    Adjustment: number,
    Height: number,
  }),
})

/** What every method may be asked, and may answer. */
const methods: Readonly<Record<string, readonly [fc.Arbitrary<unknown>, fc.Arbitrary<unknown>]>> = {
  'KVS.Get': [fc.record({ Key: text }), maybe(entry)],
  'KVS.List': [fc.record({ Key: text }), some(entry)],
  'KVS.ListKeys': [fc.record({ Prefix: text, Separator: text }), some(text)],
  'Session.Get': [fc.record({ SessionID: text }), some(session)],
  'Session.List': [nothing, some(session)],
  'Session.NodeSessions': [ofNode, some(session)],
  'Catalog.ListNodes': [nothing, some(node)],
  'Catalog.ListServices': [
    nothing,
    fc.dictionary(text, some(text), { maxKeys: 3, noNullPrototype: true }).map(sorted),
  ],
  'Catalog.ServiceNodes': [
    fc.record({ ServiceName: text, ...asked }, { requiredKeys: ['ServiceName'] }),
    some(catalogService),
  ],
  'Catalog.NodeServices': [
    ofNode,
    maybe(
      fc.record({
        Node: node,
        Services: fc
          .uniqueArray(service, { maxLength: 3, selector: ({ ID }) => ID.toLowerCase() })
          .map(byId),
      }),
    ),
  ],
  'Health.ServiceNodes': [
    fc.record(
      { ServiceName: text, ...asked, Ingress: fc.constant(true) },
      { requiredKeys: ['ServiceName'] },
    ),
    some(serviceNode),
  ],
  'Health.NodeChecks': [ofNode, some(check)],
  'Health.ServiceChecks': [fc.record({ ServiceName: text }), some(check)],
  'Health.ChecksInState': [fc.record({ State: text }), some(check)],
  'Coordinate.ListNodes': [nothing, some(nodeCoordinate)],
  'Coordinate.Node': [ofNode, some(nodeCoordinate)],
  'Internal.NodeInfo': [ofNode, some(dump)],
  'Internal.NodeDump': [nothing, some(dump)],
  'Internal.ServiceDump': [nothing, some(serviceNode)],
  'Operator.AutopilotGetConfiguration': [
    nothing,
    fc.record({ ...autopilot, CreateIndex: fc.nat(), ModifyIndex: fc.nat() }),
  ],
  'Operator.AutopilotSetConfiguration': [
    fc
      .tuple(fc.record({ AtIndex: fc.nat() }, partly), fc.record({ Config: fc.record(autopilot) }))
      .map(joined),
    fc.boolean(),
  ],
  'Txn.Read': [ops, txnReply],
  'KVS.Apply': [
    fc.record(
      {
        Op: fc.constantFrom('cas', 'lock', 'unlock', 'delete-cas'),
        DirEnt: kvWrite,
        Fences: fences,
      },
      { requiredKeys: ['Op', 'DirEnt'] },
    ),
    fc.boolean(),
  ],
  'Session.Apply': [
    fc.record({
      Op: fc.constant('create'),
      Session: fc.record({
        Name: text,
        Node: text,
        LockDelayMs: fc.nat(60_000),
        Behavior: text,
        TTL: text,
        NodeChecks: texts,
      }),
    }),
    text,
  ],
  'Session.Renew': [fc.record({ SessionID: text }), maybe(session)],
  'Catalog.Register': [registration, fc.constant(undefined)],
  'Catalog.Deregister': [
    fc.record({ Node: text, ServiceID: said, CheckID: said }, { requiredKeys: ['Node'] }),
    fc.constant(undefined),
  ],
  'Coordinate.Update': [nodeCoordinate, fc.constant(undefined)],
  'Txn.Apply': [fc.tuple(ops, fc.record({ Fences: fences }, partly)).map(joined), txnReply],
}
const wires = { ...wireReads, ...wireWrites } as unknown as Readonly<
  Record<string, WireMethod<unknown, unknown>>
>

t.test('every method is here', async (t) => {
  t.strictSame(Object.keys(methods).toSorted(), Object.keys(wires).toSorted())
})

for (const [method, [args, reply]] of Object.entries(methods))
  t.test(`${method} is the same after the wire, question and answer`, async (t) => {
    const wire = wires[method] as WireMethod<unknown, unknown>
    fc.assert(
      fc.property(args, reply, (asked, answer) => {
        const arrived = wire.args.fromWire(fieldsOf(overTheWire(wire.args.toWire(asked))))
        t.strictSame(plain(arrived), plain(asked))
        const answered = wire.reply.fromWire(overTheWire(wire.reply.toWire(answer, arrived)), asked)
        t.strictSame(plain(answered), plain(answer))
      }),
      { numRuns: 30 },
    )
  })

t.test('what a query asks beside its own fields is the same after the wire', async (t) => {
  const options = fc.record(
    {
      datacenter: said,
      token: said,
      minIndex: fc.integer({ min: 1, max: 2 ** 40 }),
      waitMs: fc.integer({ min: 1, max: 600_000 }),
      maxStaleMs: fc.integer({ min: 1, max: 1e6 }),
      filter: said,
      near: said,
      nodeMeta: textMap.filter((map) => Object.keys(map).length > 0),
    },
    partly,
  )
  fc.assert(
    fc.property(
      options,
      fc.constantFrom('default', 'stale', 'consistent'),
      (given, consistency) => {
        const query = { ...given, consistency } as QueryOptions
        t.strictSame(plain(queryOf(fieldsOf(overTheWire(queryFields(query))))), plain(query))
      },
    ),
  )
  t.throws(() => queryOf({ AllowStale: true, RequireConsistent: true }), /Cannot specify/)
})

t.test('an index that nobody has reached yet is an integer on the wire too', (t) => {
  const cases: readonly [number, number | bigint][] = [
    [2 ** 53 - 1, 2 ** 53 - 1],
    [2 ** 53, 2n ** 53n],
    [Number('18446744073709551615'), 2n ** 64n - 1n],
    [1e300, 2n ** 64n - 1n],
    [-5e18, -5_000_000_000_000_000_000n],
    [-1e300, -(2n ** 63n)],
  ]
  for (const [value, wire] of cases) {
    t.equal(integer.toWire(value), wire)
    t.equal(integer.fromWire(wire), Number(wire))
  }
  t.end()
})

t.test('a write takes its name along', async (t) => {
  const id = { origin: 'a', epoch: 'b', sequence: 7 }
  t.strictSame(
    writeOptionsOf(fieldsOf(overTheWire(writeFields({ token: 't', datacenter: 'dc1', id })))),
    {
      datacenter: 'dc1',
      token: 't',
      id,
    },
  )
  t.strictSame(writeOptionsOf({}), {})
})

t.test('what is told of a read is told in nanoseconds, and an index is at least 1', async (t) => {
  const meta = { index: 7, knownLeader: true, lastContactMs: 12, consistency: 'stale' } as const
  t.strictSame(metaFields(meta), {
    Index: 7,
    LastContact: 12_000_000,
    KnownLeader: true,
    ConsistencyLevel: '',
  })
  t.strictSame(metaOf(metaFields(meta), 'stale'), meta)
  t.equal(metaOf({}).index, 1)
})

t.test("a Consul's answer is read as it sent it", async (t) => {
  const sent = Buffer.from(
    '\x83\xa5Error\xa0\xa3Seq\x05\xadServiceMethod\xa7KVS.Get\x85\xb0ConsistencyLevel\xa0\xa7Entries\x91\x87\xabCreateIndex\x0e\xa5Flags\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa3Key\xa1a\xa9LockIndex\x00\xabModifyIndex\x0e\xa7Session\xa0\xa5Value\xa3\x00\xffA\xa5Index\x0e\xabKnownLeader\xc3\xabLastContact\x00',
    'latin1',
  )
  const [message] = [...new MessageReader().read(sent)]
  t.strictSame(message?.header, { Error: '', Seq: 5, ServiceMethod: 'KVS.Get' })
  t.strictSame(plain(wireReads['KVS.Get'].reply.fromWire(message?.body, { Key: 'a' })), {
    LockIndex: 0,
    Key: 'a',
    Flags: 2n ** 64n - 1n,
    Value: [0, 255, 65],
    CreateIndex: 14,
    ModifyIndex: 14,
  })
  t.strictSame(metaOf(fieldsOf(message?.body)), {
    index: 14,
    knownLeader: true,
    lastContactMs: 0,
    consistency: 'default',
  })
})

t.test('where the two say it differently', async (t) => {
  const { 'KVS.Apply': apply, 'Session.Apply': make } = wireWrites
  const {
    'Health.ServiceNodes': health,
    'Session.Get': get,
    'Catalog.ListServices': names,
  } = wireReads
  const set = { Op: 'set', DirEnt: { Key: 'a', Flags: 0, Value: new Uint8Array(0) } } as const
  t.equal(apply.reply.fromWire(false, set), true, 'an unconditional write was done')
  t.equal(apply.reply.toWire(true, set), false, 'and Consul says false of it')
  const gone = { Op: 'destroy', Session: { ID: 's' } } as const
  t.equal(make.reply.fromWire('', gone), 's', 'a destroyed session is called by its id')
  const bare = { Op: 'create', Session: { Node: 'n' } } as const
  t.match(make.args.toWire(bare), {
    Session: { LockDelay: 15e9, NodeChecks: ['serfHealth'], Checks: null },
  })
  const none = { Op: 'create', Session: { Node: 'n', Checks: [], LockDelayMs: 0 } } as const
  t.match(make.args.toWire(none), { Session: { LockDelay: 0, NodeChecks: [], Checks: null } })
  t.strictSame(get.args.fromWire({ Session: 'old' }), { SessionID: 'old' })
  t.strictSame(health.args.fromWire({ ServiceName: 'w', ServiceTag: 'x', TagFilter: true }), {
    ServiceName: 'w',
    ServiceTags: ['x'],
  })
  t.strictSame(health.args.fromWire({ ServiceName: 'w', ServiceTags: ['x'] }), { ServiceName: 'w' })
  const status = (Status: string) => ({ Checks: [{ Status }] })
  const passing = health.reply.fromWire(
    { Nodes: [status('passing'), status('warning')] },
    { ServiceName: 'w', PassingOnly: true },
  )
  t.equal(passing.length, 1, 'what does not pass is left out here')
  t.strictSame(names.reply.toWire({ web: [] }, {}), { Services: { web: [] } })
  const [weighed] = [wireWrites['Catalog.Register'].args.fromWire({ Service: { ID: 'x' } })]
  t.strictSame(weighed.Service?.Weights, { Passing: 1, Warning: 1 })
})

t.test("a question with all of Go's zero values is the plain question", async (t) => {
  const options = {
    AllowStale: false,
    Datacenter: 'dc1',
    Filter: '',
    MaxAge: 0,
    MaxQueryTime: 0,
    MaxStaleDuration: 0,
    MinQueryIndex: 0,
    MustRevalidate: false,
    NodeMetaFilters: null,
    RequireConsistent: false,
    Source: { Datacenter: '', Ip: '', Node: '', Segment: '' },
    StaleIfError: 0,
    Token: '',
    UseCache: false,
  }
  const wire = fieldsOf(
    overTheWire({
      ...options,
      Connect: false,
      Ingress: false,
      ServiceAddress: '',
      ServiceKind: '',
      ServiceName: 'web',
      ServiceTag: '',
      ServiceTags: null,
      TagFilter: false,
    }),
  )
  t.strictSame(queryOf(wire), { datacenter: 'dc1', consistency: 'default' })
  t.strictSame(wireReads['Health.ServiceNodes'].args.fromWire(wire), { ServiceName: 'web' })
  const register = wireWrites['Catalog.Register'].args.fromWire(
    fieldsOf(
      overTheWire({
        Address: '10.0.0.1',
        Check: null,
        Checks: null,
        Datacenter: 'dc1',
        ID: '',
        Node: 'n',
        NodeMeta: null,
        Service: null,
        SkipNodeUpdate: false,
        TaggedAddresses: null,
        Token: '',
      }),
    ),
  )
  t.strictSame(register, {
    Datacenter: 'dc1',
    ID: '',
    Node: 'n',
    Address: '10.0.0.1',
    TaggedAddresses: null,
    NodeMeta: null,
    SkipNodeUpdate: false,
  })
})

t.test('what cannot be is refused in words', async (t) => {
  const wrong: readonly [string, unknown, RegExp][] = [
    ['KVS.Get', { Key: 7 }, /text was expected, not a number/],
    ['KVS.Apply', { Op: 'set', DirEnt: [] }, /a map was expected, not a list/],
    ['KVS.Apply', { Op: 'set', DirEnt: { Flags: -1 } }, /an unsigned integer was expected/],
    ['KVS.Apply', { Op: 'set', DirEnt: { Value: 1 } }, /bytes was expected, not a number/],
    ['KVS.Apply', { Op: 'shout' }, /Invalid KVS operation 'shout'/],
    ['Session.Apply', { Op: 'renew' }, /Invalid session operation 'renew'/],
    ['Txn.Apply', { Ops: 'x' }, /a list was expected, not a string/],
    ['Txn.Apply', { Ops: [{}] }, /says nothing/],
    ['Catalog.Register', { SkipNodeUpdate: 1 }, /a boolean was expected/],
    ['Catalog.Register', { Service: { Port: 1.5 } }, /an integer was expected/],
  ]
  for (const [method, body, reason] of wrong)
    t.throws(() => wires[method]?.args.fromWire(body as Fields), {
      name: PraetorError.prototype.name,
      message: reason,
    })
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(wires)),
      fc.dictionary(
        fc.constantFrom('Key', 'Op', 'Ops', 'DirEnt', 'Session', 'Service', 'Checks', 'Node'),
        fc.anything(),
      ),
      (wire, body) => {
        try {
          wire.args.fromWire(body)
        } catch (error) {
          return error instanceof PraetorError
        }
        return true
      },
    ),
  )
})

function overTheWire(body: unknown): unknown {
  const bytes = Buffer.concat([encodeMsgpack({}), encodeMsgpack(body, { oldSpec: true })])
  return [...new MessageReader().read(bytes)][0]?.body
}

/** Bytes as numbers, whichever kind of array holds them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}

function sorted<Value>(map: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function byId<Row extends { readonly ID: string }>(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => (a.ID.toLowerCase() < b.ID.toLowerCase() ? -1 : 1))
}

function joined<A extends object, B extends object>([a, b]: readonly [A, B]): A & B {
  return { ...a, ...b }
}
