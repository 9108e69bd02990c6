import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import { Authorities } from '../../../agent/checks/authorities.ts'
import type { PeriodicKind } from '../../../agent/checks/kind.ts'
import { CheckRunner } from '../../../agent/checks/runner.ts'
import { scriptCheck } from '../../../agent/checks/script.ts'
import { LocalFiles } from '../../../agent/local/persist.ts'
import { Registry } from '../../../agent/local/registry.ts'
import { LocalState } from '../../../agent/local/state.ts'
import { emptyCheckDefinition, emptyServiceDefinition } from '../../../server/model/definition.ts'
import type { CheckDefinition, ServiceDefinition } from '../../../server/model/definition.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { VirtualClock } from '../../support/clock.ts'
import { localRpc } from '../../support/local-rpc.ts'

const second = 1000
const remote = { token: '', replaceExistingChecks: false, source: 'remote' } as const

/** A node with nothing but its registrations; `answer` is what its HTTP checks find. */
function node(dataDir = '', clock = new VirtualClock(), scripts = { local: false, remote: false }) {
  const answer = { status: 'passing' as const as 'passing' | 'warning' | 'critical', runs: 0 }
  const http: PeriodicKind = {
    name: 'http',
    timeoutMs: 10 * second,
    accepts: ({ HTTP }) => HTTP !== '',
    run: () => {
      answer.runs += 1
      return Promise.resolve({ status: answer.status, output: `run ${answer.runs}` })
    },
  }
  const tcp: PeriodicKind = { ...http, name: 'tcp', accepts: ({ TCP }) => TCP !== '' }
  const chance = seededChance(3)
  const state = new LocalState({
    clock,
    chance,
    checkUpdateIntervalMs: 300 * second,
    discardCheckOutput: false,
  })
  const runner = new CheckRunner({
    authorities: new Authorities(),
    clock,
    chance,
    log: noLog,
    kinds: [http, tcp, scriptCheck],
    aliases: {
      rpc: localRpc().rpc,
      node: 'n1',
      checks: (serviceId) => state.checksConcerning(serviceId),
      hasService: (serviceId) => state.service(serviceId) !== undefined,
      watchService: (serviceId, listener) => state.watchService(serviceId, listener),
    },
    outputMaxBytes: 4096,
    report: (id, status, output) => state.updateCheck(id, status, output),
  })
  const files = new LocalFiles(dataDir, noLog)
  const sidecarPorts = { min: 21_000, max: 21_001 }
  const registry = new Registry({
    node: 'n1',
    clock,
    log: noLog,
    state,
    runner,
    files,
    scripts,
    sidecarPorts,
  })
  return {
    clock,
    answer,
    state,
    runner,
    registry,
    status: (id: string) => state.check(id)?.Status,
    output: (id: string) => state.check(id)?.Output,
    stop: async () => {
      registry[Symbol.dispose]()
      await runner[Symbol.asyncDispose]()
      state[Symbol.dispose]()
    },
  }
}

const ttl = (TTLMs: number, more: Partial<CheckDefinition> = {}): CheckDefinition => ({
  ...emptyCheckDefinition,
  TTLMs,
  ...more,
})

const service = (Name: string, ...Checks: CheckDefinition[]): ServiceDefinition => ({
  ...emptyServiceDefinition,
  Name,
  Port: 80,
  Checks,
})

t.test(
  'checks of a service are named after it, and numbered where there are several',
  async (t) => {
    const { registry, state, stop } = node()
    await registry.registerService(service('web', ttl(10 * second)), remote)
    await registry.registerService(
      service('db', ttl(10 * second), ttl(10 * second, { Name: 'n' })),
      remote,
    )
    t.strictSame(
      state
        .checks()
        .map(({ CheckID, Name, ServiceID, Status }) => [CheckID, Name, ServiceID, Status]),
      [
        ['service:db:1', "Service 'db' check", 'db', 'critical'],
        ['service:db:2', 'n', 'db', 'critical'],
        ['service:web', "Service 'web' check", 'web', 'critical'],
      ],
    )
    await stop()
  },
)

