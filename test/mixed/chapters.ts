import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'

import { memberStatus } from '../../server/model/member.ts'
import type { Expect } from '../conformance/serf/check.ts'
import type { Agent } from './agent.ts'
import type { Fleet } from './fleet.ts'

export type Chapter = (fleet: Fleet, expect: Expect) => Promise<void>

/** What happens to a fleet, one after the other. */
export const chapters: readonly Chapter[] = [
  meet,
  register,
  keepKeys,
  lock,
  tell,
  operate,
  repair,
  crash,
  loseTheLeader,
  move,
  leave,
]

/** Every client has the service `web` by file, with a check of its own agent's port. */
const webFile = (httpPort: number): string =>
  `-hcl=service { name = "web" port = 80 tags = ["file"] meta = { of = "file" } check { id = "up" http = "http://127.0.0.1:${httpPort}/v1/agent/self" interval = "2s" } }`

async function meet(fleet: Fleet, expect: Expect): Promise<void> {
  await fleet.startAll(() => [])
  const { names } = fleet
  for (const agent of fleet.agents) {
    await expect(`${agent.name} sees all members alive`, names.toSorted(), async () =>
      membersOf(agent, memberStatus.alive),
    )
    await expect(`${agent.name} finds all nodes in the catalog`, names.toSorted(), async () =>
      fieldOf(await agent.get('/catalog/nodes'), 'Node'),
    )
    await expect(`${agent.name} finds all nodes passing`, names.toSorted(), async () =>
      fieldOf(
        (await rowsOf(agent, '/health/state/passing')).filter(
          (row) => row['CheckID'] === 'serfHealth',
        ),
        'Node',
      ),
    )
  }
}

async function register(fleet: Fleet, expect: Expect): Promise<void> {
  const clients = clientsOf(fleet)
  for (const name of clients) {
    const { ports } = fleet.agent(name)
    await fleet.kill(name)
    const agent = await fleet.start(name, { flags: [webFile(ports.http)] })
    await agent.put('/agent/service/register', {
      Name: 'api',
      ID: `api-${name}`,
      Port: 81,
      Tags: ['by-call'],
      Weights: { Passing: 3, Warning: 1 },
      Check: { TTL: '1h' },
    })
    // What was told of a TTL is kept over a restart; what it began with is not.
    await agent.put(`/agent/check/pass/service:api-${name}`)
  }
  await everywhere(fleet, expect, 'services by file pass', clients.toSorted(), (agent) =>
    passing(agent, 'web'),
  )
  for (const name of clients)
    await fleet
      .agent(name)
      .put('/agent/check/register', { Name: 'node-check', TTL: '1h', Status: 'warning' })
  await everywhere(fleet, expect, 'a warning of the node is one of its services', [], (agent) =>
    passing(agent, 'api'),
  )
  for (const name of clients) await fleet.agent(name).put('/agent/check/deregister/node-check')
  await everywhere(fleet, expect, 'without it services by call pass', clients.toSorted(), (agent) =>
    passing(agent, 'api'),
  )
  const [first] = fleet.agents
  if (first === undefined) return
  const wanted = await stableRows(first, '/health/service/web')
  await everywhere(fleet, expect, 'all say the same of a service', wanted, (agent) =>
    stableRows(agent, '/health/service/web'),
  )
  const targets = clients.map((name) => `${name}.node.dc1.consul`).toSorted()
  await everywhere(fleet, expect, 'all names are found', targets, (agent) => agent.targets('web'))
  const catalog = await stableRows(first, '/catalog/service/api')
  await everywhere(fleet, expect, 'the catalog is one', catalog, (agent) =>
    stableRows(agent, '/catalog/service/api'),
  )
  await everywhere(
    fleet,
    expect,
    'a filter finds the same',
    1,
    async (agent) =>
      (await rowsOf(agent, `/catalog/service/api?filter=${encodeURIComponent('Node == "g0"')}`))
        .length,
  )
}

