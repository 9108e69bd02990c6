import type { CoordinateRhythm } from './leader/coordinate-updates.ts'
import type { AutopilotConfig } from './model/autopilot.ts'
import type { PoolsConfig } from './pools.ts'
import type { TraceEvent } from './raft/trace.ts'
import type { RetryJoin } from './retry-join.ts'
import type { Chance } from './runtime/chance.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'
import type { Metrics } from './runtime/metrics.ts'
import type { ClusterDoor } from './storage.ts'
import type { Tls } from './tls/tls.ts'

export interface ServerConfig {
  readonly nodeName: string
  readonly nodeId: string
  readonly datacenter: string
  /** Where other members reach this one: an IP address. */
  readonly address: string
  /** Where the server port listens. */
  readonly bindAddress: string
  readonly serverPort: number
  readonly serfLanPort: number
  readonly serfWanPort: number
  readonly encryption: PoolsConfig['encryption']
  /** Whether the pool is told that this server can be called over TLS. */
  readonly useTls: boolean
  readonly rpcHandshakeMs: number
  readonly pools: PoolsConfig['pools']
  /** Consul's protocol version, as the pool is told. */
  readonly protocol: number
  /** Connections that one address may have open; 0 and less for no limit. */
  readonly connectionsPerClientMax: number
  /** What the gossip tag says: made to be the first server by flag. */
  readonly bootstrap: boolean
  /** How many servers begin a cluster together: 1 begins alone, 0 waits to be let in. */
  readonly expect: number
  readonly retryJoin: RetryJoin
  readonly retryJoinWan: RetryJoin
  /** Consul's raft_multiplier: scales the election timeout. */
  readonly raftMultiplier: number
  readonly snapshotThresholdEntries: number
  readonly trailingEntries: number
  /** With what settings autopilot begins in a new cluster. */
  readonly autopilot: AutopilotConfig
  readonly sessionTtlMinMs: number
  /** How often and how many coordinates are written; Consul's way where it is left out. */
  readonly coordinateRhythm?: CoordinateRhythm
  readonly defaultQueryTimeMs: number
  readonly maxQueryTimeMs: number
  readonly rpcHoldMs: number
  readonly leaveDrainMs: number
}

/** What a server is run on: all that it doesn't do itself. */
export interface ServerWorld {
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  readonly tls: Tls
  /** Where the cluster's id, the log and the snapshots are kept. */
  readonly door: ClusterDoor
  /** The server can't go on; ends the process. */
  readonly fatal: (error: Error) => void
  /** Where to connect for an address: a fault proxy in tests, the address itself otherwise. */
  readonly dial?: (address: string) => string
  /** Told of every turn of consensus, before what it leads to is done. */
  readonly trace?: (event: TraceEvent) => void
}
