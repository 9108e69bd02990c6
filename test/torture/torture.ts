import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describeError } from '../../server/model/errors.ts'
import { seededChance } from '../../server/runtime/chance.ts'
import { encodeHistory } from '../linearizability/history.ts'
import { judgeStreams, readStream } from '../simulation/streams.ts'
import { Client } from './client.ts'
import { Cluster } from './cluster.ts'
import { type Finding, judge } from './judge.ts'
import { KeyPool } from './key-pool.ts'
import { nap } from './nap.ts'
import { haunt } from './nemesis.ts'
import type { TortureOptions } from './options.ts'
import { Record } from './record.ts'
import { readServerLog } from './server-log.ts'
import { Standing } from './standing.ts'
import { type Pools, useGroups, useLocks, useRegisters, watch } from './workloads.ts'

export interface Tortured {
  readonly record: Record
  readonly findings: readonly Finding[]
}

/**
 * One run: servers start; clients use them while faults befall them; then everything heals, the servers must come to agree, and
 * all that was seen is judged. `directory` holds the servers' data and output. No process outlives it.
 */
export async function torture(options: TortureOptions, directory: string): Promise<Tortured> {
  const record = new Record()
  await using cluster = await Cluster.start(options, directory)
  const pools: Pools = {
    registers: new KeyPool('register', 5, 300),
    groups: new KeyPool('group', 3, 300),
    locks: new KeyPool('lock', 2, 25),
  }
  await rage(options, cluster, record, pools)

  cluster.heal()
  const convergence = await cluster.untilConverged('healed').then(
    () => undefined,
    (error: unknown) => describeError(error),
  )
  if (convergence !== undefined)
    return {
      record,
      findings: [{ promise: 'servers agree', checked: '', breaches: [convergence] }],
    }
  const agreedIndex = await cluster.markerIndex()
  await lookOnceMore(cluster, record, pools)
  const ledger = await cluster.list('ledger/')
  await cluster.stop()
  const logs = options.hasLogs
    ? await Promise.all(
        cluster.servers.map(({ name, dataDirectory }) => readServerLog(name, dataDirectory)),
      )
    : []
  const deaths = cluster.servers.flatMap((server) => server.deaths)
  const findings = judge(record, { ledger, logs, agreedIndex, deaths })
  const traces = options.trace
    ? [judgeTraces(cluster.servers.map((server) => server.tracePath))]
    : []
  return { record, findings: [...findings, ...traces] }
}

/** A second opinion, from what the servers did and not from what clients saw. */
function judgeTraces(paths: readonly string[]): Finding {
  const { accepted, refusal } = judgeStreams(paths.map(readStream))
  return {
    promise: 'every turn is one that Raft allows',
    checked: `${accepted} turns`,
    breaches: refusal === null ? [] : [refusal],
  }
}

/** Clients and faults, at once, for the time given. */
async function rage(
  options: TortureOptions,
  cluster: Cluster,
  record: Record,
  pools: Pools,
): Promise<void> {
  const { clients, faults, seconds, seed } = options
  const end = new AbortController()
  const works = { r: useRegisters, g: useGroups, l: useLocks, w: watch }
  const working = Object.entries(works).flatMap(([letter, work], kind) =>
    Array.from({ length: clients }, async (_, number) => {
      using client = new Client({
        name: `${letter}${number}`,
        doors: cluster.doors,
        chance: seededChance(seed + 1000 * (kind + 1) + number),
        record,
        signal: end.signal,
        thinkMs: 10,
      })
      await work(client, pools)
    }),
  )
  const haunting = haunt({
    cluster,
    record,
    chance: seededChance(seed + 1),
    only: faults,
    signal: end.signal,
  })
  const watching = new Standing(cluster, record).watch(end.signal)
  // Whatever fails ends the rest as well.
  const all = Promise.all([...working, haunting, watching])
  await Promise.race([nap(seconds * 1000), all])
  end.abort()
  await all
}

/** The last reads of every key: a write that was acknowledged and lost has no later read to tell of it otherwise. */
async function lookOnceMore(cluster: Cluster, record: Record, pools: Pools): Promise<void> {
  const calledAt = record.now()
  const [registers, groups] = [await cluster.list('register/'), await cluster.list('group/')]
  const returnedAt = record.now()
  for (const key of pools.registers.all) {
    const input = { verb: 'get', mode: 'consistent' } as const
    const number = record.registers.call('last', key, input, calledAt)
    record.registers.return(number, registers.get(key) ?? null, returnedAt)
  }
  for (const group of pools.groups.all)
    for (const key of [`${group}/left`, `${group}/right`]) {
      const value = groups.get(key)
      const input = { steps: [{ verb: 'get', key }], mode: 'consistent' } as const
      const number = record.groups.call('last', group, input, calledAt)
      record.groups.return(number, value === undefined ? null : [value], returnedAt)
    }
}

/** Everything that a person needs who wants to know why, beside the servers' own files. */
export async function keepArtefacts({ record }: Tortured, directory: string): Promise<void> {
  const lines = (items: Iterable<string>): string => [...items].join('\n')
  const json = (items: Iterable<unknown>): string =>
    lines([...items].map((item) => JSON.stringify(item)))
  await Promise.all([
    writeFile(
      join(directory, 'registers.jsonl'),
      lines(encodeHistory(record.registers.operations())),
    ),
    writeFile(join(directory, 'groups.jsonl'), lines(encodeHistory(record.groups.operations()))),
    writeFile(join(directory, 'locks.jsonl'), lines(encodeHistory(record.locks.operations()))),
    writeFile(join(directory, 'holdings.jsonl'), json(record.holdings)),
    writeFile(join(directory, 'watches.jsonl'), json(record.observations)),
    writeFile(join(directory, 'stale.jsonl'), json(record.staleReads)),
    writeFile(join(directory, 'ledger.jsonl'), json(record.ledger)),
    writeFile(join(directory, 'faults.jsonl'), json(record.inflicted.map(withTime))),
    writeFile(join(directory, 'outages.jsonl'), json(record.outages)),
    writeFile(join(directory, 'accepted.jsonl'), json(record.accepted)),
  ])
}

/** As the servers' own output has it. */
function withTime<Told extends { readonly at: number }>(told: Told): Told & { time: string } {
  return { time: new Date(performance.timeOrigin + told.at).toISOString(), ...told }
}