async function keepKeys(fleet: Fleet, expect: Expect): Promise<void> {
  for (const name of clientsOf(fleet)) {
    const agent = fleet.agent(name)
    const key = `/kv/of/${name}`
    await expect(`${name} writes`, true, () => agent.put(`${key}?flags=7`, 'one'))
    await everywhere(
      fleet,
      expect,
      `what ${name} wrote is read`,
      'one',
      async (other) => (await other.ask('GET', `${key}?raw`)).text,
    )
    const { index } = await agent.ask('GET', key)
    await expect(
      `${name} swaps what it read`,
      [true, false],
      async () => [
        await agent.put(`${key}?cas=${index}`, 'two'),
        await agent.put(`${key}?cas=1`, 'three'),
      ],
      0,
    )
    const before = (await agent.ask('GET', key)).index
    const woken = agent.ask('GET', `${key}?index=${before}&wait=15s`)
    await fleet.agent('s1').put(key, 'four')
    await expect(`${name} is woken by a change elsewhere`, ['four', true], async () => {
      const answer = await woken
      const [row] = JSON.parse(answer.text) as { Value: string }[]
      return [Buffer.from(row?.Value ?? '', 'base64').toString(), answer.index > before]
    })
    await expect(`${name} does a transaction`, ['a', 'b'], async () => {
      const operations = ['a', 'b'].map((letter) => ({
        KV: { Verb: 'set', Key: `txn/${name}/${letter}`, Value: 'eA==' },
      }))
      await agent.put('/txn', operations)
      const keys = (await agent.get(`/kv/txn/${name}/?keys`)) as string[]
      return keys.map((each) => each.split('/').at(-1))
    })
    await expect(`${name} deletes`, [true, 404], async () => [
      await agent
        .ask('DELETE', `/kv/txn/${name}?recurse`)
        .then(({ text }) => JSON.parse(text) as boolean),
      (await agent.ask('GET', `/kv/txn/${name}/a`)).status,
    ])
  }
}

async function lock(fleet: Fleet, expect: Expect): Promise<void> {
  const [one, other] = fleet.guests.map((name) => fleet.agent(name))
  if (one === undefined || other === undefined) return
  const { ID } = (await one.put('/session/create', { TTL: '10s', LockDelay: '1s' })) as {
    ID: string
  }
  const theirs = (await other.put('/session/create', { LockDelay: '1s' })) as { ID: string }
  await expect(
    'a lock is taken once',
    [true, false],
    async () => [
      await one.put(`/kv/lock?acquire=${ID}`, 'one'),
      await other.put(`/kv/lock?acquire=${theirs.ID}`, 'other'),
    ],
    0,
  )
  await expect('a session is renewed and seen', [ID, ID], async () => [
    ((await one.put(`/session/renew/${ID}`)) as { ID: string }[])[0]?.ID,
    (await rowsOf(other, `/session/info/${ID}`))[0]?.['ID'],
  ])
  await expect('a session that nobody renews ends, and another has the lock', true, () =>
    other.put(`/kv/lock?acquire=${theirs.ID}`, 'other'),
  )
  await everywhere(
    fleet,
    expect,
    'all know who holds it',
    theirs.ID,
    async (agent) => (await rowsOf(agent, '/kv/lock'))[0]?.['Session'],
  )
}

async function tell(fleet: Fleet, expect: Expect): Promise<void> {
  for (const name of clientsOf(fleet)) {
    await fleet.agent(name).put(`/event/fire/from-${name}`, 'word')
    await everywhere(fleet, expect, `an event of ${name} is heard`, ['d29yZA=='], async (agent) =>
      (await rowsOf(agent, `/event/list?name=from-${name}`)).map((row) => row['Payload']),
    )
  }
}

