import { ClusterCalls } from './cluster-calls.ts'
import type { ClusterLimits } from './cluster-limits.ts'
import { clusterTag, findCluster } from './founding.ts'
import type { Founded } from './founding.ts'
import { Held, heldRpc } from './held.ts'
import { describeError, noLeader, PraetorError } from './model/errors.ts'
import type { Rpc } from './model/methods.ts'
import { Operator } from './operator.ts'
import { participate } from './participant.ts'
import type { Participant } from './participant.ts'
import { openPools } from './pools.ts'
import type { Pools } from './pools.ts'
import { retryJoin } from './retry-join.ts'
import type { CallHandler } from './rpc/answerer.ts'
import { connectionType } from './rpc/connection-type.ts'
import type { Listener } from './rpc/listener.ts'
import { Pool as Connections } from './rpc/pool.ts'
import { createRpcService } from './rpc/rpc-service.ts'
import { openServerPort } from './rpc/server-port.ts'
import type { Snapshots } from './rpc/snapshot-stream.ts'
import { sleep } from './runtime/clock.ts'
import type { ServerConfig, ServerWorld } from './server-config.ts'
import { consensusOf } from './server-consensus.ts'
import { serverMember, wanMember } from './server-member.ts'
import { serverMethods } from './server-methods.ts'
import { ServerSnapshots } from './server-snapshots.ts'
import { SnapshotCalls } from './snapshot-calls.ts'
import { floodWan } from './wan-flood.ts'

/**
 * Opens a server's ports, and, if it knows its cluster or may begin one alone, its log. A server that has yet to meet others goes
 * on looking for them; calls wait meanwhile. Rejects with a PraetorError in one plain sentence where it can't start.
 */
export async function openServer(config: ServerConfig, world: ServerWorld): Promise<Server> {
  await using stack = new AsyncDisposableStack()
  const { clock, log, metrics, tls } = world
  const participating = new Held<Participant>(clock, config.rpcHoldMs)
  const connections = stack.use(
    new Connections({
      clock,
      log: log.child({ part: 'server.rpc' }),
      bindAddress: config.bindAddress,
      tls,
    }),
  )
  const pools = stack.use(
    await openPools(config, world, {
      lan: serverMember(config),
      ...(config.serfWanPort > 0 ? { wan: wanMember(config) } : {}),
    }),
  )
  const operator = new Operator({
    participant: () => participating.wait(),
    members: () => pools.lan.members(),
    calls: connections,
    clock,
    holdMs: config.rpcHoldMs,
  })
  const { datacenter } = config
  const participant = (): Participant | undefined => participating.current
  const methods = serverMethods({ participant, operator, pools, datacenter })
  const snapshots = new ServerSnapshots({
    participant: () => participating.wait(),
    calls: new SnapshotCalls({ clock, datacenter, tls }),
    clock,
  })
  let service: CallHandler | undefined
  const port = stack.use(
    await openServerPort(
      {
        host: config.bindAddress,
        port: config.serverPort,
        tls,
        handshakeMs: config.rpcHandshakeMs,
        limits: { connectionsPerClientMax: config.connectionsPerClientMax },
        handle: async (call) => {
          service ??= serviceOf(await participating.wait(), methods)
          return service(call)
        },
        snapshots,
        handlers: {
          [connectionType.praetorRaft]: (socket) => {
            if (participating.current === undefined) socket.destroy()
            else participating.current.transport.accept(socket)
          },
        },
      },
      { clock, log: log.child({ part: 'server.rpc' }), metrics },
    ).catch((error: unknown) => Promise.reject(cannotListen('server', config.serverPort, error))),
  )
  const server = new Server({
    config,
    world,
    port,
    pools,
    participating,
    connections,
    methods,
    snapshots,
  })
  stack.defer(() => server.stop())
  await server.begin()
  server.keep(stack.move())
  return server
}

interface ServerParts {
  readonly config: ServerConfig
  readonly world: ServerWorld
  readonly port: Listener
  readonly pools: Pools
  readonly participating: Held<Participant>
  readonly connections: Connections
  readonly methods: ReturnType<typeof serverMethods>
  readonly snapshots: ServerSnapshots
}

/** A member that votes: the catalog, the keys and the sessions, and all that speaks for them. */
export class Server implements AsyncDisposable {
  readonly rpc: Rpc
  readonly calls: ClusterCalls
  readonly snapshots: Snapshots
  readonly pools: Pools
  readonly #parts: ServerParts
  readonly #stop = new AbortController()
  readonly #running: Promise<void>[] = []
  #kept: AsyncDisposable | undefined

  constructor(parts: ServerParts) {
    this.#parts = parts
    this.rpc = heldRpc(parts.participating)
    this.calls = new ClusterCalls((method, body) => parts.methods[method](body))
    this.snapshots = parts.snapshots
    this.pools = parts.pools
  }

  /** Takes on other limits. */
  limit({ connectionsPerClientMax }: ClusterLimits): void {
    this.#parts.port.limit({ connectionsPerClientMax })
  }

