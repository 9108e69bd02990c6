import { once } from 'node:events'
import { connect } from 'node:net'

import t from 'tap'

import type { AgentService, LocalAgent } from '../../../api/ports.ts'
import type { HealthCheck } from '../../../server/model/check.ts'
import { emptyCheckDefinition, emptyServiceDefinition } from '../../../server/model/definition.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

const web: AgentService = {
  ID: 'web1',
  Service: 'web',
  Tags: ['a'],
  Meta: {},
  Port: 80,
  Address: '',
  Weights: { Passing: 1, Warning: 1 },
  EnableTagOverride: false,
}

function check(CheckID: string, Status: string, ServiceID = 'web1'): HealthCheck {
  return {
    Node: 'n1',
    CheckID,
    Name: CheckID,
    Status,
    Notes: '',
    Output: '',
    ServiceID,
    ServiceName: ServiceID === '' ? '' : 'web',
    ServiceTags: [],
    Type: 'ttl',
    Definition: {},
    CreateIndex: 0,
    ModifyIndex: 0,
  }
}

/** An agent of which the test gives what it needs, and that writes down what it was told. */
function recorder(given: Partial<LocalAgent> = {}) {
  const told: unknown[][] = []
  const tell =
    (name: string) =>
    (...args: unknown[]): Promise<void> => {
      told.push([name, ...args])
      return Promise.resolve()
    }
  const agent: Partial<LocalAgent> = {
    registerService: tell('registerService'),
    deregisterService: tell('deregisterService'),
    registerCheck: tell('registerCheck'),
    deregisterCheck: tell('deregisterCheck'),
    updateTtl: tell('updateTtl'),
    serviceMaintenance: tell('serviceMaintenance'),
    nodeMaintenance: tell('nodeMaintenance'),
    join: tell('join'),
    forceLeave: tell('forceLeave'),
    leave: tell('leave'),
    reload: tell('reload'),
    services: () => ({ web1: web }),
    service: (id) => (id === 'web1' ? web : undefined),
    checks: () => ({}),
    ...given,
  }
  return { told, ports: fakePorts({ agent }) }
}

t.test('what is put to the agent reaches it, and is answered with nothing', async (t) => {
  const { told, ports } = recorder()
  const { ask } = await serve(t, ports)
  const headers = { 'X-Consul-Token': 'secret' }
  const ttl = { ...emptyCheckDefinition, TTLMs: 10_000 }
  const cases: readonly [target: string, body: string, ...told: unknown[]][] = [
    [
      'service/register?replace-existing-checks=true',
      '{"name":"web","port":80,"check":{"ttl":"10s"}}',
      'registerService',
      { ...emptyServiceDefinition, Name: 'web', Port: 80, Checks: [ttl] },
      { token: 'secret', replaceExistingChecks: true },
    ],
    ['service/deregister/a/b', '', 'deregisterService', 'a/b', 'secret'],
    [
      'check/register',
      '{"ID":"c","Name":"C","TTL":10000000000}',
      'registerCheck',
      { ...ttl, CheckID: 'c', Name: 'C' },
      { token: 'secret' },
    ],
    ['check/deregister/c', '', 'deregisterCheck', 'c', 'secret'],
    ['check/pass/c?note=ok', '', 'updateTtl', 'c', 'passing', 'ok'],
    ['check/warn/c', '', 'updateTtl', 'c', 'warning', ''],
    ['check/fail/c', '', 'updateTtl', 'c', 'critical', ''],
    ['check/update/c', '{"status":"warning","output":"o"}', 'updateTtl', 'c', 'warning', 'o'],
    [
      'service/maintenance/web1?enable=true&reason=r',
      '',
      'serviceMaintenance',
      'web1',
      true,
      'r',
      'secret',
    ],
    ['maintenance?enable=F', '', 'nodeMaintenance', false, '', 'secret'],
    ['join/10.0.0.1:8301?wan=1', '', 'join', '10.0.0.1:8301', { wan: true }],
    ['force-leave/n2?prune', '', 'forceLeave', 'n2', { prune: true }],
    ['leave', '', 'leave'],
    ['reload', '', 'reload'],
  ]
  for (const [target, body, ...expected] of cases) {
    const answer = await ask('PUT', `/v1/agent/${target}`, { body, headers })
    t.match(answer, { status: 200, body: '' }, target)
    t.strictSame(told.pop(), expected, target)
  }
})

t.test('what the agent refuses is told with its status', async (t) => {
  const refuse = () =>
    Promise.reject(new PraetorError('not-found', 'No service registered with ID "x"'))
  const { ask } = await serve(t, recorder({ serviceMaintenance: refuse }).ports)
  t.match(await ask('PUT', '/v1/agent/service/maintenance/x?enable=true'), {
    status: 404,
    body: 'No service registered with ID "x"',
  })
})

