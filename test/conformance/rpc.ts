/**
 * Our RPC client against a real Consul's server port: `node test/conformance/rpc.ts`. What a method gives over the wire is
 * compared with what the same Consul prints over HTTP; and every answer, put back on the wire by us, must be the message that
 * Consul sent, but for fields with Go's zero value, which say the same by their absence.
 *
 *     --oracle COMMAND    the Consul to ask (default: $CONSUL, else `consul` on the PATH)
 *     --port N            the first of five ports (default 22030)
 *
 * Exits with 1 if anything differs.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util'

import type {
  ReadMethod,
  ReadMethods,
  WriteMethod,
  WriteMethods,
} from '../../server/model/methods.ts'
import type { NodeDump } from '../../server/model/node-dump.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import { Pool } from '../../server/rpc/pool.ts'
import type { Calls, Target } from '../../server/rpc/pool.ts'
import { RemoteRpc } from '../../server/rpc/remote-rpc.ts'
import { fieldsOf } from '../../server/rpc/shape.ts'
import type { WireMethod } from '../../server/rpc/wire-methods/method.ts'
import { wireReads, wireWrites } from '../../server/rpc/wire-methods/table.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { exchange } from './exchange.ts'
import { nodeName, startPeer } from './peer.ts'

const { values: options } = parseArgs({
  options: {
    oracle: { type: 'string', default: process.env['CONSUL'] ?? 'consul' },
    port: { type: 'string', default: '22030' },
  },
})

await using oracle = await startPeer(
  { label: 'oracle', command: options.oracle.split(' ') },
  Number(options.port),
  'dev',
)
await using pool = new Pool({ clock: systemClock, log: noLog })

/** What stands beside every read's rows. */
const meta = new Set(['Index', 'LastContact', 'KnownLeader', 'ConsistencyLevel'])

const noNode = {
  ID: '',
  Node: '',
  Address: '',
  Datacenter: '',
  TaggedAddresses: null,
  Meta: null,
  CreateIndex: 0,
  ModifyIndex: 0,
}

/** The last answer as it was on the wire. */
let answer: unknown
const remembering: Calls = {
  async call(...args) {
    answer = await pool.call(...args)
    return answer
  },
}

const address = `127.0.0.1:${oracle.ports.server}`
let failures = 0
let checks = 0

/** A Consul answers a Praetor's one connection too, only not side by side. */
for (const speaks of ['consul', 'praetor'] as const) {
  const rpc = new RemoteRpc({ calls: remembering, target: { address, speaks }, datacenter: 'dc1' })
  await conform(rpc, { address, speaks })
}
console.log(`${checks} checks, ${failures} failures`)
process.exitCode = failures === 0 ? 0 : 1