t.test('a TTL check says what its client said, until the client falls silent', async (t) => {
  const { registry, clock, status, output, stop } = node()
  await registry.registerCheck(ttl(10 * second, { Name: 'c' }), remote)
  t.equal(status('c'), 'critical')
  await registry.updateTtl('c', 'passing', 'fine')
  t.strictSame([status('c'), output('c')], ['passing', 'fine'])
  await clock.advance(9 * second)
  await registry.updateTtl('c', 'warning', 'slow')
  await clock.advance(9 * second)
  t.equal(status('c'), 'warning')
  await clock.advance(second)
  t.strictSame(
    [status('c'), output('c')],
    ['critical', 'TTL expired (last output before timeout follows): slow'],
  )
  await stop()
  t.equal(clock.timers, 0)
})

t.test('silence from the beginning has nothing to quote', async (t) => {
  const { registry, clock, output, stop } = node()
  await registry.registerCheck(ttl(10 * second, { Name: 'c' }), remote)
  await clock.advance(10 * second)
  t.equal(output('c'), 'TTL expired')
  await stop()
})

t.test('registering a service again keeps what its checks say', async (t) => {
  const { registry, status, stop } = node()
  await registry.registerService(service('web', ttl(60 * second)), remote)
  await registry.updateTtl('service:web', 'passing', '')
  await registry.registerService(service('web', ttl(60 * second)), remote)
  t.equal(status('service:web'), 'passing')
  await stop()
})

t.test('registering a check again, or reading its file again, keeps what it says', async (t) => {
  const { registry, status, output, stop } = node()
  const check = ttl(60 * second, { Name: 'c', Status: 'warning' })
  await registry.registerCheck(check, remote)
  t.equal(status('c'), 'warning')
  await registry.updateTtl('c', 'passing', 'fine')
  await registry.registerCheck(check, remote)
  await registry.configure([], [check])
  await registry.configure([], [check])
  t.strictSame([status('c'), output('c')], ['passing', 'fine'])
  await stop()
})

t.test(
  'commands run where they are allowed, and are forgotten where they no longer are',
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'registry-'))
    t.teardown(() => rm(dataDir, { recursive: true }))
    const clock = new VirtualClock()
    const script = { ...emptyCheckDefinition, Name: 's', ScriptArgs: ['true'], IntervalMs: second }
    const kept = { ...ttl(second), Name: 'kept' }
    const nowhere = node(dataDir, clock)
    const remotely =
      "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true"
    const locally =
      "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or 'enable_local_script_checks' to true"
    const message = { kind: 'failed', message: remotely }
    await t.rejects(nowhere.registry.registerCheck(script, remote), message)
    await t.rejects(nowhere.registry.registerService(service('web', script), remote), message)
    await t.rejects(
      nowhere.registry.registerCheck({ ...script, DockerContainerID: 'x' }, remote),
      message,
    )
    await t.rejects(nowhere.registry.configure([], [script]), { message: locally })
    t.strictSame(nowhere.state.services(), [])
    await nowhere.stop()

    const local = node(dataDir, clock, { local: true, remote: false })
    await local.registry.configure([], [script])
    t.equal(local.status('s'), 'critical')
    await t.rejects(local.registry.registerCheck(script, remote), message)
    await local.stop()

    const anywhere = node(dataDir, clock, { local: true, remote: true })
    for (const each of [script, kept]) await anywhere.registry.registerCheck(each, remote)
    await anywhere.stop()
    const again = node(dataDir, clock)
    await again.registry.restore()
    t.strictSame(
      again.state.checks().map(({ CheckID }) => CheckID),
      ['kept'],
    )
    await again.stop()
  },
)