async function operate(fleet: Fleet, expect: Expect): Promise<void> {
  for (const name of clientsOf(fleet)) {
    const agent = fleet.agent(name)
    await expect(`${name} knows who leads, and the peers`, 3, async () => {
      const leader = (await agent.get('/status/leader')) as string
      const peers = (await agent.get('/status/peers')) as string[]
      return peers.includes(leader) ? peers.length : `${leader} of ${peers.join()}`
    })
    await expect(`${name} lists the voters`, 3, async () => {
      const { Servers } = (await agent.get('/operator/raft/configuration')) as {
        Servers: { Voter: boolean }[]
      }
      return Servers.filter(({ Voter }) => Voter).length
    })
    await expect(`${name} says that the servers are well`, [true, 3], async () => {
      const health = JSON.parse((await agent.ask('GET', '/operator/autopilot/health')).text) as {
        Healthy: boolean
        Servers: { Healthy: boolean }[]
      }
      return [health.Healthy, health.Servers.filter(({ Healthy }) => Healthy).length]
    })
    await expect(`${name} knows where nodes are`, fleet.names.toSorted(), async () =>
      fieldOf(await agent.get('/coordinate/nodes'), 'Node'),
    )
    await expect(
      `${name} lists the nearest first`,
      fleet.names.length,
      async () => (await rowsOf(agent, '/catalog/nodes?near=_agent')).length,
    )
    await expect(`${name} takes the cluster back to a snapshot`, 'before', async () => {
      await agent.put('/kv/snapshot', 'before')
      const { body } = await agent.raw('GET', '/snapshot')
      await agent.put('/kv/snapshot', 'after')
      const restored = await agent.raw('PUT', '/snapshot', body)
      if (restored.status !== 200) throw new Error(restored.body.toString())
      return (await agent.ask('GET', '/kv/snapshot?raw')).text
    })
  }
  await everywhere(
    fleet,
    expect,
    'after all that services pass',
    clientsOf(fleet).toSorted(),
    (agent) => passing(agent, 'web'),
  )
}

/** What somebody takes out of the catalog behind an agent's back comes back with its next comparison, one or two minutes later. */
async function repair(fleet: Fleet, expect: Expect): Promise<void> {
  const clients = clientsOf(fleet)
  for (const name of clients) {
    await fleet.agent('s0').put('/catalog/deregister', { Node: name, ServiceID: `api-${name}` })
    await fleet.agent('s0').put('/catalog/register', {
      Node: name,
      Address: '127.0.0.1',
      SkipNodeUpdate: true,
      Service: { Service: 'stray', Port: 9 },
    })
  }
  const waitMs = 160_000
  await expect(
    'what was deregistered behind its back comes back',
    clients.toSorted(),
    () => passing(fleet.agent('s0'), 'api'),
    waitMs,
  )
  await expect(
    'and what was registered goes',
    [],
    () => passing(fleet.agent('s0'), 'stray'),
    waitMs,
  )
}

async function crash(fleet: Fleet, expect: Expect): Promise<void> {
  for (const name of fleet.guests) {
    const { ports } = fleet.agent(name)
    await fleet.kill(name)
    const left = clientsOf(fleet)
      .filter((other) => other !== name)
      .toSorted()
    await everywhere(fleet, expect, `${name} is critical when it is killed`, left, (agent) =>
      passing(agent, 'web'),
    )
    await everywhere(fleet, expect, `${name} is failed`, [name], (agent) =>
      membersOf(agent, memberStatus.failed),
    )
    await fleet.start(name, { flags: [webFile(ports.http)] })
    await everywhere(
      fleet,
      expect,
      `${name} heals, with what it was told by call`,
      clientsOf(fleet).toSorted(),
      (agent) => passing(agent, 'api'),
    )
    await everywhere(
      fleet,
      expect,
      `${name} heals, with what it has by file`,
      clientsOf(fleet).toSorted(),
      (agent) => passing(agent, 'web'),
    )
  }
}

async function loseTheLeader(fleet: Fleet, expect: Expect): Promise<void> {
  const leader = (await fleet.agent('g0').get('/status/leader')) as string
  const doomed = fleet.servers.find((name) => leader.endsWith(`:${fleet.agent(name).ports.server}`))
  if (doomed === undefined) throw new Error(`nobody is ${leader}`)
  await fleet.kill(doomed)
  for (const name of clientsOf(fleet)) {
    const agent = fleet.agent(name)
    await expect(`${name} writes and reads when the leader was killed`, 'still', async () => {
      await agent.put(`/kv/after/${name}`, 'still')
      return (await agent.ask('GET', `/kv/after/${name}?raw&consistent`)).text
    })
  }
  await fleet.start(doomed)
  await everywhere(fleet, expect, 'it comes back', fleet.names.toSorted(), (agent) =>
    membersOf(agent, memberStatus.alive),
  )
}

