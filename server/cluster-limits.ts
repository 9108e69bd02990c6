import type { CallRateLimits } from './rpc/call-rate.ts'

/** What may change while a node is in its cluster: for a client its own calls, for a server its callers. */
export interface ClusterLimits {
  readonly callRate: CallRateLimits
  /** 0 and less for no limit. */
  readonly connectionsPerClientMax: number
}