t.test('output is discarded from when that is wanted', async (t) => {
  const { registry, state, output, stop } = node()
  await registry.registerCheck(ttl(60 * second, { Name: 'c' }), remote)
  await registry.updateTtl('c', 'passing', 'fine')
  state.discardOutput = true
  t.equal(output('c'), 'fine')
  await registry.updateTtl('c', 'warning', 'so so')
  t.equal(output('c'), '')
  await stop()
})

t.test('replacing existing checks takes away those that are not named', async (t) => {
  const { registry, state, stop } = node()
  await registry.registerService(
    service('web', ttl(1, { CheckID: 'a' }), ttl(1, { CheckID: 'b' })),
    remote,
  )
  await registry.registerService(service('web', ttl(1, { CheckID: 'b' })), remote)
  t.equal(state.checks().length, 2)
  await registry.registerService(service('web', ttl(1, { CheckID: 'b' })), {
    ...remote,
    replaceExistingChecks: true,
  })
  t.strictSame(
    state.checks().map(({ CheckID }) => CheckID),
    ['b'],
  )
  await stop()
})

t.test('a check that runs is believed after as many results as it asks for', async (t) => {
  const { registry, clock, answer, status, stop } = node()
  answer.status = 'passing'
  await registry.registerCheck(
    {
      ...emptyCheckDefinition,
      Name: 'h',
      HTTP: 'http://localhost',
      IntervalMs: 10 * second,
      SuccessBeforePassing: 2,
      FailuresBeforeCritical: 3,
    },
    remote,
  )
  await clock.advance(10 * second)
  t.strictSame([answer.runs, status('h')], [1, 'critical'])
  await clock.advance(10 * second)
  t.strictSame([answer.runs, status('h')], [2, 'passing'])
  answer.status = 'critical'
  await clock.advance(20 * second)
  t.equal(status('h'), 'passing')
  await clock.advance(10 * second)
  t.strictSame([answer.runs, status('h')], [5, 'critical'])
  await stop()
  t.equal(clock.timers, 0)
})

t.test(
  'a service that stays critical too long is deregistered, after a minute at the least',
  async (t) => {
    const { registry, clock, state, stop } = node()
    registry.startReaper()
    await registry.registerService(
      service('web', ttl(10 * second, { DeregisterCriticalServiceAfterMs: second })),
      remote,
    )
    await clock.advance(60 * second)
    t.ok(state.service('web'))
    await clock.advance(31 * second)
    t.equal(state.service('web'), undefined)
    t.equal(state.checks().length, 0)
    await stop()
  },
)

t.test('maintenance is a critical check with a reason', async (t) => {
  const { registry, state, stop } = node()
  await registry.registerService(service('web'), remote)
  await registry.nodeMaintenance(true, 'new disk', '')
  await registry.serviceMaintenance('web', true, '', '')
  t.match(state.check('_node_maintenance'), {
    Name: 'Node Maintenance Mode',
    Status: 'critical',
    Notes: 'new disk',
    Type: 'maintenance',
    ServiceID: '',
  })
  t.match(state.check('_service_maintenance:web'), {
    Name: 'Service Maintenance Mode',
    Notes:
      'Maintenance mode is enabled for this service, but no reason was provided. This is a default message.',
    ServiceID: 'web',
  })
  await registry.nodeMaintenance(false, '', '')
  await registry.serviceMaintenance('web', false, '', '')
  t.equal(state.checks().length, 0)
  await t.rejects(registry.serviceMaintenance('none', true, '', ''), {
    kind: 'not-found',
    message: 'No service registered with ID "none"',
  })
  await stop()
})

const meshed = (Name: string, given: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  ...service(Name),
  Connect: { SidecarService: { ...emptyServiceDefinition, ...given } },
})

