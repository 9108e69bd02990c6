import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { type Load, wrk } from './load.ts'

/**
 * Three durable servers of Consul, etcd and Praetor on this machine, the same load on each one's leader, in turns; figures are
 * medians, and what counts is their ratio. Needs wrk and the two peers: `CONSUL=… ETCD=… npm run bench:cluster`.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    // Each load runs for so long before it is measured, on every system: a daemon runs for months, a compiler warms up for seconds.
    warm: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    port: { type: 'string', default: '28600' },
    only: { type: 'string', default: '' },
  },
})
const seconds = Number(options.seconds)
const warmS = Number(options.warm)
const firstPort = Number(options.port)
const here = import.meta.dirname
const startMs = 40_000

/** One kind of server set. A member gets ten ports from its own on. */
interface System {
  readonly name: string
  readonly start: (member: number, directory: string) => readonly string[]
  /** The leader's HTTP address, once there is one; undefined until then. */
  readonly leader: () => Promise<string | undefined>
  readonly put: { readonly path: string; readonly script: string }
  readonly get?: { readonly prepare: (url: string) => Promise<void>; readonly path: string }
}

const port = (member: number, offset = 0): number => firstPort + member * 10 + offset
const members = [0, 1, 2]

async function ask(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(2_000) })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  return response.text()
}

/** Both speak the same API; the leader is the one whose RPC address everyone names. */
function consulLike(name: string, command: readonly string[]): System {
  return {
    name,
    start: (member, directory) => [
      ...command,
      'agent',
      '-server',
      '-bootstrap-expect=3',
      `-node=s${member}`,
      '-bind=127.0.0.1',
      `-data-dir=${directory}`,
      `-http-port=${port(member)}`,
      `-dns-port=${port(member, 1)}`,
      `-server-port=${port(member, 2)}`,
      `-serf-lan-port=${port(member, 3)}`,
      `-serf-wan-port=${port(member, 4)}`,
      ...members.map((other) => `-retry-join=127.0.0.1:${port(other, 3)}`),
      '-log-level=warn',
      '-hcl=performance { raft_multiplier = 1 } limits { http_max_conns_per_client = 1000 }',
    ],
    async leader() {
      const address = await ask(`http://127.0.0.1:${port(0)}/v1/status/leader`)
      const leading = members.find((member) => address.includes(`:${port(member, 2)}`))
      return leading === undefined ? undefined : `http://127.0.0.1:${port(leading)}`
    },
    put: { path: '/v1/kv/bench', script: join(here, 'put.lua') },
    get: {
      prepare: async (url) => {
        await ask(`${url}/v1/kv/read`, { method: 'PUT', body: 'v'.repeat(128) })
      },
      path: '/v1/kv/read',
    },
  }
}

function etcd(name: string, put: System['put']): System {
  const peers = members.map((member) => `m${member}=http://127.0.0.1:${port(member, 2)}`).join(',')
  return {
    name,
    start: (member, directory) => [
      process.env['ETCD'] ?? 'etcd',
      `--name=m${member}`,
      `--data-dir=${directory}`,
      '--enable-v2',
      `--listen-client-urls=http://127.0.0.1:${port(member)}`,
      `--advertise-client-urls=http://127.0.0.1:${port(member)}`,
      `--listen-peer-urls=http://127.0.0.1:${port(member, 2)}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${port(member, 2)}`,
      `--initial-cluster=${peers}`,
      '--log-level=error',
    ],
    async leader() {
      for (const member of members) {
        const url = `http://127.0.0.1:${port(member)}`
        const status = JSON.parse(await ask(`${url}/v2/stats/self`)) as { state: string }
        if (status.state === 'StateLeader') return url
      }
      return undefined
    },
    put,
  }
}

const systems = [
  consulLike('Consul', [process.env['CONSUL'] ?? 'consul']),
  etcd('etcd v2', { path: '/v2/keys/bench', script: join(here, 'etcd-v2.lua') }),
  etcd('etcd v3', { path: '/v3/kv/put', script: join(here, 'etcd-v3.lua') }),
  consulLike('Praetor', [process.execPath, join(here, '../../agent/main.ts')]),
] as const

