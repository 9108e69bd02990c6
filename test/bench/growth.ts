import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { GrowingServer } from './growing-server.ts'
import { wrk } from './load.ts'
import { PacedWriter } from './paced-writer.ts'
import { type Stalls, stallMaxMs } from './stall-probe.ts'

/**
 * What a million keys cost: three durable servers on this machine, beside three with few keys, and what is asked of them beside
 * what they reach. Exits with 1 where something is missed. Needs wrk: `npm run bench:growth`.
 */
const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '5' },
    /** Of writing among few keys and then among many, each for so many seconds. */
    rounds: { type: 'string', default: '9' },
    /** The first of a hundred. */
    port: { type: 'string', default: '31000' },
    /** Of Node, for the servers: `--node=--cpu-prof`. */
    node: { type: 'string', multiple: true, default: [] },
    keep: { type: 'boolean', default: false },
  },
})
const keys = Number(options.keys)
const seconds = Number(options.seconds)
const rounds = Number(options.rounds)
const fewKeys = 1_000
const asked = { costRatio: 1.3, stallMs: stallMaxMs, writesPerSecond: 5_000, restartMs: 10_000 }
const waitMs = 120_000

const name = (number: number): string => `bench/${String(number).padStart(7, '0')}`
/** 128 characters that don't compress to nothing. */
const value = (count: number): string => createHash('sha512').update(String(count)).digest('hex')

interface Figure {
  readonly what: string
  readonly asked: string
  readonly reached: string
  readonly isReached: boolean
}
const figures: Figure[] = []

function note(what: string, reached: string, wanted = '', isReached = true): void {
  figures.push({ what, asked: wanted, reached, isReached })
  console.log(`${what}: ${reached}${isReached ? '' : `  (asked: ${wanted})`}`)
}

const directory = await mkdtemp(join(tmpdir(), 'growth-'))
await using stack = new AsyncDisposableStack()
/** Those that hold many keys; and others that hold few, to compare with. */
const servers = await cluster('many', Number(options.port))
const fewServers = await cluster('few', Number(options.port) + 50)
stack.defer(async () => {
  if (options.keep) console.log(`kept: ${directory}`)
  else await rm(directory, { recursive: true, force: true })
})

async function cluster(called: string, firstPort: number): Promise<readonly GrowingServer[]> {
  const home = join(directory, called)
  await mkdir(home)
  return [0, 1, 2].map((number) =>
    stack.use(
      new GrowingServer({
        number,
        servers: 3,
        firstPort,
        directory: home,
        nodeFlags: options.node,
      }),
    ),
  )
}