t.test('a service brings the proxy that it wants beside it, and takes it along', async (t) => {
  const { registry, state, stop } = node()
  const ports = (): object => Object.fromEntries(state.services().map(({ ID, Port }) => [ID, Port]))
  await registry.registerService({ ...meshed('web'), Tags: ['a'], Meta: { k: 'v' } }, remote)
  t.match(state.service('web-sidecar-proxy'), {
    Kind: 'connect-proxy',
    Service: 'web-sidecar-proxy',
    Tags: ['a'],
    Meta: { k: 'v' },
    Port: 21_000,
    Proxy: {
      DestinationServiceName: 'web',
      DestinationServiceID: 'web',
      LocalServiceAddress: '127.0.0.1',
      LocalServicePort: 80,
    },
  })
  t.strictSame(state.service('web')?.Connect, {}, 'the service itself is a plain one')
  t.strictSame(
    state.checks().map(({ CheckID, Name, Type }) => [CheckID, Name, Type]),
    [
      ['service:web-sidecar-proxy:1', 'Connect Sidecar Listening', 'tcp'],
      ['service:web-sidecar-proxy:2', 'Connect Sidecar Aliasing web', 'alias'],
    ],
  )
  await registry.registerService(meshed('db'), remote)
  await registry.registerService(meshed('web'), remote)
  t.strictSame(
    ports(),
    { db: 80, 'db-sidecar-proxy': 21_001, web: 80, 'web-sidecar-proxy': 21_000 },
    'a port once chosen stays',
  )
  const last =
    'Bad request: Invalid SidecarService: no port provided for sidecar_service and none left in the configured range [21000, 21001]'
  await t.rejects(registry.registerService(meshed('mq'), remote), { message: last })
  t.equal(state.service('mq'), undefined, 'neither of the two')
  await registry.registerService(meshed('mq', { Port: 7, Checks: [ttl(second)] }), remote)
  t.equal(state.service('mq-sidecar-proxy')?.Port, 7)
  t.equal(state.check('service:mq-sidecar-proxy')?.Type, 'ttl')
  await registry.deregisterService('web')
  await registry.deregisterService('mq')
  t.strictSame(ports(), { db: 80, 'db-sidecar-proxy': 21_001 })
  await stop()
})

t.test('a service of that name that came by itself stays by itself', async (t) => {
  const { registry, state, stop } = node()
  await registry.registerService(meshed('web'), remote)
  await registry.registerService(service('web-sidecar-proxy'), remote)
  await registry.deregisterService('web')
  t.ok(state.service('web-sidecar-proxy'))
  await stop()
})

t.test('a sidecar goes with its service after a restart too', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'registry-'))
  t.teardown(() => rm(dataDir, { recursive: true }))
  const before = node(dataDir)
  await before.registry.registerService(meshed('web'), remote)
  await before.stop()
  const after = node(dataDir)
  await after.registry.restore()
  t.equal(after.state.service('web-sidecar-proxy')?.Port, 21_000)
  await after.registry.deregisterService('web')
  t.equal(after.state.service('web-sidecar-proxy'), undefined)
  await after.stop()
})

t.test('a sidecar that is no longer in the files goes', async (t) => {
  const { registry, state, stop } = node()
  await registry.configure([meshed('web')], [])
  t.ok(state.service('web-sidecar-proxy'))
  await registry.configure([service('web')], [])
  t.strictSame(
    state.services().map(({ ID }) => ID),
    ['web'],
  )
  await stop()
})

t.test('a sidecar that can not be is refused, and its service with it', async (t) => {
  const cases: readonly [Partial<ServiceDefinition>, string][] = [
    [
      { Meta: { 'bad key': '1' } },
      "Bad request: Invalid SidecarService: Couldn't load metadata pair ('bad key', '1'): Key contains invalid characters",
    ],
    [
      { Checks: [{ ...emptyCheckDefinition, HTTP: 'http://x' }] },
      'Bad request: Invalid check in sidecar_service: Interval must be > 0 for Script, HTTP, or TCP checks',
    ],
    [
      { ID: 'mine' },
      '1 error occurred:\n\t* A SidecarService cannot specify an ID as this is managed by the agent\n\n',
    ],
    [
      { Checks: [{ ...emptyCheckDefinition, ScriptArgs: ['true'], IntervalMs: second }] },
      "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true",
    ],
  ]
  const { registry, state, stop } = node()
  for (const [given, message] of cases)
    await t.rejects(registry.registerService(meshed('web', given), remote), { message })
  t.strictSame(state.services(), [])
  await stop()
})