interface Case {
  readonly name: string
  /** undefined where the system has no such path. */
  readonly run: (system: System, url: string, seconds: number) => Promise<Load | undefined>
}

const cases: readonly Case[] = [
  ...[1, 64, 256].map((clients): Case => ({
    name: `KV PUT 128 B, ${clients} client${clients === 1 ? '' : 's'}`,
    run: ({ put }, url, seconds) =>
      wrk(`${url}${put.path}`, { clients, seconds, script: put.script }),
  })),
  ...['default', 'consistent'].map((mode): Case => ({
    name: `KV GET ${mode}, 64 clients`,
    async run({ get }, url, seconds) {
      if (get === undefined) return undefined
      await get.prepare(url)
      const query = mode === 'default' ? '' : `?${mode}`
      return wrk(`${url}${get.path}${query}`, { clients: 64, seconds })
    },
  })),
].filter(({ name }) => name.includes(options.only))

/** One round of a system: a fresh server set, every load on its leader, and everything ended again. */
async function round(system: System): Promise<Map<string, Load>> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'))
  const log = await open(join(directory, 'log'), 'w')
  const children = members.map((member) => {
    const [command = '', ...args] = system.start(member, join(directory, String(member)))
    return spawn(command, args, { stdio: ['ignore', log.fd, log.fd] })
  })
  try {
    const url = await untilLed(system).catch(async (error: unknown) => {
      throw new Error(
        `${system.name} has no leader:\n${await readFile(join(directory, 'log'), 'utf8')}`,
        {
          cause: error,
        },
      )
    })
    const loads = new Map<string, Load>()
    for (const { name, run } of cases) {
      if (warmS > 0) await run(system, url, warmS)
      const load = await run(system, url, seconds)
      if (load !== undefined) loads.set(name, load)
    }
    return loads
  } finally {
    await Promise.all(children.map(end))
    await log.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function untilLed(system: System): Promise<string> {
  const deadline = Date.now() + startMs
  for (;;) {
    const url = await system.leader().catch(() => undefined)
    if (url !== undefined) {
      // A leader that was just elected is still getting to know the others.
      await sleep(2_000)
      return url
    }
    if (Date.now() > deadline) throw new Error('too late')
    await sleep(100)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const seen = new Map(systems.map(({ name }) => [name, new Map<string, Load[]>()]))
for (let count = 0; count < Number(options.rounds); count += 1)
  for (const system of systems)
    for (const [name, load] of await round(system)) {
      const loads = seen.get(system.name)
      loads?.set(name, [...(loads.get(name) ?? []), load])
    }

const figures = (system: string, name: string): { perSecond: number; p99Ms: number } => {
  const loads = seen.get(system)?.get(name) ?? []
  return {
    perSecond: median(loads.map(({ perSecond }) => perSecond)),
    p99Ms: median(loads.map(({ p99Ms }) => p99Ms ?? Number.NaN)),
  }
}
const show = ({ perSecond, p99Ms }: { perSecond: number; p99Ms: number }): string =>
  Number.isNaN(perSecond) ? '–' : `${Math.round(perSecond)} (${p99Ms.toFixed(1)})`

console.log(
  `\nAnswers per second (p99 in ms), ${options.rounds} rounds of ${seconds} s after ${warmS} s unmeasured\n`,
)
console.log(`| load | ${systems.map(({ name }) => name).join(' | ')} | × Consul | × etcd's best |`)
console.log(`|---|${'---|'.repeat(systems.length + 2)}`)
for (const { name } of cases) {
  const ours = figures('Praetor', name).perSecond
  const best = Math.max(
    ...['etcd v2', 'etcd v3'].map((system) => figures(system, name).perSecond || 0),
  )
  const cells = systems.map((system) => show(figures(system.name, name)))
  const ratio = (other: number): string => (other > 0 ? (ours / other).toFixed(2) : '–')
  console.log(
    `| ${name} | ${cells.join(' | ')} | ${ratio(figures('Consul', name).perSecond)} | ${ratio(best)} |`,
  )
}
