import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Peer, type Program, startPeer } from '../conformance/peer.ts'
import { dnsperf, type Load, wrk } from './load.ts'

/**
 * One server of each program on this machine, durable, under the same load in turns; figures are medians, and what counts is their
 * ratio. Needs wrk, dnsperf, and the real Consul: `CONSUL=/path/to/consul npm run bench`.
 *
 * `--seconds N` sets how long each load lasts, `--rounds N` how often, `--only TEXT` which, `--warm N` how long each runs before it is
 * measured: a daemon runs for months, a compiler warms up for seconds.
 */
interface Case {
  readonly name: string
  readonly run: (peer: Peer, seconds: number) => Promise<Load>
}

const here = import.meta.dirname
const consul: Program = { label: 'Consul', command: [process.env['CONSUL'] ?? 'consul'] }
const praetor: Program = {
  label: 'Praetor',
  command: [process.execPath, join(here, '../../agent/main.ts')],
}

const url = (peer: Peer, path: string): string => `http://127.0.0.1:${peer.ports.http}/v1${path}`

const questionFile = async (use: (path: string) => Promise<Load>): Promise<Load> => {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'))
  try {
    const path = join(directory, 'questions')
    await writeFile(path, 'web.service.consul A\n')
    return await use(path)
  } finally {
    await rm(directory, { recursive: true })
  }
}

const cases: readonly Case[] = [
  ...[1, 64].map((clients): Case => ({
    name: `KV PUT 128 B, ${clients} client${clients === 1 ? '' : 's'}`,
    run: (peer, seconds) =>
      wrk(url(peer, '/kv/bench'), { clients, seconds, script: join(here, 'put.lua') }),
  })),
  {
    name: 'KV GET default, 32 clients',
    run: (peer, seconds) => wrk(url(peer, '/kv/read'), { clients: 32, seconds }),
  },
  {
    name: 'health/service, 10 instances, 32 clients',
    run: (peer, seconds) => wrk(url(peer, '/health/service/web'), { clients: 32, seconds }),
  },
  {
    name: 'DNS A, 10 instances, one socket',
    run: (peer, seconds) =>
      questionFile((questions) => dnsperf(peer.ports.dns, { questions, seconds })),
  },
]

async function prepare(peer: Peer): Promise<void> {
  await put(peer, '/kv/read', 'v'.repeat(128))
  for (let instance = 0; instance < 10; instance += 1)
    await put(
      peer,
      '/catalog/register',
      JSON.stringify({
        Node: `node-${instance}`,
        Address: `10.0.0.${instance + 1}`,
        Service: { ID: `web-${instance}`, Service: 'web', Port: 8000 + instance },
        Checks: [
          // Not serfHealth: Consul reaps a node whose gossip check names nobody in the pool.
          { CheckID: 'alive', Name: 'alive', Status: 'passing' },
          {
            CheckID: `service:web-${instance}`,
            Name: 'web',
            Status: 'passing',
            ServiceID: `web-${instance}`,
          },
        ],
      }),
    )
}

async function put(peer: Peer, path: string, body: string): Promise<void> {
  const response = await fetch(url(peer, path), { method: 'PUT', body })
  if (!response.ok) throw new Error(`${peer.label} refused ${path}: ${await response.text()}`)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise)
}

const seconds = Number(option('seconds', '5'))
const warmS = Number(option('warm', '3'))
const rounds = Number(option('rounds', '3'))
const chosen = cases.filter(({ name }) => name.includes(option('only', '')))

await using theirs = await startPeer(consul, Number(option('port', '28200')), 'server')
await using ours = await startPeer(praetor, Number(option('port', '28200')) + 10, 'server')
await prepare(theirs)
await prepare(ours)

console.log(`\n| load | ${theirs.label} /s | p99 ms | ${ours.label} /s | p99 ms | ratio |`)
console.log('|---|---|---|---|---|---|')
for (const { name, run } of chosen) {
  const seen = new Map<Peer, Load[]>([
    [theirs, []],
    [ours, []],
  ])
  if (warmS > 0) for (const peer of seen.keys()) await run(peer, warmS)
  for (let round = 0; round < rounds; round += 1)
    for (const [peer, loads] of seen) loads.push(await run(peer, seconds))
  const figures = [theirs, ours].map((peer) => {
    const loads = seen.get(peer) ?? []
    return {
      perSecond: median(loads.map(({ perSecond }) => perSecond)),
      p99Ms: median(loads.map(({ p99Ms }) => p99Ms ?? Number.NaN)),
    }
  })
  const [a, b] = figures
  if (a === undefined || b === undefined) continue
  const show = ({ perSecond, p99Ms }: { perSecond: number; p99Ms: number }): string =>
    `${Math.round(perSecond)} | ${Number.isNaN(p99Ms) ? '–' : p99Ms.toFixed(2)}`
  console.log(`| ${name} | ${show(a)} | ${show(b)} | ${(b.perSecond / a.perSecond).toFixed(2)} |`)
}
