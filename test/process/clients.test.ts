import { createSocket } from 'node:dgram'
import { once } from 'node:events'

import Consul from 'consul'
import dns2 from 'dns2'
import t from 'tap'

import { type AgentProcess, startAgentProcess } from '../support/agent-process.ts'

/** One agent for all: clients of the real thing must get along with each other too. */
const agent: AgentProcess = await startAgentProcess({ args: ['-dev', '-node=n1'] })
await agent.untilLeading()
t.teardown(() => agent[Symbol.asyncDispose]())

/** As far as it is used here: the package's own types say less than it does. */
interface Client {
  readonly kv: {
    get(options: unknown): Promise<Record<string, unknown> & unknown[]>
    set(...options: readonly unknown[]): Promise<boolean | undefined>
    keys(prefix: string): Promise<string[]>
    del(options: unknown): Promise<unknown>
  }
  readonly transaction: { create(operations: unknown): Promise<{ readonly Results: unknown[] }> }
}

const consul = new Consul({ host: '127.0.0.1', port: agent.httpPort })
const { kv, transaction } = consul as unknown as Client

t.test('the npm package consul: keys', async (t) => {
  t.equal(await kv.set('app/one', 'first'), true)
  t.match(await kv.get('app/one'), { Key: 'app/one', Value: 'first', Flags: 0 })
  t.equal(await kv.get('app/none'), undefined)
  await kv.set({ key: 'app/two words', value: 'second', flags: '18446744073709551615' })
  t.strictSame(await kv.keys('app/'), ['app/one', 'app/two words'])
  t.equal(await kv.set({ key: 'app/one', value: 'x', cas: '1' }), undefined, 'its word for false')
  t.equal((await kv.get({ key: 'app', recurse: true })).length, 2)
  await kv.del({ key: 'app', recurse: true })
  t.equal(await kv.get({ key: 'app', recurse: true }), undefined)
})

t.test('the npm package consul: a lock is held by one session', async (t) => {
  const [a, b] = [await consul.session.create({ ttl: '15s' }), await consul.session.create()]
  t.equal(await kv.set({ key: 'lock', value: 'a', acquire: a.ID }), true)
  t.equal(await kv.set({ key: 'lock', value: 'b', acquire: b.ID }), undefined, 'its word for false')
  t.match(await kv.get('lock'), { Session: a.ID, LockIndex: 1 })
  t.match(await consul.session.renew(a.ID), [{ ID: a.ID, TTL: '15s' }])
  t.equal(await kv.set({ key: 'lock', value: 'a', release: a.ID }), true)
  t.equal(await kv.set({ key: 'lock', value: 'b', acquire: b.ID }), true)
  await consul.session.destroy(b.ID)
  t.equal((await kv.get('lock'))['Session'], undefined)
  t.equal((await consul.session.list()).length, 1)
})

t.test('the npm package consul: a service, its check, and who watches them', async (t) => {
  const seen: string[][] = []
  const watch = consul.watch({
    // The package calls it on its own object.
    // oxlint-disable-next-line typescript/unbound-method
    method: consul.health.service,
    options: { service: 'web', passing: 'true' },
  })
  /** A watch may tell of a change that leaves the list as it is, so what counts is what it shows in the end. */
  const untilShown = async (...ids: readonly string[]): Promise<void> => {
    while (seen.length === 0 || String(seen.at(-1)) !== String(ids)) await once(watch, 'change')
  }
  watch.on('change', (entries: { Service: { ID: string } }[]) =>
    seen.push(entries.map(({ Service }) => Service.ID)),
  )
  watch.on('error', (error: Error) => t.fail(error.message))
  await untilShown()
  await consul.agent.service.register({
    name: 'web',
    port: 80,
    tags: ['a'],
    check: { name: 'alive', ttl: '60s', timeout: '1s' },
  })
  await consul.agent.check.pass('service:web')
  await untilShown('web')
  await consul.agent.check.fail({ id: 'service:web', note: 'broken' })
  await untilShown()
  watch.end()
  t.match((await consul.health.checks('web'))[0], { Status: 'critical', Output: 'broken' })
  t.match(await consul.catalog.service.list(), { web: ['a'], consul: [] })
  t.match((await consul.catalog.service.nodes('web'))[0], { Node: 'n1', ServicePort: 80 })
  await consul.agent.service.deregister('web')
})

