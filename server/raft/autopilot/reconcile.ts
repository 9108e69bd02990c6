import type { AutopilotConfig, AutopilotServer } from '../../model/autopilot.ts'
import { isJoint } from '../core/membership.ts'
import type { MembershipChange } from '../core/output.ts'
import type { Membership } from '../types.ts'
import type { Assessment, KnownServer } from './compute.ts'

/** What is to be done next, and to whom: changes that are made together, in one joint configuration if need be. */
export interface AutopilotAction {
  readonly kind: 'promote' | 'readdress' | 'remove'
  readonly servers: readonly AutopilotServer[]
  readonly changes: readonly MembershipChange[]
}

export interface ReconcileInputs {
  readonly assessment: Assessment
  readonly config: AutopilotConfig
  readonly membership: Membership
  readonly known: readonly KnownServer[]
  readonly nowMs: number
  /** When this server's autopilot began to look. */
  readonly startedMs: number
}

/**
 * A leader has seen nobody before it leads, so for this many stabilization times it asks for no stability: else every election
 * would put off who was about to vote.
 */
const warmUpFactor = 1.1
/** A server that the pool never heard of may have yet to join it; before it is given up as a relic it gets this long. */
const strangerGraceMs = 60_000

/**
 * At most one change. Nobody is removed who can be done without only if all goes well: never more than a minority of the voters at
 * once, never below MinQuorum, and nobody whom the leader hears, whatever the pool says.
 */
export function nextAction(inputs: ReconcileInputs): AutopilotAction | undefined {
  if (isJoint(inputs.membership)) return undefined
  return promote(inputs) ?? readdress(inputs) ?? removeDead(inputs)
}

/** All learners that are ready, together: from one to three voters there is no time with two. */
function promote({ assessment, config, nowMs, startedMs }: ReconcileInputs) {
  const stabilizationMs = config.ServerStabilizationTimeMs
  const neededMs = nowMs - startedMs >= stabilizationMs * warmUpFactor ? stabilizationMs : 0
  const ready = assessment.state.Servers.filter(
    ({ ID, Status, Healthy }) =>
      Status === 'non-voter' &&
      Healthy &&
      nowMs - (assessment.stableSinceMs[ID] ?? nowMs) >= neededMs,
  )
  return action('promote', ready, ({ ID, Address }) => ({
    kind: 'addVoter',
    id: ID,
    address: Address,
  }))
}

/** A server keeps its id when it comes back with another address, and must be reached there. */
function readdress({ assessment, known }: ReconcileInputs) {
  const moved = assessment.state.Servers.flatMap((server) => {
    const now = known.find(({ id, status }) => id === server.ID && status === 'alive')
    return now === undefined || now.address === server.Address
      ? []
      : [{ ...server, Address: now.address }]
  })
  return action('readdress', moved, ({ ID, Address, Status }) => ({
    kind: Status === 'non-voter' ? 'addLearner' : 'addVoter',
    id: ID,
    address: Address,
  }))
}

function removeDead({ assessment, config, known, nowMs, startedMs }: ReconcileInputs) {
  if (!config.CleanupDeadServers) return undefined
  const { Servers, Voters, Leader } = assessment.state
  // One whose place another has taken does not come back: its data is gone, and its machine has a new id.
  const isReplaced = ({ Address }: AutopilotServer): boolean =>
    known.some(({ address, status }) => status === 'alive' && address === Address)
  const isStranger = (server: AutopilotServer): boolean =>
    server.NodeStatus === 'left' ||
    (server.NodeStatus === 'none' && (isReplaced(server) || nowMs - startedMs >= strangerGraceMs))
  const unheard = Servers.filter(
    ({ ID, LastContactMs }) =>
      ID !== Leader && (LastContactMs < 0 || LastContactMs > silenceMinMs(config)),
  )
  const spareable = Math.min(
    Math.floor((Voters.length - 1) / 2),
    Math.max(0, Voters.length - config.MinQuorum),
  )
  const dead = [...unheard.filter(isStranger), ...unheard.filter(isFailed)]
  return action(
    'remove',
    [...dead.filter((server) => !votes(server)), ...dead.filter(votes).slice(0, spareable)],
    ({ ID }) => ({ kind: 'remove', id: ID }),
  )
}

function isFailed({ NodeStatus }: AutopilotServer): boolean {
  return NodeStatus === 'failed'
}

function votes({ Status }: AutopilotServer): boolean {
  return Status !== 'non-voter'
}

/** The pool takes seconds to call a server failed; one that was heard within them is not. */
function silenceMinMs({ LastContactThresholdMs }: AutopilotConfig): number {
  return Math.max(1_000, LastContactThresholdMs)
}

function action(
  kind: AutopilotAction['kind'],
  servers: readonly AutopilotServer[],
  change: (server: AutopilotServer) => MembershipChange,
): AutopilotAction | undefined {
  return servers.length === 0 ? undefined : { kind, servers, changes: servers.map(change) }
}
