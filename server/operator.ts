import type { AutopilotState, RaftServer } from './model/autopilot.ts'
import { noLeader, PraetorError } from './model/errors.ts'
import type { Member } from './model/member.ts'
import type { Raft } from './raft/driver.ts'
import type { NodeId } from './raft/types.ts'
import { CallFailed } from './rpc/caller.ts'
import { NotLeader } from './rpc/error-wire.ts'
import type { Calls } from './rpc/pool.ts'
import type { Fields } from './rpc/shape.ts'
import { sleep } from './runtime/clock.ts'
import type { Clock } from './runtime/clock.ts'

export interface OperatorOptions {
  /** Resolves once this server takes part in its cluster. */
  readonly participant: () => Promise<Part>
  readonly members: () => readonly Member[]
  readonly calls: Calls
  readonly clock: Clock
  /** How long to wait for a leader. */
  readonly holdMs: number
}

/** A server's part in its cluster, as far as it is asked about. */
interface Part {
  readonly id: NodeId
  readonly raft: Pick<
    Raft<unknown>,
    | 'isLeader'
    | 'leader'
    | 'membership'
    | 'changeMembership'
    | 'transferLeadership'
    | 'onLeadership'
  >
  readonly autopilot: { state(): AutopilotState }
  leaderAddress(): string
}

const lookMs = 20
const answerMs = 30_000
/** How long a leader looks for one to lead in its stead. */
const transferMs = 5_000

/**
 * What operators ask of consensus itself: who takes part, and that they be made to. Only the leader knows, so any other server asks
 * it: a method of this class is a call by Consul's name for it, and its answer is what the leader's own gives.
 */
export class Operator {
  readonly #options: OperatorOptions

  constructor(options: OperatorOptions) {
    this.#options = options
  }

  /**
   * The calls by name. A call that another server forwarded is carried out where this one leads, and refused otherwise: two servers
   * that each take the other for the leader would pass it on for ever.
   */
  readonly methods: Readonly<Record<OperatorMethod, (body: Fields) => Promise<unknown>>> = {
    'Operator.RaftGetConfiguration': async (body) =>
      body['AllowStale'] === true
        ? { Servers: this.#servers(await this.#options.participant()), Index: 0 }
        : this.#carryOut('Operator.RaftGetConfiguration', body),
    'Operator.RaftRemovePeerByID': (body) => this.#carryOut('Operator.RaftRemovePeerByID', body),
    'Operator.RaftRemovePeerByAddress': (body) =>
      this.#carryOut('Operator.RaftRemovePeerByAddress', body),
    'Operator.TransferLeader': (body) => this.#carryOut('Operator.TransferLeader', body),
    'Operator.AutopilotState': (body) => this.#carryOut('Operator.AutopilotState', body),
  }

  /** The calls as the leader carries them out; any other server refuses them. */
  readonly #leaders: Readonly<Record<OperatorMethod, (body: Fields) => Promise<unknown>>> = {
    'Operator.RaftGetConfiguration': async () => ({
      Servers: this.#servers(await this.#leading()),
      Index: 0,
    }),

    'Operator.RaftRemovePeerByID': async ({ ID = '' }) => {
      const { raft } = await this.#leading()
      const { addresses } = raft.membership()
      const id = String(ID)
      if (!Object.hasOwn(addresses, id)) throw notFound('id', id)
      await remove(raft, id)
      return {}
    },

    'Operator.RaftRemovePeerByAddress': async ({ Address = '' }) => {
      const { raft } = await this.#leading()
      const address = String(Address)
      const [id] =
        Object.entries(raft.membership().addresses).find(([, one]) => one === address) ?? []
      if (id === undefined) throw notFound('address', address)
      await remove(raft, id)
      return {}
    },

    'Operator.TransferLeader': async ({ ID = '' }) => {
      const participant = await this.#leading()
      return { Success: await this.#transfer(participant, String(ID)) }
    },

    'Operator.AutopilotState': async () => (await this.#leading()).autopilot.state(),
  }

  #carryOut(method: OperatorMethod, body: Fields): Promise<unknown> {
    return body['PraetorForwarded'] === true ? this.#leaders[method](body) : this.#ask(method, body)
  }

  async #leading(): Promise<Part> {
    const participant = await this.#options.participant()
    if (!participant.raft.isLeader()) throw new NotLeader()
    return participant
  }

  #servers({ raft }: Part): readonly RaftServer[] {
    const { voters, outgoing, addresses } = raft.membership()
    const voting = new Set([...voters, ...outgoing])
    const byId = new Map(this.#options.members().map((member) => [member.Tags['id'], member]))
    return Object.keys(addresses)
      .toSorted()
      .map((ID) => ({
        ID,
        Node: byId.get(ID)?.Name ?? '(unknown)',
        Address: addresses[ID] ?? '',
        Leader: raft.leader() === ID,
        ProtocolVersion: byId.get(ID)?.Tags['raft_vsn'] ?? '3',
        Voter: voting.has(ID),
      }))
  }

  /** Resolves once this server no longer leads, or it is clear that it will go on. */
  async #transfer({ raft, id: own }: Part, to: string): Promise<boolean> {
    const { voters } = raft.membership()
    if (to !== '' && !voters.includes(to)) throw notFound('id', to)
    if (to === own) return true
    if (voters.length < 2) throw new PraetorError('failed', 'cannot find peer')
    const { clock } = this.#options
    const ended = new AbortController()
    const subscription = raft.onLeadership((leading) => {
      if (!leading) ended.abort()
    })
    try {
      raft.transferLeadership(to === '' ? null : to)
      await sleep(clock, transferMs, ended.signal)
      return false
    } catch {
      return true
    } finally {
      subscription[Symbol.dispose]()
    }
  }

  /** The leader's answer, wherever it is; waits a while for there to be one. */
  async #ask(method: OperatorMethod, body: Fields): Promise<unknown> {
    const { clock, holdMs, calls } = this.#options
    const participant = await this.#options.participant()
    const untilMs = clock.monotonicMs() + holdMs
    for (;;) {
      try {
        if (participant.raft.isLeader()) return await this.#leaders[method](body)
        const address = participant.leaderAddress()
        if (address !== '')
          return await calls.call(
            { address, speaks: 'praetor' },
            method,
            { ...body, PraetorForwarded: true },
            { timeoutMs: answerMs },
          )
      } catch (error) {
        if (!wasNotDone(error) || clock.monotonicMs() >= untilMs) throw error
      }
      if (clock.monotonicMs() >= untilMs) throw noLeader()
      await sleep(clock, lookMs, AbortSignal.any([]))
    }
  }
}

export type OperatorMethod =
  | 'Operator.RaftGetConfiguration'
  | 'Operator.RaftRemovePeerByID'
  | 'Operator.RaftRemovePeerByAddress'
  | 'Operator.TransferLeader'
  | 'Operator.AutopilotState'

async function remove(raft: Part['raft'], id: NodeId): Promise<void> {
  const { voters } = raft.membership()
  if (voters.length === 1 && voters[0] === id)
    throw new PraetorError('failed', 'Need at least one voter in configuration: {[]}')
  await raft.changeMembership([{ kind: 'remove', id }])
}

/** Then it may be asked again, of whoever leads now. */
function wasNotDone(error: unknown): boolean {
  return error instanceof NotLeader || (error instanceof CallFailed && !error.sent)
}

function notFound(what: 'id' | 'address', value: string): PraetorError {
  return new PraetorError(
    'failed',
    `${what} ${JSON.stringify(value)} was not found in the Raft configuration`,
  )
}
