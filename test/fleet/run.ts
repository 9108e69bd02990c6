/**
 * A small fleet as real processes on the loopback: three servers, client agents before them, services with every kind of check.
 *
 *   npm run test:fleet -- [--clients 20] [--writers 8]
 *
 * Agents are killed, and heal when they are started again; then all servers are restarted, one after the other, while clients
 * write, read and look up names. Ends with 1 where anything is not as it should be.
 */
import { parseArgs } from 'node:util'

import { must } from '../../server/model/assert.ts'
import { memberStatus } from '../../server/model/member.ts'
import type { AgentProcess } from '../support/agent-process.ts'
import { threeServers, until } from '../support/server-set.ts'
import { kindsOfChecks } from './kinds.ts'
import { Load } from './load.ts'
import { lookUp } from './lookup.ts'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '20' },
    writers: { type: 'string', default: '8' },
  },
})
/** Twice what gossip takes at these settings, and what the leader takes to write it. */
const noticedWithinMs = 12_000

let passed = 0
const faults: string[] = []
function check(name: string, holds: boolean, detail = ''): void {
  if (holds) passed += 1
  else faults.push(`${name}${detail === '' ? '' : `: ${detail}`}`)
  console.log(`${holds ? 'ok' : 'NOT OK'}  ${name}${detail === '' ? '' : ` (${detail})`}`)
}

