import t from 'tap'

import type { CheckRow, ServiceRow } from '../../../agent/local/definitions.ts'
import { LocalState } from '../../../agent/local/state.ts'
import { AntiEntropy } from '../../../agent/sync/anti-entropy.ts'
import { scaleFactor, SyncScheduler } from '../../../agent/sync/scheduler.ts'
import { onServerArrival } from '../../../agent/sync/server-arrivals.ts'
import { endpoints } from '../../../server/endpoints/table.ts'
import { memberStatus } from '../../../server/model/member.ts'
import type { Rpc } from '../../../server/model/methods.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { settle, VirtualClock } from '../../support/clock.ts'
import { Log } from '../../support/log.ts'

const second = 1000

/** An agent's local state beside a catalog, and every write that goes from one to the other. */
function world(nodeName = 'n1') {
  const clock = new VirtualClock()
  const chance = seededChance(5)
  const logged = new Log()
  const writes: string[] = []
  const trouble = { failing: false }
  const rpc = {
    read: (method: 'Catalog.NodeServices' | 'Health.NodeChecks', args: { Node: string }) =>
      Promise.resolve({
        value: endpoints[method].run(logged.store, args, {}, undefined).value,
        meta: { index: 1, knownLeader: true, lastContactMs: 0, consistency: 'default' },
      }),
    write: (method: 'Catalog.Register' | 'Catalog.Deregister', args: never) => {
      if (trouble.failing) return Promise.reject(new Error('No cluster leader'))
      const { Service, Check, Checks, ServiceID, CheckID } = args as Record<string, never>
      const names = [
        (Service as ServiceRow | undefined)?.ID,
        (Check as CheckRow | undefined)?.CheckID,
        ...((Checks as readonly CheckRow[] | undefined) ?? []).map((check) => check.CheckID),
        ServiceID,
        CheckID,
      ].filter((name) => name !== undefined)
      writes.push(`${method === 'Catalog.Register' ? '+' : '-'} ${names.join(' ') || 'node'}`)
      return logged.propose(method === 'Catalog.Register' ? 'register' : 'deregister', args)
    },
  } as unknown as Rpc
  const state = new LocalState({
    clock,
    chance,
    checkUpdateIntervalMs: 300 * second,
    discardCheckOutput: false,
  })
  const antiEntropy = new AntiEntropy({
    rpc,
    log: noLog,
    state,
    token: '',
    node: () => ({
      ID: 'd43e76dd-33d0-4d3e-bcb7-4fda32654d1e',
      Node: nodeName,
      Address: '127.0.0.1',
      Datacenter: 'dc1',
      TaggedAddresses: { lan: '127.0.0.1' },
      Meta: {},
    }),
  })
  const since = (): string[] => writes.splice(0)
  return { clock, chance, logged, state, antiEntropy, since, trouble }
}

const web: ServiceRow = {
  ID: 'web',
  Service: 'web',
  Tags: ['a'],
  Address: '',
  Meta: null,
  Port: 80,
  Weights: { Passing: 1, Warning: 1 },
  EnableTagOverride: false,
  Proxy: { MeshGateway: {}, Expose: {} },
  Connect: {},
}

const check = (CheckID: string, ServiceID: string): CheckRow => ({
  Node: 'n1',
  CheckID,
  Name: CheckID,
  Status: 'passing',
  Notes: '',
  Output: '',
  ServiceID,
  ServiceName: ServiceID,
  ServiceTags: ServiceID === '' ? [] : ['a'],
  Type: 'ttl',
  Definition: {},
})

t.test(
  'the first comparison carries everything over, and the next finds nothing to do',
  async (t) => {
    const { state, antiEntropy, since, logged } = world()
    state.putService(web, '')
    state.putCheck(check('c1', 'web'), '', { keepStatus: false })
    state.putCheck(check('c2', ''), '', { keepStatus: false })
    await antiEntropy.full()
    t.strictSame(since(), ['+ node', '+ web c1', '+ c2'])
    const { index } = logged
    await antiEntropy.full()
    t.strictSame(since(), [])
    t.equal(logged.index, index)
  },
)

