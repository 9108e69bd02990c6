/**
 * A catalog of 5,000 nodes with 50,000 services, in the real Consul and in ours, one durable server each, in turns: how fast it is filled,
 * how fast it is read, and how soon 5,000 watchers hear of a change. `CONSUL=/path/to/consul npm run bench:catalog`; it needs wrk,
 * and wants a machine that does nothing else.
 *
 *     --nodes N      how many (default 5000), each with ten services
 *     --watchers N   connections that wait (default 5000)
 *     --seconds N    how long each read is measured (default 4), after as long unmeasured
 *     --port N       the first of ten ports
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { type Peer, startPeer } from '../conformance/peer.ts'
import { wrk } from './load.ts'
import { RawClient } from './raw-client.ts'

const { values: options } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    watchers: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '4' },
    port: { type: 'string', default: '22000' },
  },
})
const nodes = Number(options.nodes)
const watchers = Number(options.watchers)
const seconds = Number(options.seconds)
const servicesEach = 10
const writers = 64
/** Of each change that all watch. */
const rounds = 5
/** How the kernel counts a process's time. */
const ticksPerSecond = 100

/** `wide` is on every fifth node, `narrow` on ten; the rest are a hundred instances each. */
function serviceOf(node: number, slot: number): string {
  if (slot === 0 && node % 5 === 0) return 'wide'
  if (slot === 1 && node < 10) return 'narrow'
  return `s${(node * servicesEach + slot) % (nodes / 10)}`
}

const figures = new Map<
  string,
  { readonly values: number[]; readonly digits: number; readonly isMore: boolean }
>()
function note(what: string, value: number, { digits = 0, isMore = false } = {}): void {
  const known = figures.get(what) ?? { values: [], digits, isMore }
  known.values.push(value)
  figures.set(what, known)
  console.error(`${what}: ${value.toFixed(digits)}`)
}

const flags = [`-hcl=limits { http_max_conns_per_client = ${2 * watchers + 1000} }`]
const programs = [
  { label: 'Consul', command: [process.env['CONSUL'] ?? 'consul'], flags },
  {
    label: 'Praetor',
    command: [process.execPath, join(import.meta.dirname, '../../agent/main.ts')],
    flags,
  },
]
for (const program of programs) {
  console.error(`\n${program.label}`)
  await using peer = await startPeer(program, Number(options.port), 'server')
  await fill(peer)
  await read(peer)
  await watchOne(peer)
  await watchMany(peer)
  note('memory at the end, MB', (await statusOf(peer.pid, 'VmRSS')) / 1024)
}

console.log(`\n${nodes} nodes with ${nodes * servicesEach} services, ${watchers} watchers\n`)
console.log(`| | Consul | Praetor | |\n|---|---|---|---|`)
for (const [what, { values, digits, isMore }] of figures) {
  const [theirs = Number.NaN, ours = Number.NaN] = values
  const ratio = isMore ? ours / theirs : theirs / ours
  console.log(
    `| ${what} | ${theirs.toFixed(digits)} | ${ours.toFixed(digits)} | × ${ratio.toFixed(2)} |`,
  )
}

async function fill(peer: Peer): Promise<void> {
  const tookMs: number[] = []
  let next = 0
  const write = async (): Promise<void> => {
    using client = await RawClient.open(peer.ports.http)
    while (next < nodes * servicesEach) {
      const number = next
      next += 1
      const beganMs = performance.now()
      expectGood(await client.ask('PUT', '/catalog/register', registration(number)))
      tookMs.push(performance.now() - beganMs)
    }
  }
  const beganMs = performance.now()
  await Promise.all(Array.from({ length: writers }, write))
  note('registrations/s, 64 clients', (tookMs.length * 1000) / (performance.now() - beganMs), {
    isMore: true,
  })
  note('registrations, p99, ms', quantile(tookMs, 0.99), { digits: 1 })
}

function registration(number: number, output = ''): string {
  const node = Math.floor(number / servicesEach)
  const service = serviceOf(node, number % servicesEach)
  const Node = `host${node}`
  const ID = `${service}-${number}`
  return JSON.stringify({
    Node,
    ID: `00000000-0000-4000-8000-${String(node).padStart(12, '0')}`,
    Address: `10.${node >> 16}.${(node >> 8) & 255}.${node & 255}`,
    SkipNodeUpdate: output !== '',
    Service: {
      ID,
      Service: service,
      Port: 8000 + (number % servicesEach),
      Tags: ['v1'],
      Meta: { zone: `z${node % 3}` },
    },
    Checks: [
      { Node, CheckID: 'alive', Name: 'alive', Status: 'passing' },
      {
        Node,
        CheckID: `service:${ID}`,
        Name: 'http',
        Status: 'passing',
        ServiceID: ID,
        Output: output,
      },
    ],
  })
}