t.test('what can not be registered is refused in the words of the agent API', async (t) => {
  const { registry, stop } = node()
  const check = (more: Partial<CheckDefinition>) => ({
    ...emptyCheckDefinition,
    Name: 'c',
    ...more,
  })
  const services: readonly (readonly [Partial<ServiceDefinition>, string])[] = [
    [{ Name: '' }, 'Missing service name'],
    [{ Address: '0.0.0.0' }, 'Invalid service address'],
    [{ Weights: { Passing: 0, Warning: 1 } }, 'Invalid Weights: Passing must be greater than 0'],
    [
      { Meta: { 'bad key': '1' } },
      "Invalid Service Meta: Couldn't load metadata pair ('bad key', '1'): Key contains invalid characters",
    ],
    [
      { Checks: [{ ...emptyCheckDefinition, HTTP: 'http://x' }] },
      'Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks',
    ],
    [{ Checks: [emptyCheckDefinition] }, 'Invalid check: TTL must be > 0 for TTL checks'],
  ]
  for (const [given, message] of services)
    await t.rejects(registry.registerService({ ...service('web'), ...given }, remote), {
      kind: 'bad-request',
      message,
    })
  const checks: readonly (readonly [Partial<CheckDefinition>, string])[] = [
    [{ Name: '' }, 'Missing check name'],
    [{ Status: 'bogus', TTLMs: 1 }, 'Bad check status'],
    [{ TTLMs: 1, IntervalMs: 1 }, 'Invalid check: Interval and TTL cannot both be specified'],
    [{ TTLMs: 1, ServiceID: 'none' }, 'ServiceID "none" does not exist'],
  ]
  for (const [given, message] of checks)
    await t.rejects(registry.registerCheck(check(given), remote), { message })
  await t.rejects(registry.updateTtl('none', 'passing', ''), {
    message: 'CheckID "none" does not have associated TTL',
  })
  await stop()
})

t.test(
  'what clients registered is there after a restart, and what a TTL check last said',
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'registry-'))
    t.teardown(() => rm(dataDir, { recursive: true }))
    const clock = new VirtualClock()
    const first = node(dataDir, clock)
    await first.registry.registerService(service('web', ttl(60 * second)), {
      ...remote,
      token: 'secret',
    })
    await first.registry.registerService(service('gone'), remote)
    await first.registry.deregisterService('gone')
    await first.registry.registerCheck(ttl(60 * second, { Name: 'silent' }), remote)
    await first.registry.updateTtl('service:web', 'passing', 'fine')
    await first.registry.nodeMaintenance(true, 'why', '')
    await first.stop()

    t.strictSame(await readdir(join(dataDir, 'services')), ['2567a5ec9705eb7ac2c984033e06189d'])
    await writeFile(join(dataDir, 'services', 'broken'), '{"Token":')
    await clock.advance(20 * second)
    const again = node(dataDir, clock)
    await again.registry.restore()
    t.equal(again.state.entries.services.get('web')?.token, 'secret')
    t.strictSame(
      again.state.checks().map(({ CheckID, Status, Output }) => [CheckID, Status, Output]),
      [
        ['_node_maintenance', 'critical', ''],
        ['service:web', 'passing', 'fine'],
        ['silent', 'critical', ''],
      ],
    )
    await clock.advance(40 * second)
    t.equal(again.status('service:web'), 'critical', 'it had forty seconds left')
    await again.stop()
  },
)

