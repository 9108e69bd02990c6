import { LocalRpc } from './endpoints/call.ts'
import type { WriteContext } from './endpoints/method.ts'
import { endpoints } from './endpoints/table.ts'
import { Leadership } from './leader/leader.ts'
import { LeaderLockDelays } from './leader/lock-delays.ts'
import { SessionTtls } from './leader/session-ttls.ts'
import { duties } from './leader/table.ts'
import type { Member } from './model/member.ts'
import type { Rpc } from './model/methods.ts'
import type { Registration } from './model/registration.ts'
import { createRaft } from './raft/driver.ts'
import type { Raft } from './raft/driver.ts'
import { snapshotRhythm } from './raft/snapshot-keeper.ts'
import type { RaftStats } from './raft/stats.ts'
import type { LogStore, SnapshotStore } from './raft/storage/port.ts'
import { emptyMembership } from './raft/types.ts'
import type { Chance } from './runtime/chance.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'
import type { Metrics } from './runtime/metrics.ts'
import { consensusOf, proposeTo } from './server-consensus.ts'
import { memberRegistration, serverMember, wanMember } from './server-member.ts'
import { readArchive, writeArchive } from './snapshot-archive.ts'
import { stateMachineOf } from './state-machine.ts'
import type { CommandOutcome } from './state-machine.ts'
import { Store } from './state/store.ts'

export interface ServerConfig {
  readonly nodeName: string
  readonly nodeId: string
  readonly datacenter: string
  /** Where other members reach this one: an IP address. */
  readonly address: string
  readonly serverPort: number
  readonly serfLanPort: number
  readonly serfWanPort: number
  /** What the gossip tag says: made to be the first server by flag. */
  readonly bootstrap: boolean
  /** Consul's raft_multiplier: scales the election timeout. */
  readonly raftMultiplier: number
  readonly snapshotThresholdEntries: number
  readonly trailingEntries: number
  readonly sessionTtlMinMs: number
  readonly defaultQueryTimeMs: number
  readonly maxQueryTimeMs: number
  readonly rpcHoldMs: number
}

/** What a server is run on: all that it doesn't do itself. */
export interface ServerWorld {
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  /** Both are the server's from now on. */
  readonly storage: { readonly logStore: LogStore; readonly snapshots: SnapshotStore }
  /** The server can't go on; ends the process. */
  readonly fatal: (error: Error) => void
}

const electionTimeoutMs = 1_000
const heartbeatMs = 100

/** Opens the state, takes part in consensus, and answers calls; resolves when it does. */
export async function createServer(config: ServerConfig, world: ServerWorld): Promise<Server> {
  const store = new Store()
  const raft = await createRaft<CommandOutcome>({
    id: config.nodeId,
    config: {
      electionTimeoutMinMs: electionTimeoutMs * config.raftMultiplier,
      heartbeatMs: heartbeatMs * config.raftMultiplier,
      leaseGuardMs: heartbeatMs * config.raftMultiplier,
      trailingEntries: config.trailingEntries,
    },
    bootstrap: {
      ...emptyMembership,
      voters: [config.nodeId],
      addresses: { [config.nodeId]: `${config.address}:${config.serverPort}` },
    },
    logStore: world.storage.logStore,
    snapshots: world.storage.snapshots,
    stateMachine: stateMachineOf(store),
    clock: world.clock,
    chance: world.chance,
    log: world.log.child({ part: 'server.raft' }),
    metrics: world.metrics,
    fatal: world.fatal,
    rhythm: { ...snapshotRhythm, entriesMax: config.snapshotThresholdEntries },
  })
  return new Server(config, world, store, raft)
}

/** A member that votes: the catalog, the keys and the sessions, and all that speaks for them. */
export class Server implements AsyncDisposable {
  readonly rpc: Rpc
  readonly #config: ServerConfig
  readonly #world: ServerWorld
  readonly #store: Store
  readonly #raft: Raft<CommandOutcome>
  readonly #sessionTtls: SessionTtls
  #leadership: Leadership | undefined
  #changing: Promise<void> = Promise.resolve()

