import type { ClusterCalls } from '../server/cluster-calls.ts'
import type { ClusterLimits } from '../server/cluster-limits.ts'
import { Held, heldRpc } from '../server/held.ts'
import type { Rpc } from '../server/model/methods.ts'
import type { Pools } from '../server/pools.ts'
import type { Snapshots } from '../server/rpc/snapshot-stream.ts'
import type { Clock } from '../server/runtime/clock.ts'

/** The part of a server or a client that the rest of the agent speaks to. */
export interface Cluster extends AsyncDisposable {
  readonly rpc: Rpc
  readonly calls: ClusterCalls
  readonly snapshots: Snapshots
  readonly pools: Pools
  /** What `info` prints of it, by section. */
  stats(): Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Resolves once there is somebody to answer, or this node stops first. */
  ready(): Promise<void>
  leave(): Promise<void>
  /** Takes on other limits. */
  limit(limits: ClusterLimits): void
}

/** The cluster before it is there: an agent listens at once, while its ports are being opened and its log is read. */
export class ClusterGate extends Held<Cluster> {
  readonly rpc: Rpc

  constructor(clock: Clock, holdMs: number) {
    super(clock, holdMs)
    this.rpc = heldRpc(this)
  }
}