t.test('the health of a service is a status code', async (t) => {
  const cases: readonly [checks: HealthCheck[], status: number, reason: string][] = [
    [[], 200, 'passing'],
    [[check('a', 'passing'), check('b', 'warning')], 429, 'warning'],
    [[check('a', 'warning'), check('n', 'critical', '')], 503, 'critical'],
    [[check('_service_maintenance:web1', 'critical')], 503, 'maintenance'],
    [[check('other', 'critical', 'web2')], 200, 'passing'],
  ]
  for (const [checks, status, reason] of cases) {
    const rows = Object.fromEntries(checks.map((row) => [row.CheckID, row]))
    const { ask } = await serve(t, recorder({ checks: () => rows }).ports)
    for (const target of ['id/web1', 'name/web']) {
      const text = await ask('GET', `/v1/agent/health/service/${target}?format=text`)
      t.match(text, { status, body: reason, headers: { 'Content-Type': 'text/plain' } }, target)
      const json = await ask('GET', `/v1/agent/health/service/${target}`)
      t.match(json, { status, headers: { 'X-Consul-Reason': reason } })
      t.match(json.body, `"AggregatedStatus":"${reason}"`)
    }
  }
})

t.test('a client that knows a service waits until it is another', async (t) => {
  let service: AgentService | undefined = web
  let change = (): void => {}
  const waits: number[] = []
  const { ports } = recorder({
    service: () => service,
    serviceChanged: (_id, waitMs) => {
      waits.push(waitMs)
      return new Promise((resolve) => (change = resolve))
    },
  })
  const { ask } = await serve(t, ports, { maxQueryTimeMs: 1_000_000 })
  const first = await ask('GET', '/v1/agent/service/web1?wait=10s')
  const hash = first.headers['X-Consul-Contenthash'] ?? ''
  t.match(first.body, `"ContentHash":"${hash}"`)
  t.same(waits, [], 'without a hash there is nothing to wait for')

  const second = ask('GET', `/v1/agent/service/web1?hash=${hash}&wait=9h`)
  while (waits.length === 0) await new Promise(setImmediate)
  service = { ...web, Port: 81 }
  change()
  t.match((await second).body, /"Port":81/)
  t.same(waits, [1_000_000], 'no longer than the maximum')
  t.not((await second).headers['X-Consul-Contenthash'], hash)

  const third = ask(
    'GET',
    `/v1/agent/service/web1?hash=${(await second).headers['X-Consul-Contenthash']}`,
  )
  while (waits.length === 1) await new Promise(setImmediate)
  service = undefined
  change()
  t.match(await third, { status: 404, body: 'unknown service ID: web1' })
})

t.test('the agent describes itself', async (t) => {
  const { ports } = recorder({
    self: () => Promise.resolve({ Config: { NodeName: 'n1' } }),
    host: () => Promise.resolve({ Memory: {} }),
    version: () => ({ HumanVersion: '1' }),
    members: ({ wan }) => (wan ? [] : [{ Name: 'n1' } as never]),
    metrics: () => ({ Timestamp: 'now' }),
    prometheus: () => undefined,
  })
  const { ask } = await serve(t, ports)
  const cases: readonly [string, number, string][] = [
    ['self', 200, '{"Config":{"NodeName":"n1"}}'],
    ['host', 200, '{"Memory":{}}'],
    ['version', 200, '{"HumanVersion":"1"}'],
    ['members', 200, '[{"Name":"n1"}]'],
    ['members?wan=1', 200, '[]'],
    ['members?segment=_all', 200, '[{"Name":"n1"}]'],
    ['metrics', 200, '{"Timestamp":"now"}'],
    [
      'metrics?format=prometheus',
      415,
      'Prometheus is not enabled since its retention time is not positive',
    ],
    ['services?filter=Port==81', 200, '{}'],
  ]
  for (const [target, status, body] of cases)
    t.match(await ask('GET', `/v1/agent/${target}`), { status, body }, target)
  const open = await serve(t, recorder({ prometheus: () => '# HELP x\n' }).ports)
  t.match(await open.ask('GET', '/v1/agent/metrics?format=prometheus'), {
    body: '# HELP x\n',
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
  })
})

t.test('the log is streamed while somebody listens', async (t) => {
  const stopped = Promise.withResolvers<void>()
  const { ports } = recorder({
    async *monitor({ level, json, signal }) {
      yield `${level} ${json}\n`
      await once(signal, 'abort')
      stopped.resolve()
    },
  })
  const { port } = await serve(t, ports)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /v1/agent/monitor?loglevel=debug&logjson HTTP/1.1\r\nHost: x\r\n\r\n')
  let seen = ''
  while (!seen.includes('debug true\n')) seen += String((await once(socket, 'data'))[0])
  t.match(seen, /^HTTP\/1.1 200 OK\r\n/)
  socket.destroy()
  await t.resolves(stopped.promise)
})
