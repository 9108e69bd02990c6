import type { Index } from '../types.ts'
import { isVoter } from './membership.ts'
import { quorumReached } from './quorum.ts'
import { membershipOf } from './state.ts'
import type { RaftState } from './state.ts'

/**
 * Until when no other server can have been elected, so that the leader may answer reads without asking anybody.
 *
 * A follower that answers a heartbeat will vote for nobody else for `electionTimeoutMin` from when it got it, which is after
 * it was sent; so the promise of a quorum runs from the send instant that a quorum has answered. From it is taken what clocks
 * may disagree about in that time (1/250 is eight times what a server's clock is off by), and the guard.
 */
export interface Lease {
  /** In the driver's monotonic time. To be compared with the clock before reading, and again before answering. */
  readonly untilMs: number
  /** The state machine must have applied this first. */
  readonly index: Index
}

const clockDriftMax = 1 / 250

/** Null when there is none, whatever the clock says. */
export function leaseOf(raft: RaftState): Lease | null {
  const { leadership, config, log, nowMs } = raft
  if (leadership === null || leadership.leaseForfeited || leadership.transfer !== null) return null
  // Who has no vote is not in the way of an election: a sole voter would hold one without waiting.
  if (!isVoter(membershipOf(raft), config.id)) return null
  // Before that, what earlier leaders committed is not known to be in the state machine.
  if (log.committed < leadership.noopIndex) return null
  const promisedMs = quorumReached(membershipOf(raft), (id) => {
    if (id === config.id) return Infinity
    const answeredMs = leadership.progress.get(id)?.ackedSentMs ?? -Infinity
    return answeredMs >= leadership.leaseFloorMs ? answeredMs : -Infinity
  })
  const untilMs =
    promisedMs + config.electionTimeoutMinMs * (1 - clockDriftMax) - config.leaseGuardMs
  return untilMs > nowMs ? { untilMs, index: log.committed } : null
}