/** A host goes from one kind to the other, and back: same name, same directory, same definitions. */
async function move(fleet: Fleet, expect: Expect): Promise<void> {
  const name = 'g1'
  for (const kind of [fleet.ofServers, fleet.ofGuests]) {
    const { ports } = fleet.agent(name)
    const [before] = await rowsOf(
      fleet.agent('s0'),
      '/catalog/nodes?filter=' + encodeURIComponent(`Node == "${name}"`),
    )
    await fleet.kill(name)
    const agent = await fleet.start(name, { kind, flags: [webFile(ports.http)] })
    await everywhere(
      fleet,
      expect,
      `a host moved to ${kind.label} passes`,
      clientsOf(fleet).toSorted(),
      (other) => passing(other, 'web'),
    )
    await expect('it is the same node', before?.['ID'], async () => {
      const [after] = await rowsOf(
        fleet.agent('s0'),
        '/catalog/nodes?filter=' + encodeURIComponent(`Node == "${name}"`),
      )
      return after?.['ID']
    })
    await expect('with what it was told by call', ['api-g1', 'web'], async () =>
      Object.keys((await agent.get('/agent/services')) as object).toSorted(),
    )
  }
}

async function leave(fleet: Fleet, expect: Expect): Promise<void> {
  for (const name of fleet.guests) {
    await fleet
      .agent(name)
      .put('/agent/leave')
      .catch(() => undefined)
    await fleet.kill(name)
    const left = clientsOf(fleet)
      .filter((other) => fleet.agents.some((agent) => agent.name === other))
      .toSorted()
    await everywhere(fleet, expect, `${name} leaves, and its services with it`, left, (agent) =>
      passing(agent, 'web'),
    )
    await everywhere(fleet, expect, `${name} is no node any more`, false, async (agent) =>
      fieldOf(await agent.get('/catalog/nodes'), 'Node').includes(name),
    )
  }
}

const clientsOf = (fleet: Fleet): readonly string[] => [...fleet.guests, 'native']

/** Each agent that runs answers so; who does not is named. */
async function everywhere(
  fleet: Fleet,
  expect: Expect,
  what: string,
  wanted: unknown,
  ask: (agent: Agent) => Promise<unknown>,
): Promise<void> {
  const all = Object.fromEntries(fleet.agents.map(({ name }) => [name, wanted]))
  await expect(
    what,
    all,
    async () =>
      Object.fromEntries(
        await Promise.all(
          fleet.agents.map(async (agent) => [
            agent.name,
            await ask(agent).catch((error: unknown) => String(error)),
          ]),
        ),
      ) as Record<string, unknown>,
  )
}

type Row = Readonly<Record<string, unknown>>

async function rowsOf(agent: Agent, path: string): Promise<readonly Row[]> {
  return (await agent.get(path)) as readonly Row[]
}

function fieldOf(rows: unknown, field: string): readonly string[] {
  return (rows as readonly Row[]).map((row) => String(row[field])).toSorted()
}

async function membersOf(agent: Agent, status: number): Promise<readonly string[]> {
  const members = await rowsOf(agent, '/agent/members')
  return fieldOf(
    members.filter((member) => member['Status'] === status),
    'Name',
  )
}

/** The nodes on which an instance of the service passes. */
async function passing(agent: Agent, service: string): Promise<readonly string[]> {
  const rows = (await rowsOf(agent, `/health/service/${service}?passing`)) as { Node?: Row }[]
  return fieldOf(
    rows.map(({ Node }) => Node),
    'Node',
  )
}

/** The same twice: nothing is on its way any more. In no order, as each agent begins elsewhere. */
async function stableRows(agent: Agent, path: string): Promise<readonly string[]> {
  const look = async (): Promise<readonly string[]> =>
    (await rowsOf(agent, path)).map((row) => JSON.stringify(row)).toSorted()
  for (;;) {
    const before = await look()
    await sleep(500)
    const after = await look()
    if (isDeepStrictEqual(before, after)) return after
  }
}
