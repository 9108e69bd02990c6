/**
 * What every read may be asked and what every read answers beside its rows (Consul's QueryOptions and QueryMeta).
 * `stale` reads what this server has; `default` what the leader has; `consistent` what a leader has that was confirmed after the question.
 */
export interface QueryOptions {
  /** The data centre to ask; absent or empty: this one. */
  readonly datacenter?: string
  readonly token?: string
  /** Block until the answer's index is above this; absent or 0: answer at once. */
  readonly minIndex?: number
  /** How long to block at most, before the server's jitter; absent or ≤ 0: the default. */
  readonly waitMs?: number
  readonly consistency?: Consistency
  readonly maxStaleMs?: number
  /** A filter expression (`Service.Port == 80`), applied to the rows after the read. */
  readonly filter?: string
  /** Rows nearest to this node first, where coordinates are known. */
  readonly near?: string
  /** Only nodes with all of these in their metadata. */
  readonly nodeMeta?: Readonly<Record<string, string>>
  /** Fires when the asker went away: what waits for it is freed. */
  readonly signal?: AbortSignal
}

export type Consistency = 'default' | 'stale' | 'consistent'

export interface QueryMeta {
  /** What to block on next time; at least 1. */
  readonly index: number
  readonly knownLeader: boolean
  /** Milliseconds since the answering server heard from the leader; 0 on the leader. */
  readonly lastContactMs: number
  readonly consistency: Consistency
}

/** How long a blocking read waits: defaults and cap of Consul (`default_query_time`, `max_query_time`). */
export const defaultQueryTimeMs = 300_000
export const maxQueryTimeMs = 600_000
/** The server adds up to this fraction of the wait, so that clients which asked together don't return together. */
export const queryJitterFraction = 1 / 16
