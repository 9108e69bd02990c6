/**
 * What a client agent costs its host: at rest, and with 500 services with 1,000 checks of web pages, ports and TTLs, Consul's and
 * ours side by side, each before a server of ours. CPU is what the kernel charged each process for, in percent of one core; memory
 * is the median of what it held. `CONSUL=/path/to/consul npm run bench:checks` measures what `npm run build:js` built; it takes two
 * minutes, and wants a machine that does nothing else.
 *
 *     --seconds N    how long is measured (default 60), after the checks ran for as long as two intervals
 *     --interval N   seconds between two runs of a check (default 5)
 *     --services N   each has two checks (default 500)
 *     --port N       the first of twenty ports
     --program FILE our agent (default dist/agent/main.js)
 *     --node=FLAG    of Node, for our agent; may be given several times
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { exchange } from '../conformance/exchange.ts'
import { startClient } from '../conformance/peer.ts'
import type { Peer } from '../conformance/peer.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    interval: { type: 'string', default: '5' },
    services: { type: 'string', default: '500' },
    port: { type: 'string', default: '28300' },
    program: { type: 'string', default: join(import.meta.dirname, '../../dist/agent/main.js') },
    node: { type: 'string', multiple: true, default: [] },
  },
})
const [seconds, intervalSeconds, services, port] = [
  options.seconds,
  options.interval,
  options.services,
  options.port,
].map(Number) as [number, number, number, number]
const idleSeconds = 15
/** How the kernel counts a process's time. */
const ticksPerSecond = 100

await using stack = new AsyncDisposableStack()
const page = createServer((_, response) => response.end('ok'))
const listener = createTcpServer((socket) => socket.on('error', () => undefined).end())
const [pagePort, tcpPort] = [await listen(page), await listen(listener)]

const consul = { label: 'Consul', command: [process.env['CONSUL'] ?? 'consul'] }
const praetor = {
  label: 'Praetor',
  command: [process.execPath, ...options.node, options.program],
}
const server = { label: 'Praetor', command: [process.execPath, options.program] }
const peers = [
  stack.use(await startClient(consul, server, port)),
  stack.use(await startClient(praetor, server, port + 10)),
]

await sleep(idleSeconds * 1000)
const idle = await measureAll(idleSeconds)
for (const peer of peers) await registerAll(peer)
const stop = keepAlive()
await sleep(2 * intervalSeconds * 1000)
const busy = await measureAll(seconds)
await stop()
for (const peer of peers) await assertPassing(peer)

const checks = `${services * 2} checks every ${intervalSeconds} s`
console.log(`\n| | ${consul.label} | ${praetor.label} | ratio |`)
console.log('|---|---|---|---|')
row(
  'CPU, no checks, % of a core',
  idle.map(({ cpuPercent }) => cpuPercent),
  2,
)
row(
  `CPU, ${checks}, % of a core`,
  busy.map(({ cpuPercent }) => cpuPercent),
  2,
)
row(
  'memory, no checks, MB',
  idle.map(({ memoryMb }) => memoryMb),
  0,
)
row(
  `memory, ${checks}, MB`,
  busy.map(({ memoryMb }) => memoryMb),
  0,
)
row(
  `memory at most, ${checks}, MB`,
  busy.map(({ memoryMaxMb }) => memoryMaxMb),
  0,
)

function row(what: string, figures: readonly number[], digits: number): void {
  const [theirs = Number.NaN, ours = Number.NaN] = figures
  const cells = figures.map((figure) => figure.toFixed(digits)).join(' | ')
  console.log(`| ${what} | ${cells} | ${(ours / theirs).toFixed(2)} |`)
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', 4096, resolve)
  })
  stack.defer(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** Each service has a page; every second one has a port besides, the others a TTL. */
async function registerAll(peer: Peer): Promise<void> {
  const Interval = `${intervalSeconds}s`
  for (let number = 0; number < services; number += 1) {
    const web = { HTTP: `http://127.0.0.1:${pagePort}/health`, Interval }
    const other = isTtl(number)
      ? { TTL: `${3 * intervalSeconds}s`, Status: 'passing' }
      : { TCP: `127.0.0.1:${tcpPort}`, Interval }
    await put(peer, '/v1/agent/service/register', {
      Name: `web-${number}`,
      Port: 8000,
      Checks: [web, other],
    })
  }
}

function isTtl(number: number): boolean {
  return number % 2 === 1
}

/** What the clients of TTL checks do: each says that it is well once every interval. */
function keepAlive(): () => Promise<unknown> {
  const words = new Set<Promise<void>>()
  const numbers = Array.from({ length: services }, (_, number) => number).filter(isTtl)
  let at = 0
  const timer = setInterval(
    () => {
      const number = numbers[at % numbers.length] ?? 0
      at += 1
      for (const peer of peers) {
        const word = put(peer, `/v1/agent/check/pass/service:web-${number}:2`)
        words.add(word)
        void word.finally(() => words.delete(word))
      }
    },
    (intervalSeconds * 1000) / numbers.length,
  )
  return () => {
    clearInterval(timer)
    return Promise.all(words)
  }
}

async function put(peer: Peer, path: string, body?: object): Promise<void> {
  const answer = await exchange(peer.ports.http, {
    method: 'PUT',
    path,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (answer.status !== 200)
    throw new Error(`${peer.label} refused ${path}: ${answer.body.toString()}`)
}

/** A check that isn't run costs nothing. */
async function assertPassing(peer: Peer): Promise<void> {
  const { body } = await exchange(peer.ports.http, { method: 'GET', path: '/v1/agent/checks' })
  const rows = Object.values(JSON.parse(body.toString()) as Record<string, { Status: string }>)
  const passing = rows.filter(({ Status }) => Status === 'passing').length
  if (passing !== services * 2)
    throw new Error(`${peer.label} has ${passing} checks of ${services * 2} passing`)
}

interface Cost {
  readonly cpuPercent: number
  readonly memoryMb: number
  readonly memoryMaxMb: number
}

/** Both at the same time: what else the machine does then disturbs both. */
async function measureAll(forSeconds: number): Promise<readonly Cost[]> {
  return Promise.all(peers.map((peer) => measure(peer, forSeconds)))
}

async function measure({ pid }: Peer, forSeconds: number): Promise<Cost> {
  const beganAt = performance.now()
  const before = await cpuSeconds(pid)
  const sizes: number[] = []
  for (let second = 0; second < forSeconds; second += 1) {
    await sleep(1000)
    sizes.push(await residentMb(pid))
  }
  const used = (await cpuSeconds(pid)) - before
  const sorted = sizes.toSorted((a, b) => a - b)
  return {
    cpuPercent: (100 * used) / ((performance.now() - beganAt) / 1000),
    memoryMb: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    memoryMaxMb: sorted.at(-1) ?? Number.NaN,
  }
}

/** User and system time: fields 14 and 15 of proc(5)'s `stat`, which are counted from behind the command's name. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