t.test('a node is not taken for another whose id begins like its name', async (t) => {
  const { state, antiEntropy, since, logged } = world('c2')
  logged.apply('register', {
    ID: 'c2d0aef0-0000-4000-8000-000000000001',
    Node: 'other',
    Address: '127.0.0.1',
    TaggedAddresses: null,
    NodeMeta: null,
    SkipNodeUpdate: false,
    Service: web,
  })
  state.putService(web, '')
  await antiEntropy.full()
  t.strictSame(since(), ['+ node', '+ web'])
})

t.test('a change is sent alone', async (t) => {
  const { state, antiEntropy, since } = world()
  state.putService(web, '')
  state.putCheck(check('c1', 'web'), '', { keepStatus: false })
  await antiEntropy.full()
  since()
  state.updateCheck('c1', 'critical', 'down')
  await antiEntropy.partial()
  t.strictSame(since(), ['+ web c1'])
})

t.test('a service that goes takes its checks along in one step', async (t) => {
  const { state, antiEntropy, since, logged } = world()
  state.putService(web, '')
  state.putCheck(check('c1', 'web'), '', { keepStatus: false })
  await antiEntropy.full()
  since()
  state.removeService('web')
  state.removeCheck('c1')
  await antiEntropy.partial()
  t.strictSame(since(), ['- web'])
  t.equal(logged.store.checks.size, 0)
  t.equal(state.entries.checks.size, 0, 'nothing is left to tell')
})

t.test('what is not ours in the catalog goes, what was changed is put right', async (t) => {
  const { state, antiEntropy, since, logged } = world()
  state.putService(web, '')
  await antiEntropy.full()
  since()
  const node = {
    ID: 'd43e76dd-33d0-4d3e-bcb7-4fda32654d1e',
    Node: 'n1',
    Address: '127.0.0.1',
    TaggedAddresses: { lan: '127.0.0.1' },
    NodeMeta: {},
    SkipNodeUpdate: false,
  }
  logged.apply('register', { ...node, Service: { ...web, ID: 'stray', Service: 'stray' } })
  logged.apply('register', { ...node, Service: { ...web, Port: 81 } })
  logged.apply('register', { ...node, Check: check('c9', '') })
  logged.apply('register', { ...node, Service: { ...web, ID: 'consul', Service: 'consul' } })
  logged.apply('register', { ...node, Check: { ...check('serfHealth', ''), Type: '' } })
  await antiEntropy.full()
  t.strictSame(since(), ['- stray', '- c9', '+ web'])
})

t.test('tags edited in the catalog stay where the service lets them', async (t) => {
  const { state, antiEntropy, since, logged } = world()
  state.putService({ ...web, EnableTagOverride: true }, '')
  await antiEntropy.full()
  since()
  logged.apply('register', {
    ID: 'd43e76dd-33d0-4d3e-bcb7-4fda32654d1e',
    Node: 'n1',
    Address: '127.0.0.1',
    TaggedAddresses: { lan: '127.0.0.1' },
    NodeMeta: {},
    SkipNodeUpdate: true,
    Service: { ...web, EnableTagOverride: true, Tags: ['edited'] },
  })
  await antiEntropy.full()
  t.strictSame(since(), [])
  t.strictSame(state.service('web')?.Tags, ['edited'])
})

t.test('new words under the same status wait their time', async (t) => {
  const { state, antiEntropy, since, clock } = world()
  state.putCheck(check('c1', ''), '', { keepStatus: false })
  await antiEntropy.full()
  since()
  state.updateCheck('c1', 'passing', 'at noon')
  state.updateCheck('c1', 'passing', 'at one')
  await antiEntropy.full()
  t.strictSame(since(), [], 'not even a full comparison sends them early')
  await clock.advance(450 * second)
  await antiEntropy.partial()
  t.strictSame(since(), ['+ c1'])
  t.equal(clock.timers, 0)
})

