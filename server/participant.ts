import { LocalRpc } from './endpoints/call.ts'
import type { WriteContext } from './endpoints/method.ts'
import { endpoints } from './endpoints/table.ts'
import type { Founded } from './founding.ts'
import type { Pool } from './gossip/pool.ts'
import { knownServers } from './known-servers.ts'
import { coordinateRhythm, PendingCoordinates } from './leader/coordinate-updates.ts'
import { Leadership } from './leader/leader.ts'
import { LeaderLockDelays } from './leader/lock-delays.ts'
import { SessionTtls } from './leader/session-ttls.ts'
import { duties } from './leader/table.ts'
import type { Rpc } from './model/methods.ts'
import { Autopilot } from './raft/autopilot/run.ts'
import { createRaft } from './raft/driver.ts'
import type { Raft } from './raft/driver.ts'
import { snapshotRhythm } from './raft/snapshot-keeper.ts'
import { traceEvent } from './raft/trace.ts'
import { createTransport } from './raft/transport/transport.ts'
import type { Transport } from './raft/transport/transport.ts'
import { ForwardingRpc } from './rpc/forwarding-rpc.ts'
import type { LeaderCalls } from './rpc/pool.ts'
import type { ServerConfig, ServerWorld } from './server-config.ts'
import { consensusOf, proposeTo } from './server-consensus.ts'
import { stateMachineOf } from './state-machine.ts'
import type { CommandOutcome } from './state-machine.ts'
import { getAutopilotConfig } from './state/autopilot.ts'
import { Store } from './state/store.ts'
import type { Storage } from './storage.ts'

export interface ParticipantOptions {
  readonly config: ServerConfig
  readonly world: ServerWorld
  readonly storage: Storage
  readonly founded: Founded
  readonly pool: Pool
  readonly calls: LeaderCalls
}

const electionTimeoutMs = 1_000
const heartbeatMs = 100
/** A leader whose disk does not answer for so many election timeouts should not lead. */
const overdueElections = 2
/** How long a leader that stops looks for a successor. */
const handOverMs = 1_500

/** Restores the state and takes part in consensus. */
export async function participate(options: ParticipantOptions): Promise<Participant> {
  const { config, world, storage, founded } = options
  const { clock, chance, log, metrics, tls, fatal, dial, trace } = world
  const store = new Store()
  const transport = createTransport({
    nodeId: config.nodeId,
    clusterId: founded.clusterId,
    bootEpoch: Math.floor(clock.wallMs()),
    clock,
    chance,
    log: log.child({ part: 'server.raft' }),
    metrics,
    tls,
    ...(dial === undefined ? {} : { dial }),
  })
  const raft = await createRaft<CommandOutcome>({
    id: config.nodeId,
    config: {
      electionTimeoutMinMs: electionTimeoutMs * config.raftMultiplier,
      heartbeatMs: heartbeatMs * config.raftMultiplier,
      leaseGuardMs: heartbeatMs * config.raftMultiplier,
      trailingEntries: config.trailingEntries,
    },
    ...(founded.founders === undefined ? {} : { bootstrap: founded.founders }),
    ...(storage.forced === undefined ? {} : { forced: storage.forced.membership }),
    logStore: storage.logStore,
    snapshots: storage.snapshots,
    stateMachine: stateMachineOf(store),
    clock,
    chance,
    log: log.child({ part: 'server.raft' }),
    metrics,
    fatal,
    send: (messages) => transport.send(messages),
    onMembership: ({ addresses }) => transport.setPeers(addresses),
    rhythm: { ...snapshotRhythm, entriesMax: config.snapshotThresholdEntries },
    ...(trace === undefined ? {} : { trace: (traced) => trace(traceEvent(config.nodeId, traced)) }),
  })
  if (founded.founders !== undefined) await storage.begun()
  await storage.forced?.done()
  transport.onMessage((from, message) => raft.receive(from, message))
  transport.onUnreachable((id) => raft.unreachable(id))
  return new Participant(options, store, raft, transport)
}

/** A server's part in its cluster: the replicated state, and calls answered from it or sent on to the leader. */
export class Participant implements AsyncDisposable {
  readonly store: Store
  readonly raft: Raft<CommandOutcome>
  readonly transport: Transport
  /** Answers from this server's own state, as its leader. */
  readonly local: Rpc
  /** Answers on any server. */
  readonly rpc: Rpc
  /** Looks after the servers while this one leads. */
  readonly autopilot: Autopilot
  readonly #options: ParticipantOptions
  readonly #sessionTtls: SessionTtls
  readonly #coordinates: PendingCoordinates
  #leadership: Leadership | undefined
  #changing: Promise<void> = Promise.resolve()