async function conform(rpc: RemoteRpc, target: Target): Promise<void> {
  const says = (what: string, actual: unknown, expected: unknown): void =>
    check(`${target.speaks}: ${what}`, actual, expected)

  const call = (method: string, body: object): Promise<unknown> =>
    pool.call(target, method, body, { timeoutMs: 10_000 })
  says('Status.Ping', await call('Status.Ping', {}), {})
  says('Status.Leader', await call('Status.Leader', {}), address)
  says('Status.Peers', await call('Status.Peers', {}), [address])

  const write = async <M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
  ): Promise<WriteMethods[M]['reply']> => {
    const reply = await rpc.write(method, args)
    const wire = wireWrites[method] as WireMethod<unknown, unknown>
    says(
      `${method}: the answer goes back as it came`,
      lacking(wire.reply.toWire(reply, args), answer),
      [],
    )
    return reply
  }
  /** Reads over RPC, and over HTTP from `path`; `shown` picks from our answer what HTTP shows. */
  const read = async <M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    path: string,
    query: QueryOptions = {},
    shown: (value: ReadMethods[M]['reply']) => unknown = (value) => value,
  ): Promise<void> => {
    const { value, meta } = await rpc.read(method, args, query)
    const wire = wireReads[method] as WireMethod<unknown, unknown>
    // What doesn't pass was left out here, so it can't go back.
    const whole = 'PassingOnly' in args ? [] : lacking(wire.reply.toWire(value, args), answer)
    const name = `${method} ${JSON.stringify(args)} ${JSON.stringify(query)}`
    says(`${name}: the answer goes back as it came`, whole, [])
    const { headers, body } = await exchange(oracle.ports.http, {
      method: 'GET',
      path: `/v1${path}`,
    })
    const printed = body.length === 0 ? undefined : (JSON.parse(body.toString()) as unknown)
    says(`${name}: as over HTTP`, jsonOf(shown(value)), jsonOf(printed))
    const index = headers.find(([name]) => name.toLowerCase() === 'x-consul-index')?.[1]
    says(`${name}: its index`, String(meta.index), index)
    says(`${name}: a leader is known`, meta.knownLeader, true)
  }

  const Value = Uint8Array.of(0, 255, 65, 0xc3)
  const kv = { Key: 'rpc/a', Flags: 2n ** 64n - 1n, Value }
  says('set', await write('KVS.Apply', { Op: 'set', DirEnt: kv }), true)
  says(
    'set nothing',
    await write('KVS.Apply', {
      Op: 'set',
      DirEnt: { Key: 'rpc/é/b', Flags: 1, Value: Buffer.from('ünï') },
    }),
    true,
  )
  says(
    'cas refused',
    await write('KVS.Apply', { Op: 'cas', DirEnt: { ...kv, ModifyIndex: 1 } }),
    false,
  )
  says(
    'set of nothing',
    await write('KVS.Apply', {
      Op: 'set',
      DirEnt: { Key: 'rpc/empty', Flags: 0, Value: new Uint8Array(0) },
    }),
    true,
  )
  const { value: entry } = await rpc.read('KVS.Get', { Key: 'rpc/a' })
  says('flags are exact', entry?.Flags, kv.Flags)
  says('bytes are exact', Buffer.from(entry?.Value ?? []).toString('hex'), '00ff41c3')
  const large = Buffer.alloc(500_000, 0xfe)
  says(
    'a large value',
    await write('KVS.Apply', { Op: 'set', DirEnt: { Key: 'rpc/large', Flags: 0, Value: large } }),
    true,
  )
  await read('KVS.Get', { Key: 'rpc/large' }, '/kv/rpc/large', {}, (one) => [kvJson(one)])
  await read('KVS.Get', { Key: 'rpc/a' }, '/kv/rpc/a', {}, (one) => [kvJson(one)])
  await read('KVS.Get', { Key: 'rpc/none' }, '/kv/rpc/none')
  await read('KVS.List', { Key: 'rpc/' }, '/kv/rpc/?recurse', {}, (rows) => rows.map(kvJson))
  await read('KVS.ListKeys', { Prefix: 'rpc/', Separator: '/' }, '/kv/rpc/?keys&separator=/')
  await read(
    'KVS.Get',
    { Key: 'rpc/a' },
    '/kv/rpc/a?consistent',
    { consistency: 'consistent' },
    (one) => [kvJson(one)],
  )
  await read('KVS.Get', { Key: 'rpc/a' }, '/kv/rpc/a?stale', { consistency: 'stale' }, (one) => [
    kvJson(one),
  ])

  await write('Catalog.Register', registration('m1'))
  await write('Catalog.Register', {
    ...registration('m2'),
    TaggedAddresses: { lan: '10.0.0.9' },
    ID: '40e4a748-2192-161a-0510-9bf59fe950b5',
  })
  await read('Catalog.ListNodes', {}, '/catalog/nodes')
  await read('Catalog.ListNodes', {}, '/catalog/nodes?node-meta=rack:r1', {
    nodeMeta: { rack: 'r1' },
  })
  await read('Catalog.ListNodes', {}, '/catalog/nodes?filter=Node%20!=%20m1', {
    filter: 'Node != m1',
  })
  await read('Catalog.ListServices', {}, '/catalog/services')
  for (const ServiceName of ['web', 'consul', 'nope'])
    await read('Catalog.ServiceNodes', { ServiceName }, `/catalog/service/${ServiceName}`)
  await read(
    'Catalog.ServiceNodes',
    { ServiceName: 'web', ServiceTags: ['b'] },
    '/catalog/service/web?tag=b',
  )
  await read('Catalog.ServiceNodes', { ServiceName: 'web', Connect: true }, '/catalog/connect/web')
  await read('Catalog.NodeServices', { Node: 'm1' }, '/catalog/node-services/m1')
  await read(
    'Catalog.NodeServices',
    { Node: 'nope' },
    '/catalog/node/nope',
    {},
    (value) => value ?? null,
  )
  for (const ServiceName of ['web', 'consul', 'nope'])
    await read('Health.ServiceNodes', { ServiceName }, `/health/service/${ServiceName}`)
  await read(
    'Health.ServiceNodes',
    { ServiceName: 'web', PassingOnly: true },
    '/health/service/web?passing',
  )
  await read(
    'Health.ServiceNodes',
    { ServiceName: 'web', ServiceTags: ['a', 'b'] },
    '/health/service/web?tag=a&tag=b',
  )
  await read('Health.NodeChecks', { Node: 'm1' }, '/health/node/m1')
  await read('Health.ServiceChecks', { ServiceName: 'web' }, '/health/checks/web')
  await read('Health.ChecksInState', { State: 'critical' }, '/health/state/critical')
  await read('Internal.NodeDump', {}, '/internal/ui/nodes', {}, (rows) => rows.map(dumpJson))
  await read('Internal.NodeInfo', { Node: 'm1' }, '/internal/ui/node/m1', {}, ([row]) =>
    row === undefined ? row : dumpJson(row),
  )

  const made = await write('Session.Apply', {
    Op: 'create',
    Session: { Node: nodeName, Name: 's', TTL: '30s', LockDelayMs: 1_500 },
  })
  const plain = await write('Session.Apply', { Op: 'create', Session: { Node: 'm1', Checks: [] } })
  // A key of its own each time, or the lock delay of the time before holds it back.
  const locked = { ...kv, Key: `rpc/lock/${made}` }
  says('lock', await write('KVS.Apply', { Op: 'lock', DirEnt: { ...locked, Session: made } }), true)
  says(
    'lock refused',
    await write('KVS.Apply', { Op: 'lock', DirEnt: { ...locked, Session: plain } }),
    false,
  )
  await read('Session.Get', { SessionID: made }, `/session/info/${made}`)
  await read('Session.List', {}, '/session/list')
  await read('Session.NodeSessions', { Node: nodeName }, `/session/node/${nodeName}`)
  says('renew', (await write('Session.Renew', { SessionID: made }))?.ID, made)
  says('destroy', await write('Session.Apply', { Op: 'destroy', Session: { ID: made } }), made)
  says('renew what is gone', await write('Session.Renew', { SessionID: made }), undefined)
  await write('Session.Apply', { Op: 'destroy', Session: { ID: plain } })

  const applied = await write('Txn.Apply', {
    Ops: [
      { KV: { Verb: 'set', ...kv, Key: 'rpc/t' } },
      { KV: { Verb: 'get', Key: 'rpc/t', Flags: 0, Value: new Uint8Array(0) } },
      { Node: { Verb: 'get', Node: { ...noNode, Node: 'm1' } } },
    ],
  })
  says('a transaction', [applied.results.length, applied.errors], [3, []])
  const refused = await write('Txn.Apply', {
    Ops: [{ KV: { Verb: 'check-index', ...kv, ModifyIndex: 1 } }],
  })
  says(
    'a refused transaction',
    refused.errors.map(({ OpIndex }) => OpIndex),
    [0],
  )
  const looked = await rpc.read('Txn.Read', { Ops: [{ KV: { Verb: 'get', ...kv, Key: 'rpc/t' } }] })
  says('a transaction that reads', looked.value.results.length, 1)

  // These run beside others, so they must not be taken for the last answer.
  const beside = new RemoteRpc({ calls: pool, target, datacenter: 'dc1' })
  const { meta } = await rpc.read('KVS.Get', { Key: 'rpc/a' })
  const blocked = beside.read('KVS.Get', { Key: 'rpc/a' }, { minIndex: meta.index, waitMs: 60_000 })
  if (target.speaks === 'consul') {
    await write('KVS.Apply', { Op: 'set', DirEnt: { ...kv, Flags: 7 } })
    says('a blocking query wakes', (await blocked).value?.Flags, 7)
    const given = new AbortController()
    const giving = beside.read('KVS.Get', { Key: 'rpc/a' }, { minIndex: 1e9, signal: given.signal })
    given.abort(new Error('given up'))
    says('a call is given up', await textOf(giving), 'given up')
  } else await exchange(oracle.ports.http, { method: 'PUT', path: '/v1/kv/rpc/a', body: 'x' })
  await blocked

  const failing: readonly [Promise<unknown>, string][] = [
    [rpc.read('KVS.Get', { Key: 'a' }, { datacenter: 'dc9' }), 'No path to datacenter'],
    [rpc.write('KVS.Apply', { Op: 'set', DirEnt: { ...kv, Key: '' } }), 'Must provide key'],
    [
      rpc.read('Catalog.ListNodes', {}, { filter: 'Nope == 1' }),
      'Failed to create boolean expression evaluator: Selector "Nope" is not valid',
    ],
    [
      rpc.write('Session.Apply', { Op: 'create', Session: { Node: 'nope' } }),
      'Missing node registration',
    ],
  ]
  for (const [failed, expected] of failing)
    says('an error', await textOf(failed), `rpc error making call: ${expected}`)

  await write('Catalog.Deregister', { Node: 'm1', ServiceID: 'web1' })
  await write('Catalog.Deregister', { Node: 'm1' })
  await write('Catalog.Deregister', { Node: 'm2' })
  await write('KVS.Apply', {
    Op: 'delete-tree',
    DirEnt: { Key: 'rpc/', Flags: 0, Value: new Uint8Array(0) },
  })
}

