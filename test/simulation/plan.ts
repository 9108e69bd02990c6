import { defaultRaftConfig, type RaftConfig } from '../../server/raft/core/config.ts'
import { drawFor } from './draw.ts'

export const faults = [
  'crash',
  'blackout',
  'pause',
  'sleep',
  'slowLoop',
  'slowDisk',
  'syncError',
  'bitRot',
  'skew',
  'isolate',
  'split',
  'bridge',
  'oneWay',
  'clog',
  'reset',
  'weather',
  'transfer',
  'change',
  'snapshot',
] as const

export type Fault = (typeof faults)[number]

export type Level = 'core' | 'driver'

/** What a seed's run is made of. */
export interface Plan {
  readonly seed: number
  readonly level: Level
  readonly voters: number
  /** How long there are faults; then everything is healed, and must come to agree. */
  readonly faultsMs: number
  /** Between two faults, on average. */
  readonly paceMs: number
  readonly faults: readonly Fault[]
  readonly clients: number
  /** Between two requests of a client, on average. */
  readonly thinkMs: number
  readonly config: Omit<RaftConfig, 'id' | 'rng'>
  readonly snapshotEntries: number
  readonly chunkBytes: number
}

/** The usual ones; and quicker ones, with which more happens in the same time. */
const timings = [
  { electionTimeoutMinMs: 1000, heartbeatMs: 100, leaseGuardMs: 100 },
  { electionTimeoutMinMs: 400, heartbeatMs: 40, leaseGuardMs: 80 },
  { electionTimeoutMinMs: 200, heartbeatMs: 40, leaseGuardMs: 60 },
]

/**
 * Every seed draws some of the faults and leaves the others out: bugs that need one fault often are hidden by another (Groce,
 * "Swarm testing", 2012). Limits are drawn small, so that windows fill and logs are compacted within seconds.
 */
export function planOf(seed: number, level: Level): Plan {
  const draw = drawFor(seed, 'plan')
  const isBusy = draw.happens(0.3)
  const chosen = faults.filter((fault) => draw.happens(0.4) && isPossible(fault, level))
  return {
    seed,
    level,
    voters: draw.oneOf([1, 2, 3, 3, 3, 3, 4, 5, 5]),
    faultsMs: draw.between(3000, 12_000),
    paceMs: draw.oneOf([150, 400, 800, 1500]),
    // A damaged server does not come back: were members taken away as well, no quorum might be left.
    faults: chosen.includes('bitRot') ? chosen.filter((fault) => fault !== 'change') : chosen,
    clients: draw.whole(1, 5),
    thinkMs: isBusy ? 15 : draw.between(50, 400),
    config: {
      ...defaultRaftConfig,
      ...draw.oneOf(timings),
      trailingEntries: draw.oneOf([0, 2, 10, 100]),
      inflightMessagesMax: draw.oneOf([1, 2, 16, 256]),
      // What one turn gathers must fit in the small segments that the log has here.
      inflightBytesMax: 4096,
      appendEntriesMax: draw.oneOf([1, 3, 64]),
      applyEntriesMax: draw.oneOf([1, 5, 64]),
      commitNoticeMs: draw.oneOf([0, 5, 5, 30]),
    },
    snapshotEntries: draw.oneOf([5, 20, 100, 1000]),
    chunkBytes: draw.oneOf([100, 1000, 100_000]),
  }
}

function isPossible(fault: Fault, level: Level): boolean {
  return fault !== 'bitRot' || level === 'driver'
}
