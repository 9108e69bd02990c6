import type { Propose } from '../endpoints/method.ts'
import type { Pool } from '../gossip/pool.ts'
import type { AutopilotConfig } from '../model/autopilot.ts'
import type { Autopilot } from '../raft/autopilot/run.ts'
import type { MembershipChange } from '../raft/core/output.ts'
import type { Membership, NodeId } from '../raft/types.ts'
import type { Chance } from '../runtime/chance.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Store } from '../state/store.ts'
import type { PendingCoordinates } from './coordinate-updates.ts'
import type { SessionTtls } from './session-ttls.ts'

/** What a leader's duties work with. */
export interface LeaderContext {
  readonly store: Store
  readonly propose: Propose
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  readonly sessionTtls: SessionTtls
  readonly coordinates: PendingCoordinates
  readonly pool: Pool
  readonly datacenter: string
  /** This server's. */
  readonly nodeName: string
  readonly raft: LedRaft
  /** Why this server should not lead for its disk's sake, as the beginning of a sentence; undefined while it may. */
  readonly diskTrouble: () => string | undefined
  readonly autopilot: Pick<Autopilot, 'run'>
  /** Autopilot's settings in a cluster that never had any. */
  readonly autopilotDefaults: AutopilotConfig
}

/** Consensus, as a leader's duties see it. */
export interface LedRaft {
  membership(): Membership
  changeMembership(changes: readonly MembershipChange[], signal?: AbortSignal): Promise<void>
  /** Asks `to`, or the most up-to-date voter, to lead; it may not come to it. */
  transferLeadership(to: NodeId | null): void
}

/**
 * Something that only the leader does, from the moment it leads until the signal fires. A duty that fails is logged and begun
 * again after a pause; one that resolves is done for this term.
 */
export interface Duty {
  readonly name: string
  run(leader: LeaderContext, signal: AbortSignal): Promise<void>
}
