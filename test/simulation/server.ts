import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { MembershipChange, RaftEvent, RaftOutput } from '../../server/raft/core/output.ts'
import type { RaftStatus } from '../../server/raft/core/raft.ts'
import type { NodeId, Recovered } from '../../server/raft/types.ts'
import type { Frontend, Replica } from './command.ts'
import type { Machine } from './machine.ts'

/**
 * One server of a simulation, with its disk, over any number of processes. There are two kinds: core-server.ts, the core under a
 * driver of a page, and driver-server.ts, everything that runs in production.
 */
export interface SimulatedServer extends Frontend {
  readonly machine: Machine
  /** `refused`: its disk is damaged and it says so; it will not come back. */
  readonly state: ServerState
  start(): void
  /** The power goes: what was not durable may be lost. */
  crash(): void
  /** The next sync of its disk fails; its process must end. */
  failSync(): void
  /** Damages what the disk holds of long ago. Says whether there was anything. */
  rot(): boolean
  receive(from: NodeId, message: RaftMessage): void
  unreachable(to: NodeId): void
  /** The machine slept, and its clock stood still meanwhile. */
  woke(): void
  change(changes: readonly MembershipChange[]): void
  transfer(): void
  snapshot(): void
  /** Null unless it is up. */
  status(): RaftStatus | null
  /** Until when, by its own clock, it would answer reads by lease; null when it would not. */
  leaseUntilMs(): number | null
  replica(): Replica
  /** How long the disk takes for a sync. */
  syncDelayMs: () => number
}

export type ServerState = 'up' | 'down' | 'refused'

/** What a server tells of itself, for those who judge. */
export interface Host {
  send(from: NodeId, to: NodeId, message: RaftMessage): void
  started(id: NodeId, recovered: Recovered): void
  turned(id: NodeId, turn: Turn): void
  /** The process ended itself because its disk failed. */
  died(id: NodeId): void
  /** The process found its log damaged, as it was made to be, and will not start. */
  refused(id: NodeId): void
  /** The process ended itself for a reason that is none. */
  failed(error: Error): void
  /** Where in the log a payload was committed, if it was. */
  positionOf(payload: Uint8Array): number | undefined
}

/** What one turn of a server's loop was to its core. */
export interface Turn {
  readonly events: readonly RaftEvent[]
  readonly output: RaftOutput
  readonly status: RaftStatus
}