function registration(Node: string): WriteMethods['Catalog.Register']['args'] {
  const check = {
    Node,
    Name: 'c',
    Notes: 'n',
    Output: 'o',
    ServiceName: '',
    ServiceTags: null,
    Type: '',
  }
  return {
    ID: '',
    Node,
    Address: '10.0.0.1',
    TaggedAddresses: null,
    NodeMeta: { rack: Node === 'm1' ? 'r1' : 'r2' },
    SkipNodeUpdate: false,
    Service: {
      Kind: 'connect-proxy',
      ID: 'web1',
      Service: 'web',
      Tags: ['a', 'b'],
      Address: '1.2.3.4',
      TaggedAddresses: { lan: { Address: '1.2.3.4', Port: 81 } },
      Meta: { version: '1' },
      Port: 80,
      Weights: { Passing: 2, Warning: 3 },
      EnableTagOverride: true,
      Proxy: {
        DestinationServiceName: 'db',
        Config: { z: 1, a: { c: 'x', b: [1, 2] } },
        Upstreams: [
          {
            DestinationType: 'service',
            DestinationName: 'cache',
            Datacenter: '',
            LocalBindPort: 1234,
            Config: null,
            MeshGateway: {},
          },
        ],
        MeshGateway: { Mode: 'local' },
        Expose: {},
      },
      Connect: {},
    },
    Checks: [
      {
        ...check,
        CheckID: 'c1',
        Status: Node === 'm1' ? 'critical' : 'passing',
        ServiceID: 'web1',
        Definition: { Interval: '5s', Timeout: '1m30s', HTTP: 'http://x', Header: { X: ['y'] } },
      },
      { ...check, CheckID: 'c2', Status: 'passing', ServiceID: '', Definition: {} },
    ],
  }
}