async function read(peer: Peer): Promise<void> {
  const base = `http://127.0.0.1:${peer.ports.http}/v1`
  const filter = encodeURIComponent('Service.Meta.zone == "z1"')
  const paths = [
    ['health/service, 10 instances', '/health/service/narrow?passing'],
    ['health/service, 100 instances', '/health/service/s7?passing'],
    ['health/service, 1,000 instances', '/health/service/wide?passing'],
    ['the same with a filter', `/health/service/wide?passing&filter=${filter}`],
    ['catalog/services', '/catalog/services'],
    ['catalog/nodes', '/catalog/nodes'],
  ] as const
  for (const [what, path] of paths) {
    await wrk(base + path, { clients: 32, seconds })
    const load = await wrk(base + path, { clients: 32, seconds })
    note(`${what}/s, 32 clients`, load.perSecond, {
      isMore: true,
      digits: load.perSecond < 100 ? 1 : 0,
    })
    note(`${what}, p99, ms`, load.p99Ms ?? Number.NaN, { digits: 1 })
  }
}

/** All wait for the same service; each round changes it once, by the words of a check. */
async function watchOne(peer: Peer): Promise<void> {
  const path = '/health/service/narrow'
  using stack = new DisposableStack()
  const clients = await open(peer, stack)
  using writer = await RawClient.open(peer.ports.http)
  let { index } = await writer.ask('GET', path)
  const seen: Record<'first' | 'median' | 'last', number[]> = { first: [], median: [], last: [] }
  for (let round = 0; round < rounds; round += 1) {
    const tookMs: number[] = []
    let changedMs = 0
    const answers = clients.map(async (client) => {
      const answer = expectGood(await client.ask('GET', `${path}?index=${index}&wait=300s`))
      tookMs.push(performance.now() - changedMs)
      return answer.index
    })
    await sleep(3_000)
    if (tookMs.length > 0) throw new Error(`${tookMs.length} watchers were woken by nothing`)
    changedMs = performance.now()
    const changed = writer.ask('PUT', '/catalog/register', registration(1, `round ${round}`))
    const indexes = await Promise.all(answers)
    expectGood(await changed)
    index = Math.max(...indexes)
    seen.first.push(Math.min(...tookMs))
    seen.median.push(quantile(tookMs, 0.5))
    seen.last.push(Math.max(...tookMs))
  }
  for (const [which, took] of Object.entries(seen))
    note(`a change to the ${which} of ${watchers} watchers, ms`, quantile(took, 0.5), { digits: 1 })
}

/** They wait for all kinds of services, while checks of one that nobody watches change a hundred times a second. */
async function watchMany(peer: Peer): Promise<void> {
  using stack = new DisposableStack()
  const clients = await open(peer, stack)
  using writer = await RawClient.open(peer.ports.http)
  let woken = 0
  const over = new AbortController()
  const watches = clients.map(async (client, at) => {
    const path = `/health/service/s${at % (nodes / 10)}`
    let { index } = await client.ask('GET', path)
    while (!over.signal.aborted) {
      const answer = await client.ask('GET', `${path}?index=${index}&wait=300s`)
      if (!over.signal.aborted) woken += 1
      index = answer.index
    }
  })
  for (const watch of watches) watch.catch(() => undefined)
  await sleep(10_000)
  woken = 0
  const before = await cpuTicks(peer.pid)
  const beganMs = performance.now()
  for (let change = 0; change < 1_000; change += 1) {
    expectGood(await writer.ask('PUT', '/catalog/register', registration(1, `change ${change}`)))
    await sleep(Math.max(0, beganMs + (change + 1) * 10 - performance.now()))
  }
  const tookS = (performance.now() - beganMs) / 1000
  note(
    'CPU with 100 changes/s that none of them watches, % of a core',
    (((await cpuTicks(peer.pid)) - before) / ticksPerSecond / tookS) * 100,
    { digits: 1 },
  )
  note('watchers woken by them', woken)
  over.abort()
}

async function open(peer: Peer, stack: DisposableStack): Promise<readonly RawClient[]> {
  const clients: RawClient[] = []
  for (let count = 0; count < watchers; count += 1)
    clients.push(stack.use(await RawClient.open(peer.ports.http)))
  return clients
}

function expectGood<Answer extends { readonly status: number }>(answer: Answer): Answer {
  if (answer.status !== 200) throw new Error(`an answer was ${answer.status}`)
  return answer
}

function quantile(values: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(values).toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
}

async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

async function statusOf(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1])
}