  constructor(config: ServerConfig, world: ServerWorld, store: Store, raft: Raft<CommandOutcome>) {
    const { clock, chance, metrics } = world
    this.#config = config
    this.#world = world
    this.#store = store
    this.#raft = raft
    this.#sessionTtls = new SessionTtls(store, clock)
    const writeContext: WriteContext = {
      store,
      clock,
      chance,
      datacenter: config.datacenter,
      limits: { sessionTtlMinMs: config.sessionTtlMinMs },
      propose: proposeTo(raft),
      known: (id) => ({ ...writeContext, propose: proposeTo(raft, id) }),
      lockDelays: new LeaderLockDelays(store, clock),
      sessionDeadlines: this.#sessionTtls,
    }
    this.rpc = new LocalRpc({
      endpoints,
      store,
      consensus: consensusOf(raft),
      writeContext,
      clock,
      chance,
      metrics,
      datacenter: config.datacenter,
      defaultQueryTimeMs: config.defaultQueryTimeMs,
      maxQueryTimeMs: config.maxQueryTimeMs,
      holdMs: config.rpcHoldMs,
    })
    raft.onLeadership((leading) => this.#lead(leading))
  }

  /** Resolves once there is a leader, or the signal fires. */
  async awaitLeader(signal: AbortSignal): Promise<void> {
    await consensusOf(this.#raft)
      .awaitLeader(signal)
      .catch(() => undefined)
  }

  /** Whether this server leads and answers. */
  isLeader(): boolean {
    return this.#raft.isLeader()
  }

  /** The leader's RPC address; '' when there is none. */
  leaderAddress(): string {
    const leader = this.#raft.leader()
    return leader === undefined ? '' : (this.#raft.membership().addresses[leader] ?? '')
  }

  /** Every server's RPC address. */
  peerAddresses(): readonly string[] {
    const { voters, learners, addresses } = this.#raft.membership()
    return [...voters, ...learners].map((id) => addresses[id] ?? '')
  }

  members({ wan }: { readonly wan: boolean }): readonly Member[] {
    return [wan ? wanMember(this.#config) : serverMember(this.#config)]
  }

  raftStats(): RaftStats {
    return this.#raft.stats()
  }

  /** How many blocking queries wait. */
  waiting(): number {
    return this.#store.watchers.size
  }

  /** The state as Consul's kind of archive. */
  async saveSnapshot(): Promise<{
    readonly index: number
    readonly archive: AsyncIterable<Uint8Array>
  }> {
    const { meta, index, read } = await this.#raft.snapshot()
    const membership = this.#raft.membership()
    const archive = await writeArchive(
      {
        Version: 1,
        ID: `${meta.term}-${index}-${this.#world.clock.wallMs()}`,
        Index: index,
        Term: meta.term,
        Peers: '',
        Configuration: {
          Servers: membership.voters.map((ID) => ({
            Suffrage: 0,
            ID,
            Address: membership.addresses[ID] ?? '',
          })),
        },
        ConfigurationIndex: 1,
      },
      read,
    )
    return { index, archive }
  }

  /** Replaces the state by an archive's. Whoever waits is woken, since any answer may have changed. */
  async restoreSnapshot(archive: AsyncIterable<Uint8Array>): Promise<void> {
    const { meta, state } = await readArchive(archive)
    await this.#raft.restore({ index: meta.Index, chunks: [state] })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lead(false)
    await this.#changing
    await this.#raft[Symbol.asyncDispose]()
  }

  /** Duties begin and end one after the other, so that two terms of this server never overlap. */
  #lead(leading: boolean): void {
    this.#changing = this.#changing.then(async () => {
      const { clock, chance, log, metrics } = this.#world
      await this.#leadership?.[Symbol.asyncDispose]()
      this.#leadership = undefined
      if (!leading) return
      log.child({ part: 'server' }).info({}, 'cluster leadership acquired')
      this.#leadership = new Leadership(
        {
          store: this.#store,
          propose: proposeTo(this.#raft),
          clock,
          chance,
          metrics,
          log: log.child({ part: 'leader' }),
          sessionTtls: this.#sessionTtls,
          members: (): readonly Registration[] => [memberRegistration(this.#config)],
        },
        duties,
      )
    })
  }
}
