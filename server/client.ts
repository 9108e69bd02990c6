import { ClusterCalls } from './cluster-calls.ts'
import type { ClusterLimits } from './cluster-limits.ts'
import { clusterTag } from './founding.ts'
import { unadjustedSeconds } from './model/coordinate.ts'
import { hostPort } from './model/host-port.ts'
import { memberStatus } from './model/member.ts'
import type { Member } from './model/member.ts'
import type { Rpc } from './model/methods.ts'
import { openPools } from './pools.ts'
import type { Pools, PoolsConfig, PoolsWorld } from './pools.ts'
import { retryJoin } from './retry-join.ts'
import type { RetryJoin } from './retry-join.ts'
import { CallRate } from './rpc/call-rate.ts'
import type { CallRateLimits } from './rpc/call-rate.ts'
import { Pool as Connections } from './rpc/pool.ts'
import { RoutedRpc } from './rpc/routed-rpc.ts'
import { ServerChoice } from './rpc/server-choice.ts'
import type { Candidate } from './rpc/server-choice.ts'
import type { Snapshots } from './rpc/snapshot-stream.ts'
import { clientMember } from './server-member.ts'
import { SnapshotCalls } from './snapshot-calls.ts'
import type { Tls } from './tls/tls.ts'

export interface ClientConfig extends PoolsConfig {
  /** Where other members reach this one: an IP address. */
  readonly address: string
  /** Where calls come from. */
  readonly bindAddress: string
  readonly serfLanPort: number
  /** Consul's protocol version, as the pool is told. */
  readonly protocol: number
  readonly callRate: CallRateLimits
  readonly retryJoin: RetryJoin
  readonly rpcHoldMs: number
}

/** What a client is run on: all that it doesn't do itself. */
export interface ClientWorld extends PoolsWorld {
  readonly tls: Tls
  /** The client can't go on; ends the process. */
  readonly fatal: (error: Error) => void
}

/** From this much evidence on that a server is gone, calls go to another while there is one. */
const suspectedLevel = 3

/** Opens a client's port. Rejects with a PraetorError in one plain sentence where it can't start. */
export async function openClient(config: ClientConfig, world: ClientWorld): Promise<Client> {
  await using stack = new AsyncDisposableStack()
  const { clock, log, tls } = world
  const connections = stack.use(
    new Connections({
      clock,
      log: log.child({ part: 'client' }),
      bindAddress: config.bindAddress,
      tls,
    }),
  )
  const pools = stack.use(await openPools(config, world, { lan: clientMember(config) }))
  const client = new Client(config, world, pools, connections)
  stack.defer(() => client.stop())
  client.begin()
  client.keep(stack.move())
  return client
}

/** A member that keeps nothing of the cluster: it is in the pool, and asks the servers that it meets there. */
export class Client implements AsyncDisposable {
  readonly rpc: Rpc
  readonly calls: ClusterCalls
  readonly snapshots: Snapshots
  readonly pools: Pools
  readonly #config: ClientConfig
  readonly #world: ClientWorld
  readonly #routed: RoutedRpc
  readonly #callRate: CallRate
  readonly #stop = new AbortController()
  #joining: Promise<void> = Promise.resolve()
  #kept: AsyncDisposable | undefined

  constructor(config: ClientConfig, world: ClientWorld, pools: Pools, connections: Connections) {
    const { clock, chance, metrics, tls } = world
    const { datacenter } = config
    this.#config = config
    this.#world = world
    this.pools = pools
    const choice = new ServerChoice({
      clock,
      chance,
      candidates: () => candidates(pools, datacenter),
      clusterSize: () => pools.lan.members().length,
    })
    this.#callRate = new CallRate(config.callRate, clock, metrics)
    this.#routed = new RoutedRpc({
      callRate: this.#callRate,
      calls: connections,
      choice,
      clock,
      chance,
      metrics,
      datacenter,
      holdMs: config.rpcHoldMs,
      origin: { origin: config.nodeId, epoch: chance.uuid() },
    })
    this.rpc = this.#routed
    this.calls = new ClusterCalls((method, body) => this.#routed.call(method, body))
    const snapshots = new SnapshotCalls({ clock, datacenter, tls })
    this.snapshots = {
      save: async (options) => snapshots.save(this.#routed.target().address, options),
      restore: async (archive, options = {}) =>
        snapshots.restore(this.#routed.target().address, archive, options),
    }
  }

  /** Looks for those it was told of, for as long as it takes. */
  begin(): void {
    const { clock, log, fatal } = this.#world
    const { signal } = this.#stop
    const unsubscribe = this.pools.lan.onChange(() => this.#routed.turn())
    signal.addEventListener('abort', unsubscribe, { once: true })
    this.#joining = retryJoin(this.pools.lan, this.#config.retryJoin, { clock, log, signal }).catch(
      (error: unknown) => {
        if (!signal.aborted) fatal(error instanceof Error ? error : new Error(String(error)))
      },
    )
  }

  /** Takes on other limits. */
  limit({ callRate }: ClusterLimits): void {
    this.#callRate.change(callRate)
  }

  /** What is disposed of with this client. */
  keep(kept: AsyncDisposable): void {
    this.#kept = kept
  }

  /** What `info` prints of a client, by section. */
  stats(): Readonly<Record<string, Readonly<Record<string, string>>>> {
    return {
      consul: {
        acl: 'disabled',
        known_servers: String(candidates(this.pools, this.#config.datacenter).length),
        server: 'false',
      },
      serf_lan: this.pools.stats('lan'),
    }
  }

  /** Resolves once a server is known, or the client stops. */
  async ready(): Promise<void> {
    const { signal } = this.#stop
    const isOver = (): boolean =>
      signal.aborted || candidates(this.pools, this.#config.datacenter).length > 0
    while (!isOver()) {
      const changed = Promise.withResolvers<void>()
      const unsubscribe = this.pools.lan.onChange(() => changed.resolve())
      signal.addEventListener('abort', () => changed.resolve(), { once: true })
      await changed.promise
      unsubscribe()
    }
  }

  /** Tells everybody that this node goes for good. */
  leave(): Promise<void> {
    return this.pools.leave()
  }

  /** Stops what runs by itself, before the port closes. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#joining
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.[Symbol.asyncDispose]()
  }
}

/** The servers of the data centre, as the pool tells of them. Those that left are none any more. */
function candidates({ lan }: Pools, datacenter: string): Candidate[] {
  const here = lan.coordinate()
  return lan
    .members()
    .filter(
      ({ Tags, Status }) =>
        Tags['role'] === 'consul' && Tags['dc'] === datacenter && Status !== memberStatus.left,
    )
    .map((member) => ({
      address: rpcAddress(member),
      speaks: member.Tags[clusterTag] === undefined ? 'consul' : 'praetor',
      rttMs: roundTripMs(here, lan.coordinateOf(member.Name)),
      isWell:
        member.Status === memberStatus.alive && lan.suspicionLevel(member.Name) < suspectedLevel,
    }))
}

function rpcAddress({ Addr, Tags }: Member): string {
  return hostPort(Addr, Tags['port'] ?? '')
}

type Coordinate = ReturnType<Pools['coordinate']>

function roundTripMs(here: Coordinate, there: Coordinate | null): number {
  return there === null ? Infinity : unadjustedSeconds(here, there) * 1000
}
