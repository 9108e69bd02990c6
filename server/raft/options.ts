import type { Chance } from '../runtime/chance.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { RaftConfig } from './core/config.ts'
import type { Outbound } from './core/messages.ts'
import type { ProposalBounds } from './proposals.ts'
import type { SnapshotRhythm } from './snapshot-keeper.ts'
import type { StateMachine } from './state-machine.ts'
import type { LogStore, SnapshotStore } from './storage/port.ts'
import type { Traced } from './trace.ts'
import type { Index, Membership, NodeId, SnapshotMeta } from './types.ts'

/** What consensus needs of the world. */
export interface RaftOptions<Result> {
  readonly id: NodeId
  /** Differences from the usual timings and bounds. */
  readonly config?: Partial<Omit<RaftConfig, 'id' | 'rng'>>
  /** Who takes part in a cluster that begins now; looked at only where there is no log yet. */
  readonly bootstrap?: Membership
  /** Who takes part from now on, whatever the log says; looked at only where there is one (forced-membership.ts). */
  readonly forced?: Membership
  /** Both are the driver's from now on: it closes the log store. */
  readonly logStore: LogStore
  readonly snapshots: SnapshotStore
  readonly stateMachine: StateMachine<Result>
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  /**
   * The process can not go on: an invariant is broken or the disk failed. Ends it, so that it acknowledges nothing more. If it
   * returns (in a test) the driver is as good as dead: it refuses everything.
   */
  readonly fatal: (error: Error) => void
  /** Sends to other servers, in order for each; may lose. Without it there are none. */
  readonly send?: (messages: readonly Outbound[]) => void
  /** The members changed: whom to keep connections to. */
  readonly onMembership?: (membership: Membership) => void
  /** Told of the start and of every turn, for those who check this server against the rules of Raft. */
  readonly trace?: (traced: Traced) => void
  readonly rhythm?: SnapshotRhythm
  readonly proposalBounds?: ProposalBounds
}

/** A state to be restored, or as it was taken: `index` is the state's index at that moment. */
export interface StateArchive {
  readonly index: Index
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface TakenSnapshot {
  readonly meta: SnapshotMeta
  /** The state's index at that moment. */
  readonly index: Index
  /** The chunks that the state machine gave, as often as asked. */
  readonly read: () => AsyncIterable<Uint8Array>
}