t.test('what a Consul kept in files is taken up, and kept as it keeps it', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'registry-'))
  t.teardown(() => rm(dataDir, { recursive: true }))
  const clock = new VirtualClock()
  const indexes = { CreateIndex: 0, ModifyIndex: 0 }
  const check = {
    Node: 'n1',
    CheckID: 'service:web',
    Name: "Service 'web' check",
    Status: 'critical',
    Notes: '',
    Output: '',
    ServiceID: 'web',
    ServiceName: 'web',
    ServiceTags: ['a'],
    Type: 'ttl',
    Definition: {},
  }
  const row = {
    ID: 'web',
    Service: 'web',
    Tags: ['a'],
    Address: '',
    Meta: null,
    Port: 80,
    Weights: { Passing: 3, Warning: 1 },
    EnableTagOverride: false,
    Proxy: { MeshGateway: {}, Expose: {} },
    Connect: {},
  }
  const files = {
    'services/2567a5ec9705eb7ac2c984033e06189d': {
      Token: 'secret',
      Service: { ...row, ...indexes },
      Source: 'remote',
    },
    'checks/b5b6b6ee3e4b5ae5ba5ca7aa7bb7a5ac': {
      Check: { ...check, ...indexes },
      ChkType: {
        CheckID: '',
        ScriptArgs: null,
        Header: null,
        ProxyHTTP: '',
        TTL: 60e9,
        Interval: 0,
      },
      Token: 'secret',
      Source: 'remote',
    },
    'checks/state/b5b6b6ee3e4b5ae5ba5ca7aa7bb7a5ac': {
      CheckID: 'service:web',
      Output: 'fine',
      Status: 'passing',
      Expires: clock.wallMs() / 1000 + 30,
    },
  }
  for (const directory of ['services', 'checks', 'checks/state'])
    await mkdir(join(dataDir, directory))
  for (const [path, content] of Object.entries(files))
    await writeFile(join(dataDir, path), JSON.stringify(content))
  const { registry, state, status, stop } = node(dataDir, clock)
  await registry.restore()
  t.strictSame(state.service('web'), row)
  t.strictSame(state.check('service:web'), { ...check, Status: 'passing', Output: 'fine' })
  await clock.advance(30 * second)
  t.equal(status('service:web'), 'critical', 'it had thirty seconds left')
  await registry.registerCheck(ttl(60 * second, { Name: 'own' }), remote)
  const kept: unknown[] = []
  for (const name of await readdir(join(dataDir, 'checks'), { withFileTypes: true }))
    if (name.isFile())
      kept.push(JSON.parse(await readFile(join(dataDir, 'checks', name.name), 'utf8')))
  t.match(
    kept.find((one) => (one as { Check: { CheckID: string } }).Check.CheckID === 'own'),
    { ChkType: { Name: 'own', TTL: 60e9, Interval: 0 } },
  )
  await stop()
})

t.test('what the disk refuses is said with the file, and nothing is registered', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'local-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  await writeFile(join(dataDir, 'services'), 'no directory')
  const { registry, state, stop } = node(dataDir)
  t.teardown(stop)
  await t.rejects(registry.registerService(service('web'), remote), {
    name: 'PraetorError',
    message: `cannot make ${dataDir}/services: file already exists (EEXIST)`,
  })
  t.strictSame(state.services(), [])
  await t.rejects(registry.restore(), {
    name: 'PraetorError',
    message: `Failed reading services dir "${dataDir}/services": not a directory (ENOTDIR)`,
  })
})

t.test('definitions in files come and go with the files, and clients keep their own', async (t) => {
  const { registry, state, stop } = node()
  await registry.registerService(service('client'), remote)
  await registry.configure([service('a'), service('b')], [ttl(1, { Name: 'c' })])
  await registry.configure([service('b', ttl(1))], [])
  t.strictSame(
    state.services().map(({ ID }) => ID),
    ['b', 'client'],
  )
  t.strictSame(
    state.checks().map(({ CheckID }) => CheckID),
    ['service:b'],
  )
  await stop()
})
