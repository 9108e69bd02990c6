import { lanConfig, memberlistSwim, plainSwim } from '../../server/gossip/swim/config.ts'
import type { SwimConfig } from '../../server/gossip/swim/config.ts'
import { SwimCore } from '../../server/gossip/swim/core.ts'
import type { Swim, SwimNeeds } from '../../server/gossip/swim/events.ts'
import { drawFor } from '../simulation/draw.ts'
import type { Draw } from '../simulation/draw.ts'
import type { Weather } from './network.ts'
import { Pool } from './pool.ts'

/** What one run gave: numbers, or a sample for each thing that happened. */
export type Measures = Readonly<Record<string, number | readonly number[]>>

/** One core in three ways; `config` is what they have in common. */
export const methods = ['swim', 'lifeguard', 'praetor'] as const
export type Method = (typeof methods)[number]

export function configOf(method: Method, config: SwimConfig = lanConfig): SwimConfig {
  if (method === 'swim') return plainSwim(config)
  return method === 'lifeguard' ? memberlistSwim(config) : config
}

export const createCore = (needs: SwimNeeds): Swim => new SwimCore(needs)

export interface Run {
  readonly seed: number
  readonly members: number
  readonly config: SwimConfig
  readonly weather: Weather
  readonly seconds: number
}

/** Runs a pool for its time, after `arrange` has said what happens when. Chance for that is the seed's, whatever the method. */
export function simulate(run: Run, arrange: (pool: Pool, plan: Draw) => void): Pool {
  const pool = new Pool({ ...run, createSwim: createCore })
  arrange(pool, drawFor(run.seed, 'plan'))
  pool.runUntil(run.seconds * 1000)
  return pool
}

/** Crashes that many different members at times between, in seconds, one after the other drawn at random. */
export function crashSome(
  pool: Pool,
  plan: Draw,
  { count, fromS, toS }: { readonly count: number; readonly fromS: number; readonly toS: number },
): void {
  for (const index of someOf(pool, plan, count))
    pool.do(plan.between(fromS, toS) * 1000, () => pool.crash(index))
}

/** That many different members. */
export function someOf(pool: Pool, plan: Draw, count: number): number[] {
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(plan.whole(0, pool.members.length - 1))
  return [...chosen]
}

/** What was seen of deaths, in seconds after each; those that nobody noticed in time are counted. */
export function detection({ oracle, timeline }: Pool): Measures {
  const { deaths } = oracle
  const after = (atUs: (death: (typeof deaths)[number]) => number | null): number[] =>
    deaths.map((death) => ((atUs(death) ?? timeline.nowUs) - death.atUs) / 1e6)
  return {
    suspected: after(({ suspectedUs }) => suspectedUs),
    failed: after(({ failedUs }) => failedUs),
    everywhere: after(({ everywhereUs }) => everywhereUs),
    unnoticed: deaths.filter(({ everywhereUs }) => everywhereUs === null).length,
  }
}

export function verdicts({ oracle, timeline }: Pool): Measures {
  const { verdicts } = oracle
  return {
    suspicionsPerS: verdicts.suspicions / (timeline.nowUs / 1e6),
    suspicions: verdicts.suspicions,
    healthySuspicions: verdicts.healthySuspicions,
    failedViews: verdicts.failedViews,
    failedHealthyViews: verdicts.failedHealthyViews,
    failedByHealthyViews: verdicts.failedByHealthyViews,
    innocents: verdicts.innocents.size,
    lost: verdicts.lost.size,
  }
}

/** What a member sends, on the average and in a second. */
export function load({ traffic, timeline, members }: Pool): Measures {
  const share = members.length * (timeline.nowUs / 1e6)
  const kB = (bytes: number): number => bytes / 1000 / share
  return {
    kBPerS: kB(traffic.totalBytes()),
    datagramKBPerS: kB(traffic.totalBytes() - traffic.bytes.pushPull - traffic.bytes.stream),
    pushPullKBPerS: kB(traffic.bytes.pushPull),
    streamKBPerS: kB(traffic.bytes.stream),
    newsKBPerS: kB(traffic.bytes.news),
    probeKBPerS: kB(traffic.bytes.probe),
    packetsPerS: traffic.packets / share,
    largestPacketBytes: traffic.largestPacketBytes,
  }
}

/** How many of the living disagree with the truth about who is there; of many members, a sample of the living looks. */
export function disagreements(pool: Pool): number {
  const there = pool.members.filter(({ index }) => pool.oracle.isThere(index))
  const step = Math.ceil(there.length / lookersMax)
  return there.filter(({ swim }, at) => {
    if (swim.liveCount() !== there.length) return true
    if (at % step !== 0) return false
    const live = swim.members().filter(({ state }) => state === 'alive' || state === 'suspect')
    const names = new Set(live.map(({ name }) => name))
    return !there.every(({ name }) => names.has(name))
  }).length
}

const lookersMax = 100
