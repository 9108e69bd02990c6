/**
 * How the set of servers looks after itself: servers that caught up begin to vote, servers that are gone stop being counted. What
 * Enterprise does with the last three settings is not done here; they are kept, and shown, so that tools find what they wrote.
 */
export interface AutopilotConfig {
  readonly CleanupDeadServers: boolean
  /** A server not heard for longer is not healthy. */
  readonly LastContactThresholdMs: number
  /** A server whose log is this many entries behind is not healthy. */
  readonly MaxTrailingLogs: number
  /** Dead servers are not removed where fewer voters than this would be left. */
  readonly MinQuorum: number
  /** How long a server must have been healthy before it may vote. */
  readonly ServerStabilizationTimeMs: number
  readonly RedundancyZoneTag: string
  readonly DisableUpgradeMigration: boolean
  readonly UpgradeVersionTag: string
}

export interface AutopilotConfigRow extends AutopilotConfig {
  readonly CreateIndex: number
  readonly ModifyIndex: number
}

/** Consul's defaults. */
export const defaultAutopilotConfig: AutopilotConfig = {
  CleanupDeadServers: true,
  LastContactThresholdMs: 200,
  MaxTrailingLogs: 250,
  MinQuorum: 0,
  ServerStabilizationTimeMs: 10_000,
  RedundancyZoneTag: '',
  DisableUpgradeMigration: false,
  UpgradeVersionTag: '',
}

/** What the leader makes of the servers. */
export interface AutopilotState {
  /** Every server is. */
  readonly Healthy: boolean
  /** How many healthy voters may fail with a majority left. */
  readonly FailureTolerance: number
  readonly Leader: string
  readonly Voters: readonly string[]
  /** By id. */
  readonly Servers: readonly AutopilotServer[]
}

export type AutopilotStatus = 'leader' | 'voter' | 'non-voter'

export interface AutopilotServer {
  readonly ID: string
  /** Its node; '' for a server that the pool does not know. */
  readonly Name: string
  readonly Address: string
  /** The pool's word for it: `none` where the pool does not know it. */
  readonly NodeStatus: 'alive' | 'leaving' | 'left' | 'failed' | 'none'
  readonly Version: string
  readonly Status: AutopilotStatus
  /** Since the leader last heard it; -1 where it never did. */
  readonly LastContactMs: number
  /** Of the last entry it is known to have. */
  readonly LastTerm: number
  readonly LastIndex: number
  readonly Healthy: boolean
  /** Since when it has been what `Healthy` says, in milliseconds since 1970. */
  readonly StableSinceMs: number
  readonly Meta: Readonly<Record<string, string>>
}

/** A member of consensus as operators see it. */
export interface RaftServer {
  readonly ID: string
  readonly Node: string
  readonly Address: string
  readonly Leader: boolean
  readonly ProtocolVersion: string
  readonly Voter: boolean
}
