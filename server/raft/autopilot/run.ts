import type { AutopilotConfig, AutopilotState } from '../../model/autopilot.ts'
import { describeError } from '../../model/errors.ts'
import { sleep } from '../../runtime/clock.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { MembershipChange } from '../core/output.ts'
import type { FollowerStatus } from '../core/raft.ts'
import type { EntryId, Membership, NodeId } from '../types.ts'
import { computeState } from './compute.ts'
import type { Assessment, KnownServer } from './compute.ts'
import { nextAction } from './reconcile.ts'

export interface AutopilotOptions {
  readonly id: NodeId
  readonly raft: AutopilotRaft
  readonly heartbeatMs: number
  /** The settings as they are replicated now. */
  readonly config: () => AutopilotConfig
  /** The servers that the pool knows. */
  readonly known: () => readonly KnownServer[]
  /** The pool need not wait for that server any more. */
  readonly forget: (name: string) => void
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly rhythm?: AutopilotRhythm
}

/** What of consensus is looked at, and changed. */
export interface AutopilotRaft {
  lastEntry(): EntryId
  membership(): Membership
  followers(): readonly FollowerStatus[]
  changeMembership(changes: readonly MembershipChange[], signal?: AbortSignal): Promise<void>
}

export interface AutopilotRhythm {
  /** How often the servers are looked at. */
  readonly lookMs: number
  /** How often something is done about them. */
  readonly actMs: number
}

/** Consul's. */
export const autopilotRhythm: AutopilotRhythm = { lookMs: 2_000, actMs: 10_000 }

/**
 * Looks after the servers while this one leads: compute.ts says how they are, reconcile.ts what to do about it, and here it is done,
 * one change at a time.
 */
export class Autopilot {
  readonly #options: AutopilotOptions
  #assessment: Assessment | undefined
  #warnedOf = 0

  constructor(options: AutopilotOptions) {
    this.#options = options
  }

  /** How the servers are now. Only while this server leads. */
  state(): AutopilotState {
    return this.#assess().state
  }

  /** Until the signal fires, for which it rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const { lookMs, actMs } = this.#options.rhythm ?? autopilotRhythm
    const startedMs = clock.monotonicMs()
    this.#assessment = undefined
    try {
      for (let dueMs = startedMs + actMs; ;) {
        this.#assessment = this.#assess()
        this.#measure(this.#assessment.state)
        if (clock.monotonicMs() >= dueMs) {
          dueMs = clock.monotonicMs() + actMs
          await this.#act(this.#assessment, startedMs, signal)
        }
        await sleep(clock, lookMs, signal)
      }
    } finally {
      this.#assessment = undefined
    }
  }

  #assess(): Assessment {
    const { id, raft, heartbeatMs, config, known, clock } = this.#options
    return computeState({
      nowMs: clock.monotonicMs(),
      wallMs: clock.wallMs(),
      config: config(),
      leader: id,
      last: raft.lastEntry(),
      membership: raft.membership(),
      followers: raft.followers(),
      known: known(),
      heartbeatMs,
      previous: this.#assessment,
    })
  }

  async #act(assessment: Assessment, startedMs: number, signal: AbortSignal): Promise<void> {
    const { raft, config, known, forget, clock, log } = this.#options
    this.#warnOfEven(assessment.state)
    const action = nextAction({
      assessment,
      config: config(),
      membership: raft.membership(),
      known: known(),
      nowMs: clock.monotonicMs(),
      startedMs,
    })
    if (action === undefined) return
    const servers = action.servers.map(({ ID, Name }) => (Name === '' ? ID : Name))
    log.info({ servers: servers.join(' ') }, sentences[action.kind])
    try {
      await raft.changeMembership(action.changes, signal)
    } catch (error) {
      // Most often another change is under way; the next look decides anew.
      signal.throwIfAborted()
      log.warn({ error: describeError(error) }, 'autopilot could not change the members')
      return
    }
    if (action.kind !== 'remove') return
    for (const { Name } of action.servers) if (Name !== '') forget(Name)
  }

  #warnOfEven({ Voters }: AutopilotState): void {
    const count = Voters.length
    if (count === this.#warnedOf) return
    this.#warnedOf = count
    if (count % 2 === 0)
      this.#options.log.warn(
        { voters: count },
        'An even number of voting servers bears no more failures than one fewer. Add a server, or remove one.',
      )
  }

  #measure({ Healthy, FailureTolerance }: AutopilotState): void {
    const { metrics } = this.#options
    metrics.gauge('autopilot.healthy', Healthy ? 1 : 0)
    metrics.gauge('autopilot.failure_tolerance', FailureTolerance)
  }
}

const sentences = {
  promote: 'servers have been stable and may vote now',
  readdress: 'servers have other addresses than before',
  remove: 'removing dead servers',
} as const