const endings: (() => unknown)[] = []
const running: AgentProcess[] = []
try {
  await run()
} finally {
  for (const agent of running) await agent[Symbol.asyncDispose]()
  for (const end of endings.toReversed()) await end()
}
console.log(`${passed} checks held, ${faults.length} did not`)
for (const fault of faults) console.log(`NOT AS IT SHOULD BE: ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1

async function run(): Promise<void> {
  const set = await threeServers({ teardown: (end) => endings.push(end) })
  const servers: AgentProcess[] = []
  for (let at = 0; at < 3; at += 1) servers.push(started(await set.start(at)))
  for (const server of servers) await server.untilLeading()

  await using kinds = await kindsOfChecks()
  const names = Array.from({ length: Number(values.clients) }, (_, at) => `c${at}`)
  const clients = new Map<string, AgentProcess>()
  for (const [at, name] of names.entries())
    clients.set(name, started(await set.startClient(name, kinds.flagsFor(at), kinds.env)))
  const [seer] = servers
  const watched = must(seer, 'three were started')
  await until(
    () => nodesOf(watched),
    (nodes) => nodes.length === names.length + 3,
  )
  check('all clients are in the catalog', true, `${names.length} beside 3 servers`)
  for (const kind of kinds.names) {
    const all = names.filter((_, at) => kinds.at(at) === kind)
    const nodes = await until(
      () => passing(watched, kind),
      (found) => found.length === all.length,
    ).catch(() => passing(watched, kind))
    check(
      `services with a check by ${kind} pass`,
      nodes.length === all.length,
      `${nodes.length} of ${all.length}`,
    )
  }

  const web = must(clients.get('c0'), 'a client')
  const port = must(clients.get('c1'), 'a client').dnsPort
  const doomed = names.filter((_, at) => at % 5 === 2)
  const passingAt = async (count: number): Promise<boolean> => {
    const found = await until(
      () => passing(web, 'everywhere'),
      (nodes) => nodes.length === count,
    ).catch(() => undefined)
    if (found === undefined) console.log(await trouble(watched, clients))
    return found !== undefined
  }
  check('every client passes', await passingAt(names.length))
  const all = await lookUp(port, 'everywhere.service.consul')
  check('every client is found by DNS', all.length === names.length, `${all.length} answers`)
  const killedMs = performance.now()
  for (const name of doomed) must(clients.get(name), name).child.kill('SIGKILL')
  await passingAt(names.length - doomed.length)
  const noticedMs = performance.now() - killedMs
  check(
    `killed agents are critical by serfHealth within ${noticedWithinMs / 1000} s`,
    noticedMs <= noticedWithinMs,
    `${doomed.length} agents, ${(noticedMs / 1000).toFixed(1)} s`,
  )
  const left = await lookUp(port, 'everywhere.service.consul')
  check('and gone from DNS', left.length === names.length - doomed.length, `${left.length} answers`)
  const critical = await web.ask('GET', '/health/state/critical')
  check(
    'and nobody else is',
    (JSON.parse(critical.text) as { Node: string }[]).every(({ Node }) => doomed.includes(Node)),
  )
  for (const name of doomed) {
    const at = names.indexOf(name)
    clients.set(name, started(await set.startClient(name, kinds.flagsFor(at), kinds.env)))
  }
  check('killed agents heal when they are started again', await passingAt(names.length))
  for (const kind of kinds.names) {
    const count = names.filter((_, at) => kinds.at(at) === kind).length
    await until(
      () => passing(web, kind),
      (nodes) => nodes.length === count,
    )
  }
  check('and so do their services of every kind', true)

  const load = new Load([...clients.values()].slice(0, Number(values.writers)))
  load.start()
  for (let at = 0; at < 3; at += 1) {
    const server = must(servers[at], 'three were started')
    await load.passes(200)
    server.child.kill('SIGTERM')
    await server.exited
    const again = started(await set.start(at))
    servers[at] = again
    await until(
      () => again.ask('GET', '/operator/autopilot/health'),
      ({ status, text }) => status === 200 && text.includes('"FailureTolerance":1'),
    )
  }
  await load.passes(200)
  await load.stop()
  const { writes, reads, lookups, failures, slowestMs, wrong } = load
  check(
    'a rolling restart of all servers is seen as retries alone',
    failures.length === 0,
    failures.length === 0
      ? `${writes} writes, ${reads} reads, ${lookups} look-ups, the slowest ${Math.round(slowestMs)} ms`
      : `${failures.length} failed, first: ${failures[0]}`,
  )
  check('no answer was wrong', wrong.length === 0, wrong.slice(0, 3).join('; '))
  const lost = await load.lost(must(servers[0], 'a server'))
  check('no acknowledged write is lost', lost.length === 0, lost.slice(0, 3).join('; '))
  check('services went on passing', (await passing(web, 'everywhere')).length === names.length)
}

/** Who is critical, where the service is, and whom each agent's pool does not call alive. */
async function trouble(
  server: AgentProcess,
  clients: ReadonlyMap<string, AgentProcess>,
): Promise<string> {
  const { text } = await server.ask('GET', '/health/state/critical')
  const known = JSON.parse((await server.ask('GET', '/catalog/service/everywhere')).text) as {
    Node: string
  }[]
  const absent = [...clients.keys()].filter((name) => !known.some(({ Node }) => Node === name))
  const views: string[] = []
  for (const [name, agent] of [['s0', server] as const, ...clients]) {
    const answer = await agent.ask('GET', '/agent/members').catch(() => undefined)
    const members = JSON.parse(answer?.text ?? '[]') as { Name: string; Status: number }[]
    const others = members.filter(({ Status }) => Status !== memberStatus.alive)
    views.push(`${name}: ${others.map((one) => `${one.Name} ${one.Status}`).join() || 'all'}`)
  }
  return `critical: ${text}; not in the catalog: ${absent.join()}; not alive: ${views.join('; ')}`
}

function started(agent: AgentProcess): AgentProcess {
  running.push(agent)
  return agent
}

async function nodesOf(agent: AgentProcess): Promise<readonly unknown[]> {
  return JSON.parse((await agent.ask('GET', '/catalog/nodes')).text) as unknown[]
}

/** The nodes on which an instance of that service passes. */
async function passing(agent: AgentProcess, service: string): Promise<readonly string[]> {
  const { text } = await agent.ask('GET', `/health/service/${service}?passing`)
  const rows = JSON.parse(text) as readonly { readonly Node: { readonly Node: string } }[]
  return rows.map(({ Node }) => Node.Node)
}