t.test('what failed half way is finished later, and nothing is sent twice', async (t) => {
  const { state, antiEntropy, since, trouble } = world()
  state.putService(web, '')
  trouble.failing = true
  await t.rejects(antiEntropy.full())
  trouble.failing = false
  await antiEntropy.full()
  t.strictSame(since(), ['+ node', '+ web'])
})

t.test('larger clusters are compared more rarely', (t) => {
  const rows: readonly (readonly [number, number])[] = [
    [1, 1],
    [128, 1],
    [129, 2],
    [256, 2],
    [257, 3],
    [512, 3],
    [8192, 7],
  ]
  for (const [size, factor] of rows) t.equal(scaleFactor(size), factor, `${size} nodes`)
  t.end()
})

t.test(
  'the scheduler compares at the start, sends changes at once, and pauses after a failure',
  async (t) => {
    const clock = new VirtualClock()
    const done: string[] = []
    let failing = false
    const run = (what: string) => () => {
      done.push(`${what} at ${Math.round(clock.monotonicMs() / second)} s`)
      return failing ? Promise.reject(new Error('no leader')) : Promise.resolve()
    }
    await using scheduler = new SyncScheduler({
      clock,
      chance: { ...seededChance(1), fraction: () => 0 },
      clusterSize: () => 1,
      fullSync: run('full'),
      partialSync: run('part'),
      onFailure: () => done.push('failed'),
    })
    scheduler.start()
    await clock.advance(10 * second)
    scheduler.trigger()
    scheduler.trigger()
    await clock.advance(55 * second)
    failing = true
    scheduler.trigger()
    await clock.advance(10 * second)
    failing = false
    await clock.advance(10 * second)
    t.strictSame(done, [
      'full at 0 s',
      'part at 10 s',
      'full at 60 s',
      'part at 65 s',
      'failed',
      'full at 80 s',
    ])
    await settle()
  },
)

t.test(
  'a server that comes is told at once of a node nobody knows, and soon of the others',
  async (t) => {
    const clock = new VirtualClock()
    const done: string[] = []
    let failing = true
    await using scheduler = new SyncScheduler({
      clock,
      chance: { ...seededChance(1), fraction: () => 0.5 },
      clusterSize: () => 1,
      async fullSync() {
        if (failing) throw new Error('No known Consul servers')
        done.push(`full at ${clock.monotonicMs() / second} s`)
      },
      partialSync: async () => undefined,
      onFailure: () => done.push('failed'),
    })
    scheduler.start()
    await clock.advance(second)
    failing = false
    scheduler.serverUp()
    await clock.advance(9 * second)
    scheduler.serverUp()
    await clock.advance(5 * second)
    t.strictSame(done, ['failed', 'full at 1.002 s', 'full at 11.502 s'])
  },
)

t.test('servers come, and members of other kinds do not count', (t) => {
  const members: { Name: string; Status: number; Tags: Record<string, string> }[] = []
  const listeners = new Set<() => void>()
  let arrivals = 0
  const stop = onServerArrival(
    {
      members: () => members.map((member) => ({ ...aMember, ...member })),
      onChange: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    () => (arrivals += 1),
  )
  const now = (Name: string, role: string, Status: number): void => {
    members.splice(0, members.length, ...members.filter((one) => one.Name !== Name))
    members.push({ Name, Status, Tags: { role } })
    for (const listener of listeners) listener()
  }
  const seen: number[] = []
  for (const [name, role, status] of [
    ['c', 'node', memberStatus.alive],
    ['s', 'consul', memberStatus.alive],
    ['s', 'consul', memberStatus.alive],
    ['s', 'consul', memberStatus.failed],
    ['s', 'consul', memberStatus.alive],
  ] as const) {
    now(name, role, status)
    seen.push(arrivals)
  }
  stop()
  t.equal(listeners.size, 0)
  t.strictSame(seen, [0, 1, 1, 1, 2])
  t.end()
})

const aMember = {
  Addr: '127.0.0.1',
  Port: 8301,
  ProtocolMin: 1,
  ProtocolMax: 5,
  ProtocolCur: 2,
  DelegateMin: 2,
  DelegateMax: 5,
  DelegateCur: 4,
}
