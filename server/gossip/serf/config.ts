/**
 * How Serf's layer behaves. How long failed and left members are remembered, and how often the failed are looked for, is the
 * membership core's to know (`reapFailedMs`, `reapLeftMs`, `healIntervalMs` of `swim/config.ts`): it keeps their records.
 */
export interface SerfConfig {
  /** A user event's name and payload, and again all of it encoded. */
  readonly userEventBytesMax: number
  /** A query, encoded. */
  readonly queryBytesMax: number
  /** An answer to a query, encoded; and the same inside of what is handed to a relay. */
  readonly responseBytesMax: number
  /** How many Lamport times back an event or a query is still told from one that was seen. */
  readonly recentTimes: number
  /** What all remembered events may take together. */
  readonly recentEventBytesMax: number
  /** How many queries are remembered at most. */
  readonly recentQueriesMax: number
  /** How long a join or leave of somebody unknown is kept for when that member shows up. */
  readonly intentMemoryMs: number
  /** How many of those are kept. */
  readonly intentsMax: number
  /** A member that comes back sooner than this after it failed is said to flap. */
  readonly flapMs: number
  /** How long a leave, ours or a forced one, may take to be gossiped. */
  readonly broadcastTimeoutMs: number
  /** How long a leaving member stays to answer, while the news travels. */
  readonly leavePropagateMs: number
  /** The pool's gossip interval, and how many of them, for each decimal place of the pool's size, a query is open. */
  readonly gossipIntervalMs: number
  readonly queryTimeoutMult: number
  /** Queries of ours that are open at once. */
  readonly askedQueriesMax: number
  /** Queries of others that are waiting for an answer from here. */
  readonly openQueriesMax: number
  /** Whether a name that two members claim is voted on, and the loser told to go. Consul only complains. */
  readonly settlesNameConflicts: boolean
}

const serfDefaults: SerfConfig = {
  userEventBytesMax: 512,
  queryBytesMax: 1024,
  responseBytesMax: 1024,
  recentTimes: 512,
  recentEventBytesMax: 1 << 20,
  recentQueriesMax: 65_536,
  intentMemoryMs: 300_000,
  intentsMax: 65_536,
  flapMs: 60_000,
  broadcastTimeoutMs: 5_000,
  leavePropagateMs: 1_000,
  gossipIntervalMs: 200,
  queryTimeoutMult: 16,
  askedQueriesMax: 1024,
  openQueriesMax: 1024,
  settlesNameConflicts: true,
}

/** A Serf agent's. */
export const serfLan: SerfConfig = serfDefaults

/** Those of a Consul agent in its data centre. Three seconds let a leave reach nearly all of a hundred thousand members. */
export const consulLan: SerfConfig = {
  ...serfDefaults,
  leavePropagateMs: 3_000,
  settlesNameConflicts: false,
}

/** And between data centres, where gossip is slower. */
export const consulWan: SerfConfig = { ...consulLan, gossipIntervalMs: 500 }

/**
 * How long a query is open where nobody says: time enough for gossip to reach a pool of so many members, and for answers.
 */
export function queryTimeoutMs(config: SerfConfig, members: number): number {
  return config.gossipIntervalMs * config.queryTimeoutMult * Math.ceil(Math.log10(members + 1))
}
