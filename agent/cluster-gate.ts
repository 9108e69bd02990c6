import { Held, heldRpc } from '../server/held.ts'
import type { Rpc } from '../server/model/methods.ts'
import type { Operator } from '../server/operator.ts'
import type { Pools } from '../server/pools.ts'
import type { Clock } from '../server/runtime/clock.ts'

/** The part of a server (or, one day, of a client) that the rest of the agent speaks to. */
export interface Cluster {
  readonly rpc: Rpc
  isLeader(): boolean
  leaderAddress(): string
  peerAddresses(): readonly string[]
  raftStats(): Readonly<Record<string, string>>
  saveSnapshot(): Promise<{ readonly index: number; readonly archive: AsyncIterable<Uint8Array> }>
  restoreSnapshot(archive: AsyncIterable<Uint8Array>): Promise<void>
  leave(): Promise<void>
  readonly operator: Operator
  readonly pools: Pools
}

/** The cluster before it is there: an agent listens at once, while its ports are being opened and its log is read. */
export class ClusterGate extends Held<Cluster> {
  readonly rpc: Rpc

  constructor(clock: Clock, holdMs: number) {
    super(clock, holdMs)
    this.rpc = heldRpc(this)
  }
}