t.test('the npm package consul: nodes, members, status, transactions', async (t) => {
  t.match((await consul.catalog.node.list())[0], { Node: 'n1' })
  t.match((await consul.agent.members())[0], { Name: 'n1', Status: 1 })
  t.match(await consul.agent.self(), { Config: { NodeName: 'n1', Datacenter: 'dc1' } })
  t.match(await consul.status.leader(), /^127\.0\.0\.1:\d+$/)
  const { Results } = await transaction.create([
    { KV: { Verb: 'set', Key: 't', Value: Buffer.from('v').toString('base64') } },
    { KV: { Verb: 'get', Key: 't' } },
  ])
  t.equal(Results.length, 2)
})

const types: Readonly<Record<string, number>> = dns2.Packet.TYPE

/** Asks as dig does; gives the rcode and the answers in a line each. */
async function lookUp(name: string, type: string): Promise<string[]> {
  const socket = createSocket('udp4')
  try {
    const question = new dns2.Packet()
    question.header.id = 7
    question.header.rd = 1
    question.questions.push({ name, type: types[type] ?? 0, class: 1 } as never)
    const reply = once(socket, 'message', { signal: AbortSignal.timeout(5000) })
    socket.send(question.toBuffer(), agent.dnsPort, '127.0.0.1')
    const [bytes] = (await reply) as [Buffer]
    const packet = dns2.Packet.parse(bytes)
    return [
      `rcode ${packet.header.rcode}`,
      ...packet.answers.map((answer) => {
        const { address, port, target, domain, data, ns, primary } = answer as never as Record<
          string,
          string
        >
        return [target, port, address, domain, data, ns, primary]
          .filter((part) => part !== undefined)
          .join(' ')
      }),
    ]
  } finally {
    socket.close()
  }
}

t.test('every form of name resolves', async (t) => {
  await consul.agent.service.register({
    name: 'db',
    port: 5432,
    tags: ['v1.2', 'main'],
    address: '10.9.8.7',
  })
  await consul.agent.service.register({ name: 'api', port: 81 })
  while ((await consul.catalog.service.nodes('api')).length === 0);
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['n1.node.consul', 'A', ['rcode 0', '127.0.0.1']],
    ['n1.node.dc1.consul', 'A', ['rcode 0', '127.0.0.1']],
    ['N1.NODE.CONSUL', 'A', ['rcode 0', '127.0.0.1']],
    ['db.service.consul', 'A', ['rcode 0', '10.9.8.7']],
    ['v1.2.db.service.consul', 'A', ['rcode 0', '10.9.8.7']],
    ['db.service.consul', 'SRV', ['rcode 0', '0a090807.addr.dc1.consul 5432']],
    ['api.service.consul', 'SRV', ['rcode 0', 'n1.node.dc1.consul 81']],
    ['_db._main.service.consul', 'SRV', ['rcode 0', '0a090807.addr.dc1.consul 5432']],
    ['_db._tcp.service.consul', 'SRV', ['rcode 0', '0a090807.addr.dc1.consul 5432']],
    ['_db._tcp.consul', 'SRV', ['rcode 0', '0a090807.addr.dc1.consul 5432']],
    ['0a090807.addr.consul', 'A', ['rcode 0', '10.9.8.7']],
    ['1.0.0.127.in-addr.arpa', 'PTR', ['rcode 0', 'n1.node.dc1.consul']],
    ['7.8.9.10.in-addr.arpa', 'PTR', ['rcode 0', 'db.service.dc1.consul']],
    ['consul', 'NS', ['rcode 0', 'n1.node.dc1.consul']],
    ['consul', 'SOA', ['rcode 0', 'ns.consul']],
    ['db.service.consul', 'AAAA', ['rcode 0']],
    ['none.service.consul', 'A', ['rcode 3']],
    ['none.db.service.consul', 'A', ['rcode 3']],
    ['n1.node.dc9.consul', 'A', ['rcode 3']],
    ['example.org', 'A', ['rcode 5']],
  ]
  for (const [name, type, expected] of rows)
    t.strictSame(await lookUp(name, type), expected, `${name} ${type}`)
})
