import type {
  AutopilotConfig,
  AutopilotServer,
  AutopilotState,
  AutopilotStatus,
} from '../../model/autopilot.ts'
import type { FollowerStatus } from '../core/raft.ts'
import type { EntryId, Membership, NodeId } from '../types.ts'

/** A server as the pool knows it. */
export interface KnownServer {
  readonly id: NodeId
  readonly name: string
  /** `host:port` of its server port. */
  readonly address: string
  readonly status: Exclude<AutopilotServer['NodeStatus'], 'none'>
  readonly version: string
  readonly meta: Readonly<Record<string, string>>
}

/** All that the leader has to go by. */
export interface AutopilotInputs {
  /** Monotonic: what is measured. */
  readonly nowMs: number
  /** Since 1970: what is shown. */
  readonly wallMs: number
  readonly config: AutopilotConfig
  readonly leader: NodeId
  /** The newest entry of the leader's log. */
  readonly last: EntryId
  readonly membership: Membership
  readonly followers: readonly FollowerStatus[]
  readonly known: readonly KnownServer[]
  /** How often a follower is asked, and so how old the word of a good one may be. */
  readonly heartbeatMs: number
  readonly previous: Assessment | undefined
}

/** The state, and since when each server's health has been what it is, in monotonic time. */
export interface Assessment {
  readonly state: AutopilotState
  readonly stableSinceMs: Readonly<Record<NodeId, number>>
}

/**
 * Says how every member of consensus is. A server is healthy when the pool has it alive, the leader heard it lately, and its log is
 * of the leader's term and not far behind.
 */
export function computeState(inputs: AutopilotInputs): Assessment {
  const { membership, leader, nowMs, previous } = inputs
  const voters = [...new Set([...membership.voters, ...membership.outgoing])].toSorted()
  const learners = [...membership.learners].toSorted()
  const stableSinceMs: Record<NodeId, number> = {}
  const servers = [...voters, ...learners].map((id) => {
    const found = look(id, inputs)
    const before = previous?.state.Servers.find(({ ID }) => ID === id)
    const isAsBefore = before?.Healthy === found.Healthy
    stableSinceMs[id] = (isAsBefore ? previous?.stableSinceMs[id] : undefined) ?? nowMs
    const StableSinceMs = isAsBefore ? before.StableSinceMs : inputs.wallMs
    return Object.assign(found, { Status: statusOf(id, leader, voters), StableSinceMs })
  })
  const healthyVoters = servers.filter(
    ({ Healthy, Status }) => Healthy && Status !== 'non-voter',
  ).length
  const majority = Math.floor(voters.length / 2) + 1
  return {
    state: {
      Healthy: servers.every(({ Healthy }) => Healthy),
      FailureTolerance: Math.max(0, healthyVoters - majority),
      Leader: leader,
      Voters: voters,
      Servers: servers,
    },
    stableSinceMs,
  }
}

function look(
  id: NodeId,
  inputs: AutopilotInputs,
): Omit<AutopilotServer, 'Status' | 'StableSinceMs'> {
  const { membership, leader, known, followers, last, nowMs, config, heartbeatMs } = inputs
  const server = known.find((one) => one.id === id)
  const follower = followers.find((one) => one.id === id)
  const has = id === leader ? last : (follower?.last ?? { term: 0, index: 0 })
  const silenceMs = id === leader ? 0 : nowMs - (follower?.heardMs ?? -Infinity)
  const isHeard = silenceMs <= config.LastContactThresholdMs + heartbeatMs
  const isAbreast = has.term === last.term && has.index + config.MaxTrailingLogs >= last.index
  return {
    ID: id,
    Name: server?.name ?? '',
    Address: membership.addresses[id] ?? server?.address ?? '',
    NodeStatus: server?.status ?? 'none',
    Version: server?.version ?? '',
    LastContactMs: Number.isFinite(silenceMs) ? silenceMs : -1,
    LastTerm: has.term,
    LastIndex: has.index,
    Healthy: server?.status === 'alive' && isHeard && isAbreast,
    Meta: server?.meta ?? {},
  }
}

function statusOf(id: NodeId, leader: NodeId, voters: readonly NodeId[]): AutopilotStatus {
  if (id === leader) return 'leader'
  return voters.includes(id) ? 'voter' : 'non-voter'
}
