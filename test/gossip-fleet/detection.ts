import { lanConfig } from '../../server/gossip/swim/config.ts'
import { must } from '../../server/model/assert.ts'
import { crashSome, detection, simulate } from '../gossip-simulation/measures.ts'
import { lossy } from '../gossip-simulation/network.ts'
import type { Fleet } from './fleet.ts'

/** How long after its end each member that ended was noticed, in seconds. */
export interface Detection {
  /** By the first who said so. */
  readonly suspected: readonly number[]
  readonly failed: readonly number[]
  /** By 99 in 100 of those who were left. */
  readonly everywhere: readonly number[]
}

/** How long they know each other before some end: by then they know each other's round trips. */
export const settleS = 15
/** Long after all have seen all. */
const watchS = 25

/** What the simulation gives for the same: as many members, of whom as many end at once, with nothing lost. */
export function forecast(members: number, ending: number, seeds: number): Detection {
  const runs = Array.from({ length: seeds }, (_, at) => {
    const run = { seed: at + 1, members, config: lanConfig, weather: lossy(0) }
    const pool = simulate({ ...run, seconds: settleS + watchS }, (pool, plan) =>
      crashSome(pool, plan, { count: ending, fromS: settleS, toS: settleS }),
    )
    return detection(pool)
  })
  const all = (name: keyof Detection): number[] =>
    runs.flatMap((run) => must(run[name], 'a measure of that name'))
  return { suspected: all('suspected'), failed: all('failed'), everywhere: all('everywhere') }
}

/** What was seen of members that ended at these times. */
export function detectionIn(fleet: Fleet, ended: ReadonlyMap<string, number>): Detection {
  const observers = fleet.seats.length - ended.size
  const after = (kind: 'suspected' | 'failed', rank: number): number[] =>
    Array.from(ended, ([name, endedMs]) => {
      const times = fleet.seen(kind, name).map(({ atMs }) => (atMs - endedMs) / 1000)
      return must(times.toSorted((a, b) => a - b)[rank], 'so many saw it')
    })
  return {
    suspected: after('suspected', 0),
    failed: after('failed', 0),
    everywhere: after('failed', Math.ceil(observers * 0.99) - 1),
  }
}