  constructor(
    options: ParticipantOptions,
    store: Store,
    raft: Raft<CommandOutcome>,
    transport: Transport,
  ) {
    const { config, world, calls } = options
    const { clock, chance, metrics, log } = world
    this.#options = options
    this.store = store
    this.raft = raft
    this.transport = transport
    this.#sessionTtls = new SessionTtls(store, clock)
    this.#coordinates = new PendingCoordinates(config.coordinateRhythm ?? coordinateRhythm)
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
      coordinateUpdates: this.#coordinates,
    }
    this.local = new LocalRpc({
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
    const forwarding = new ForwardingRpc({
      local: this.local,
      isLeader: () => raft.isElected(),
      leaderAddress: () => this.leaderAddress(),
      calls,
      clock,
      chance,
      metrics,
      datacenter: config.datacenter,
      holdMs: config.rpcHoldMs,
      origin: { origin: config.nodeId, epoch: chance.uuid() },
      leadersHeedIds: true,
    })
    this.rpc = forwarding
    raft.onLeader(() => forwarding.turnToLeader())
    this.autopilot = new Autopilot({
      id: config.nodeId,
      raft,
      heartbeatMs: heartbeatMs * config.raftMultiplier,
      config: () => getAutopilotConfig(store).value,
      known: () => knownServers(options.pool.members(), config.datacenter),
      forget: (name) => options.pool.forceLeave(name),
      clock,
      log: log.child({ part: 'server.autopilot' }),
      metrics,
    })
    raft.onLeadership((leading) => this.#lead(leading))
  }

  /** The leader's RPC address; '' when there is none. */
  leaderAddress(): string {
    const leader = this.raft.leader()
    return leader === undefined ? '' : (this.raft.membership().addresses[leader] ?? '')
  }

  get id(): string {
    return this.#options.config.nodeId
  }

  /** Whether another server could take over. */
  get hasPeers(): boolean {
    return this.raft.membership().voters.length > 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handOver()
    this.#lead(false)
    await this.#changing
    await this.raft[Symbol.asyncDispose]()
    await this.transport[Symbol.asyncDispose]()
  }

  /** A leader that goes names its successor, so that nobody waits for an election timeout. */
  async handOver(): Promise<void> {
    const { clock } = this.#options.world
    if (!this.raft.isLeader() || !this.hasPeers) return
    const done = Promise.withResolvers<void>()
    const subscription = this.raft.onLeadership((leading) => {
      if (!leading) done.resolve()
    })
    const timer = clock.after(handOverMs, () => done.resolve())
    this.raft.transferLeadership(null)
    await done.promise
    timer.cancel()
    subscription[Symbol.dispose]()
  }

  #diskTrouble(): string | undefined {
    const { config, storage } = this.#options
    const overdueMs = storage.diskOverdueMs()
    if (overdueMs > overdueElections * electionTimeoutMs * config.raftMultiplier)
      return `the disk has not answered for ${Math.round(overdueMs)} ms`
    return storage.logStore.hasRoom() ? undefined : 'the disk is full or does not keep up'
  }

  /** Duties begin and end one after the other, so that two terms of this server never overlap. */
  #lead(leading: boolean): void {
    this.#changing = this.#changing.then(async () => {
      const { world, pool, config } = this.#options
      const { clock, chance, log, metrics } = world
      await this.#leadership?.[Symbol.asyncDispose]()
      this.#leadership = undefined
      if (!leading) return
      log.child({ part: 'server' }).info({}, 'cluster leadership acquired')
      this.#leadership = new Leadership(
        {
          store: this.store,
          propose: proposeTo(this.raft),
          clock,
          chance,
          metrics,
          log: log.child({ part: 'leader' }),
          sessionTtls: this.#sessionTtls,
          coordinates: this.#coordinates,
          pool,
          datacenter: config.datacenter,
          nodeName: config.nodeName,
          raft: this.raft,
          diskTrouble: () => this.#diskTrouble(),
          autopilot: this.autopilot,
          autopilotDefaults: config.autopilot,
        },
        duties,
      )
    })
  }
}