  /** Takes part in the cluster that this server knows; or looks for one, and does so once it is found. */
  async begin(): Promise<void> {
    const { config, world } = this.#parts
    this.#running.push(...this.#joinOthers())
    const founded = await world.door.founded()
    if (founded !== undefined) return this.#participate(founded)
    const finding = this.#find()
    if (config.expect === 1) return finding
    this.#running.push(
      finding.catch((error: unknown) => {
        if (!this.#stop.signal.aborted) world.fatal(asError(error))
      }),
    )
  }

  /** What is disposed of with this server. */
  keep(kept: AsyncDisposable): void {
    this.#kept = kept
  }

  /** Whether this server leads and answers. */
  isLeader(): boolean {
    return this.#participant?.raft.isLeader() ?? false
  }

  /** What `info` prints of a server, by section. */
  stats(): Readonly<Record<string, Readonly<Record<string, string>>>> {
    return {
      consul: {
        acl: 'disabled',
        bootstrap: String(this.#parts.config.bootstrap),
        known_datacenters: '1',
        leader: String(this.isLeader()),
        leader_addr: this.#participant?.leaderAddress() ?? '',
        server: 'true',
      },
      raft: this.#participant?.raft.stats() ?? {},
      serf_lan: this.pools.stats('lan'),
      serf_wan: this.pools.stats('wan'),
    }
  }

  /** Resolves once there is a leader, or the server stops. */
  async ready(): Promise<void> {
    const { participating } = this.#parts
    while (participating.current === undefined && !this.#stop.signal.aborted)
      await participating.wait().catch(() => undefined)
    if (participating.current !== undefined)
      await consensusOf(participating.current.raft)
        .awaitLeader(this.#stop.signal)
        .catch(() => undefined)
  }

  /** Tells everybody that this server goes for good, and waits a while for the others to count without it. */
  async leave(): Promise<void> {
    const { pools, config, world } = this.#parts
    const participant = this.#participant
    await participant?.handOver()
    await pools.leave()
    const untilMs = world.clock.monotonicMs() + config.leaveDrainMs
    const isCounted = (): boolean => participant?.hasPeers === true
    while (isCounted() && world.clock.monotonicMs() < untilMs)
      await sleep(world.clock, leaveLookMs, this.#stop.signal)
  }

  /** Stops what runs by itself, before the ports close. */
  async stop(): Promise<void> {
    this.#stop.abort(noLeader())
    this.#parts.participating.close()
    await Promise.all(this.#running)
    await this.#participant?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.[Symbol.asyncDispose]()
  }

  get #participant(): Participant | undefined {
    return this.#parts.participating.current
  }

  async #find(): Promise<void> {
    const { config, world, pools } = this.#parts
    if (config.expect > 1 && config.expect % 2 === 0)
      world.log.warn(
        { expect: config.expect },
        'an even number of servers bears no more failures than one fewer',
      )
    const founded = await findCluster(
      {
        pool: pools.lan,
        tags: serverMember(config).Tags,
        nodeId: config.nodeId,
        datacenter: config.datacenter,
        expect: config.expect,
        makeClusterId: () => world.chance.uuid(),
      },
      this.#stop.signal,
    )
    await world.door.keepFounded(founded)
    await this.#participate(founded)
  }

  async #participate(founded: Founded): Promise<void> {
    const { config, world, pools, connections, participating } = this.#parts
    const storage = await world.door.open(founded.clusterId)
    const participant = await participate({
      config,
      world,
      storage,
      founded,
      pool: pools.lan,
      calls: connections,
    })
    participating.open(participant)
    const tag = { [clusterTag]: founded.clusterId }
    pools.lan.setTags({ ...serverMember(config).Tags, ...tag })
    pools.wan?.setTags({ ...wanMember(config).Tags, ...tag })
  }

  /** What goes on, each by itself, until the server stops: looking for those it was told of, and for servers for the WAN. */
  #joinOthers(): Promise<void>[] {
    const { config, world, pools } = this.#parts
    const { clock, log, fatal } = world
    const { signal } = this.#stop
    const joining = { clock, log, signal }
    const orEnd = (error: unknown): void => {
      if (!signal.aborted) fatal(asError(error))
    }
    const { lan, wan } = pools
    const looking = [retryJoin(lan, config.retryJoin, joining).catch(orEnd)]
    if (wan === undefined) return looking
    return [
      ...looking,
      retryJoin(wan, config.retryJoinWan, joining).catch(orEnd),
      floodWan({ lan, wan, clock, log, signal }),
    ]
  }
}

const leaveLookMs = 50

function serviceOf(
  participant: Participant,
  others: ReturnType<typeof serverMethods>,
): CallHandler {
  return createRpcService({
    rpc: participant.rpc,
    local: participant.local,
    // One that was just elected answers in a moment: to refuse would send the caller to look for another.
    isLeader: () => participant.raft.isElected(),
    others,
  })
}

function cannotListen(what: string, port: number, error: unknown): PraetorError {
  const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
  const why = inUse ? 'address already in use' : describeError(error)
  return new PraetorError('failed', `Failed to open the ${what} port ${port}: ${why}`)
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