/** Over HTTP bytes are base64, an empty value is null, and numbers are what JSON makes of them. */
function kvJson(one: ReadMethods['KVS.Get']['reply']): object | undefined {
  if (one === undefined) return undefined
  const { Flags, Value } = one
  return {
    ...one,
    Flags: Number(Flags),
    Value: Value.length === 0 ? null : Buffer.from(Value).toString('base64'),
  }
}

function dumpJson({ node, services, checks }: NodeDump): object {
  const { ID, Node, Address, TaggedAddresses, Meta } = node
  return { ID, Node, Address, TaggedAddresses, Meta, Services: services, Checks: checks }
}

/** As JSON has it. That tags are printed as an empty list where there are none is the HTTP layer's doing, at some endpoints. */
function jsonOf(value: unknown): unknown {
  if (value === undefined) return undefined
  const noTags = (name: string, one: unknown): unknown =>
    one === null && /^(Service)?Tags$/.test(name) ? [] : sortedTexts(one)
  return JSON.parse(JSON.stringify(value, noTags)) as unknown
}

/** The tags of a service's name come from a map of Go's, in another order every time. */
function sortedTexts(value: unknown): unknown {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? value.toSorted()
    : value
}

/** Where the message says something that ours doesn't say. */
function lacking(ours: unknown, theirs: unknown, path = ''): string[] {
  if (isNothing(ours) && isNothing(theirs)) return []
  if (Array.isArray(theirs) && Array.isArray(ours) && theirs.length === ours.length)
    return theirs.flatMap((item, at) => lacking(ours[at], item, `${path}[${at}]`))
  if (isMap(theirs) && (isMap(ours) || isNothing(ours))) {
    const own = fieldsOf(ours)
    return Object.entries(theirs)
      .filter(([name]) => !meta.has(name) || path !== '')
      .flatMap(([name, value]) => lacking(own[name], value, `${path}.${name}`))
  }
  const same = isDeepStrictEqual(exact(ours), exact(theirs))
  return same
    ? []
    : [`${path}: ${JSON.stringify(exact(ours))} for ${JSON.stringify(exact(theirs))}`]
}

function exact(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (typeof value === 'string') return Buffer.from(value).toString('latin1')
  return typeof value === 'bigint' ? String(value) : value
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  )
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isMap(value)) return Object.values(value).every(isNothing)
  return value === undefined || value === null || value === '' || value === 0 || value === false
}

async function textOf(failing: Promise<unknown>): Promise<string> {
  try {
    return `succeeded with ${JSON.stringify(await failing)}`
  } catch (error) {
    return (error as Error).message
  }
}

function check(what: string, actual: unknown, expected: unknown): void {
  checks += 1
  if (isDeepStrictEqual(actual, expected)) return
  failures += 1
  console.log(`✗ ${what}\n    ours:   ${show(actual)}\n    theirs: ${show(expected)}`)
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_key, one: unknown) =>
      typeof one === 'bigint' ? `${one}n` : one,
    )?.slice(0, 1500) ?? 'undefined'
  )
}