async function get(url: string, path: string, timeoutMs = 5_000): Promise<string> {
  const response = await fetch(`${url}/v1/${path}`, { signal: AbortSignal.timeout(timeoutMs) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return response.text()
}

async function put(url: string, path: string, body: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const response = await fetch(`${url}/v1/${path}`, { method: 'PUT', body, signal })
  const text = await response.text()
  if (!response.ok || text === 'false') throw new Error(`${path}: ${response.status} ${text}`)
}

/** Asks every few milliseconds; says how long it took until the answer was yes. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<number> {
  const startMs = performance.now()
  for (;;) {
    if (await isSo().catch(() => false)) return performance.now() - startMs
    if (performance.now() - startMs > waitMs) {
      const words = await Promise.all(servers.map((server) => server.lastWords()))
      throw new Error(`${what}: too late\n${words.join('\n')}`)
    }
    await sleep(20)
  }
}

async function leaderOf(among: readonly GrowingServer[]): Promise<GrowingServer> {
  let led: GrowingServer | undefined
  await until('a leader', async () => {
    for (const server of among) {
      const address = await get(server.url, 'status/leader').catch(() => '')
      led ??= among.find(({ rpcAddress }) => address.includes(rpcAddress))
    }
    return led !== undefined
  })
  if (led === undefined) throw new Error('no leader')
  return led
}

/** Writes from so many keys on, 64 in a transaction, several under way. */
async function load(url: string, from: number, to: number): Promise<void> {
  let next = from
  const loader = async (): Promise<void> => {
    while (next < to) {
      const first = next
      next = Math.min(to, first + 64)
      const ops = Array.from({ length: next - first }, (_, offset) => ({
        KV: {
          Verb: 'set',
          Key: name(first + offset),
          Value: Buffer.from(value(first + offset)).toString('base64'),
        },
      }))
      await put(url, 'txn', JSON.stringify(ops))
    }
  }
  await Promise.all(Array.from({ length: 8 }, loader))
}

/** A write by one of 64 clients to any of the keys. */
interface Cost {
  /** Microseconds of processor of all servers for each write; and of their event loops alone. */
  readonly cpuUs: number
  readonly loopCpuUs: number
  readonly perSecond: number
  readonly p99Ms: number
  readonly worst: Stalls
}

function worstOf(stalls: readonly Stalls[]): Stalls {
  const worst = (field: keyof Stalls): number => Math.max(...stalls.map((each) => each[field]))
  return {
    worstMs: worst('worstMs'),
    worstOwnMs: worst('worstOwnMs'),
    over: worst('over'),
    turns: worst('turns'),
    gcWorstMs: worst('gcWorstMs'),
    gcTotalMs: worst('gcTotalMs'),
    cpuUs: worst('cpuUs'),
    loopCpuUs: worst('loopCpuUs'),
    rssBytes: worst('rssBytes'),
  }
}

const stallsOf = (among: readonly GrowingServer[]): Promise<Stalls[]> =>
  Promise.all(among.map((server) => server.stalls()))
const total = (stalls: readonly Stalls[], field: 'cpuUs' | 'loopCpuUs'): number =>
  stalls.reduce((sum, each) => sum + each[field], 0)
const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length

async function writeCost(led: GrowingServer, keyCount: number): Promise<Cost> {
  const among = servers.includes(led) ? servers : fewServers
  const before = await stallsOf(among)
  const { perSecond, p99Ms } = await wrk(led.url, {
    clients: 64,
    seconds,
    script: join(import.meta.dirname, 'put-among.lua'),
    args: [String(keyCount)],
  })
  const after = await stallsOf(among)
  const each = (field: 'cpuUs' | 'loopCpuUs'): number =>
    (total(after, field) - total(before, field)) / (perSecond * seconds)
  return {
    cpuUs: each('cpuUs'),
    loopCpuUs: each('loopCpuUs'),
    perSecond,
    p99Ms: p99Ms ?? Number.NaN,
    worst: worstOf(after),
  }
}

function meanCost(costs: readonly Cost[]): Cost {
  return {
    cpuUs: mean(costs.map(({ cpuUs }) => cpuUs)),
    loopCpuUs: mean(costs.map(({ loopCpuUs }) => loopCpuUs)),
    perSecond: mean(costs.map(({ perSecond }) => perSecond)),
    p99Ms: mean(costs.map(({ p99Ms }) => p99Ms)),
    worst: worstOf(costs.map(({ worst }) => worst)),
  }
}

const stallWords = ({ gcWorstMs, over, worstMs, worstOwnMs }: Stalls): string =>
  `${worstOwnMs.toFixed(1)} ms (${worstMs.toFixed(1)} with waiting for a core; longest collection ${gcWorstMs.toFixed(1)}; ${over} over ${asked.stallMs})`
const costWords = ({ cpuUs, loopCpuUs, p99Ms, perSecond }: Cost): string =>
  `${cpuUs.toFixed(1)} µs of processor in the three servers (${loopCpuUs.toFixed(1)} of it in their loops), ${Math.round(perSecond)}/s, p99 ${p99Ms.toFixed(1)} ms`
const timeWords = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function noteStall(what: string, stalls: Stalls): void {
  note(what, stallWords(stalls), `≤ ${asked.stallMs} ms`, stalls.worstOwnMs <= asked.stallMs)
}

const startedMs = performance.now()
for (const server of [...servers, ...fewServers]) server.start()
const fewLeader = await leaderOf(fewServers)
await leaderOf(servers)
await sleep(2_000)
const leader = await leaderOf(servers)

await load(fewLeader.url, 0, fewKeys)
// What stood still while they started is not what is asked.
await stallsOf(servers)
const loadStartMs = performance.now()
await load(leader.url, 0, keys)
note(`loading ${keys} keys`, timeWords(performance.now() - loadStartMs))
note('  worst stall meanwhile', stallWords(worstOf(await stallsOf(servers))))

/**
 * In turn, since what else the machine does changes what a write costs; and long enough for every server with many keys to take
 * a snapshot of its own accord, which is part of the cost.
 */
async function compareCosts(): Promise<void> {
  await writeCost(fewLeader, fewKeys)
  await writeCost(leader, keys)
  const pairs: { readonly few: Cost; readonly many: Cost }[] = []
  for (let round = 0; round < rounds; round += 1)
    pairs.push({
      few: await writeCost(fewLeader, fewKeys),
      many: await writeCost(leader, keys),
    })
  const few = meanCost(pairs.map((pair) => pair.few))
  const many = meanCost(pairs.map((pair) => pair.many))
  const ratio = many.cpuUs / few.cpuUs
  const ratios = pairs.map((pair) => pair.many.cpuUs / pair.few.cpuUs)
  note(`a write among ${fewKeys} keys`, costWords(few))
  note('  worst stall meanwhile', stallWords(few.worst))
  note(`a write among ${keys} keys`, costWords(many))
  note('  worst stall meanwhile', stallWords(many.worst))
  note(
    'cost of a write, many keys to few',
    `× ${ratio.toFixed(2)} (rounds ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}; by rate ${(few.perSecond / many.perSecond).toFixed(2)})`,
    `≤ × ${asked.costRatio}`,
    ratio <= asked.costRatio,
  )
  note('memory of a server at the most', `${Math.round(many.worst.rssBytes / 1e6)} MB`)
}
await compareCosts()
await Promise.all(fewServers.map((server) => server.end('SIGKILL')))

/** Writes at a pace among all keys, while something is done. */
async function whileWriting<Result>(
  perSecond: number,
  work: () => Promise<Result>,
): Promise<{ result: Result; paced: Awaited<ReturnType<PacedWriter['stop']>> }> {
  const writer = new PacedWriter({
    port: leader.httpPort,
    perSecond,
    clients: 64,
    key: (count) => name((count * 7919) % keys),
    value,
  })
  try {
    const result = await work()
    return { result, paced: await writer.stop() }
  } catch (error) {
    await writer.stop()
    throw error
  }
}

for (const server of servers) {
  const role = server === leader ? 'the leader' : 'a follower'
  await stallsOf(servers)
  const { result } = await whileWriting(1_000, async () => {
    await sleep(200)
    const startMs = performance.now()
    const response = await fetch(`${server.url}/v1/snapshot?stale`)
    let bytes = 0
    for await (const piece of response.body ?? []) bytes += piece.length
    return { bytes, ms: performance.now() - startMs, stalls: await server.stalls() }
  })
  note(`a snapshot on ${role}`, `${timeWords(result.ms)}, ${Math.round(result.bytes / 1e6)} MB`)
  noteStall('  worst stall meanwhile', result.stalls)
}

const follower = servers.find((server) => server !== leader) ?? leader
await follower.end('SIGKILL')
await follower.wipe()
const others = servers.filter((server) => server !== follower)
await stallsOf(others)
const { paced, result: catchUp } = await whileWriting(asked.writesPerSecond, async () => {
  await sleep(1_000)
  const startMs = performance.now()
  follower.start()
  await until('its beginning', async () => (await get(follower.url, 'agent/self')) !== '')
  await follower.stalls()
  await put(leader.url, 'kv/marker', 'there')
  await until('the wiped follower', async () => {
    return (await get(follower.url, 'kv/marker?stale&raw', 500)) === 'there'
  })
  const caughtUpMs = performance.now() - startMs
  await sleep(1_000)
  return {
    ms: caughtUpMs,
    others: worstOf(await stallsOf(others)),
    self: await follower.stalls(),
  }
})
note('a wiped follower catches up in', timeWords(catchUp.ms), '< 120 s')
note(
  '  writes meanwhile',
  `${Math.round(paced.perSecond)}/s, ${paced.refused} refused, p99 ${paced.p99Ms.toFixed(1)} ms, worst ${paced.worstMs.toFixed(0)} ms`,
  `≥ ${asked.writesPerSecond * 0.98}/s, 0 refused`,
  paced.perSecond >= asked.writesPerSecond * 0.98 && paced.refused === 0,
)
noteStall('  worst stall of the others meanwhile', catchUp.others)
note('  its own', stallWords(catchUp.self))

/** All keys of a server, a thousand at a time, as one digest. */
async function digestOf(server: GrowingServer): Promise<string> {
  const hash = createHash('sha256')
  for (let first = 0; first < keys; first += 1000) {
    const prefix = name(first).slice(0, -3)
    hash.update(await get(server.url, `kv/${prefix}?recurse&stale`))
  }
  return hash.digest('hex')
}
await put(leader.url, 'kv/marker', 'the end')
await until(
  'the last write',
  async () => (await get(follower.url, 'kv/marker?stale&raw')) === 'the end',
)
const digests = [await digestOf(leader), await digestOf(follower)]
note(
  '  its keys and the leader’s',
  digests[0] === digests[1] ? 'the same' : 'DIFFERENT',
  'the same',
  digests[0] === digests[1],
)

async function untilServes(server: GrowingServer): Promise<number> {
  return until(`${server.name} serves`, async () => {
    const isThere = (await get(server.url, 'kv/marker?stale&raw', 500)) === 'the end'
    return isThere && (await get(server.url, `kv/${name(keys - 1)}?raw`, 500)).length === 128
  })
}
const restarted = servers.find((server) => server !== leader && server !== follower) ?? leader
await restarted.end('SIGKILL')
restarted.start()
const restartMs = await untilServes(restarted)
const isSoon = restartMs <= asked.restartMs
note('a restart with them', timeWords(restartMs), `≤ ${timeWords(asked.restartMs)}`, isSoon)
await Promise.all(servers.map((server) => server.end('SIGKILL')))
for (const server of servers) server.start()
const allStartMs = performance.now()
await Promise.all(servers.map(untilServes))
await until('a write', async () => {
  await put(servers[0]?.url ?? '', 'kv/marker', 'again')
  return true
})
note('a restart of all three, until a write', timeWords(performance.now() - allStartMs))

console.log(
  `\nThree servers, ${keys} keys of 128 bytes, ${timeWords(performance.now() - startedMs)}\n`,
)
console.log('| what | asked | reached | |\n|---|---|---|---|')
for (const { asked: wanted, isReached, reached, what } of figures)
  console.log(
    `| ${what} | ${wanted} | ${reached} | ${wanted === '' ? '' : isReached ? 'yes' : 'NO'} |`,
  )
process.exitCode = figures.every(({ isReached }) => isReached) ? 0 : 1
