import { join } from 'node:path'

import { compilePattern } from './filter/pattern.ts'
import { lanAdmission } from './gossip/lan-admission.ts'
import { openLivePool } from './gossip/live-pool.ts'
import type { FiredEvent, LivePool } from './gossip/live-pool.ts'
import { operatePools } from './gossip/pool-keyrings.ts'
import type { KeyringOperation } from './gossip/pool-keyrings.ts'
import { openPoolKeys } from './gossip/pool-keys.ts'
import type { GossipEncryption } from './gossip/pool-keys.ts'
import { lanProfile, wanProfile } from './gossip/pool-profile.ts'
import type { PoolProfile } from './gossip/pool-profile.ts'
import type { GossipOptions } from './gossip/swim/config.ts'
import { wanAdmission } from './gossip/wan-admission.ts'
import type { Coordinate, DatacenterCoordinates, NodeCoordinate } from './model/coordinate.ts'
import { unadjustedSeconds } from './model/coordinate.ts'
import { describeError, PraetorError } from './model/errors.ts'
import type { PoolKeyring } from './model/keyring.ts'
import type { Member } from './model/member.ts'
import { inNetworks } from './model/networks.ts'
import type { Chance } from './runtime/chance.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'
import type { Metrics } from './runtime/metrics.ts'

export interface PoolsConfig {
  readonly nodeName: string
  readonly nodeId: string
  readonly datacenter: string
  readonly encryption: Omit<GossipEncryption, 'keyringPath'> & {
    /** Where keys are kept over a restart; undefined for nowhere. */
    readonly keyringDirectory: string | undefined
  }
  readonly pools: { readonly lan: PoolConfig; readonly wan: PoolConfig }
}

/** What is a pool's own. */
export interface PoolConfig {
  /** Where its port listens. */
  readonly bindAddress: string
  /** Where its members may be, in CIDR form; empty for everywhere. */
  readonly allowedNetworks: readonly string[]
  readonly gossip: GossipOptions
}

export interface PoolsWorld {
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  /** Where to connect for an address: a fault proxy in tests, the address itself otherwise. */
  readonly dial?: (address: string) => string
}

/** This node as the others are told of it, with the ports that its pools listen at. */
export interface PoolSelves {
  readonly lan: Member
  /** Absent for a client, and for a server that keeps to its data centre. */
  readonly wan?: Member
}

/** Opens the ports. Rejects with a PraetorError in one plain sentence where they can't be had. */
export async function openPools(
  config: PoolsConfig,
  world: PoolsWorld,
  selves: PoolSelves,
): Promise<Pools> {
  await using stack = new AsyncDisposableStack()
  const { clock, chance, log, metrics, dial } = world
  const open = async (self: Member, kind: PoolKind): Promise<OpenPool> => {
    const { keyringDirectory, ...encryption } = config.encryption
    const keyringPath = keyringDirectory && join(keyringDirectory, kind.keyringFile)
    const poolLog = log.child({ part: kind.logPart })
    const { bindAddress, allowedNetworks, gossip } = config.pools[kind.name]
    const allows = allowedNetworks.length === 0 ? undefined : inNetworks(allowedNetworks)
    if (allows?.(self.Addr) === false)
      poolLog.warn(
        { node: self.Name },
        `this node is where no member may be: ${self.Addr} is not allowed`,
      )
    const keys = await openPoolKeys({ ...encryption, keyringPath }, { chance, log: poolLog })
    const options = { clock, chance, metrics, log: poolLog, keys, compilePattern }
    const pool = await openLivePool({
      ...options,
      self,
      bindAddress,
      profile: timed(kind.profile, gossip),
      admit: kind.name === 'lan' ? lanAdmission(config) : wanAdmission,
      ...(allows === undefined ? {} : { allows }),
      ...(dial === undefined ? {} : { dial }),
    }).catch((error: unknown) => Promise.reject(cannotListen(kind.title, self.Port, error)))
    stack.use(pool)
    return { pool, isEncrypted: keys !== null }
  }
  const lan = await open(selves.lan, kinds.lan)
  const wan = selves.wan === undefined ? undefined : await open(selves.wan, kinds.wan)
  return new Pools(config, lan, wan, stack.move())
}

interface OpenPool {
  readonly pool: LivePool
  readonly isEncrypted: boolean
}

/** The pools that a node is in: that of its data centre, and, for a server, that of the servers of all. */
export class Pools implements AsyncDisposable {
  readonly lan: LivePool
  readonly wan: LivePool | undefined
  readonly #config: PoolsConfig
  readonly #open: Readonly<Record<PoolName, OpenPool | undefined>>
  readonly #stack: AsyncDisposableStack

  constructor(
    config: PoolsConfig,
    lan: OpenPool,
    wan: OpenPool | undefined,
    stack: AsyncDisposableStack,
  ) {
    this.lan = lan.pool
    this.wan = wan?.pool
    this.#config = config
    this.#open = { lan, wan }
    this.#stack = stack
  }

  members({ wan }: { readonly wan: boolean }): readonly Member[] {
    const pool = wan ? this.wan : this.lan
    if (pool === undefined) return []
    const withLevel = (member: Member): Member => {
      const SuspicionLevel = pool.suspicionLevel(member.Name)
      return { ...member, SuspicionLevel }
    }
    return pool.members().map(withLevel)
  }

  /** Rejects with a PraetorError where nobody answered. */
  async join(addresses: readonly string[], { wan }: { readonly wan: boolean }): Promise<number> {
    const pool = wan ? this.wan : this.lan
    if (pool === undefined) throw new PraetorError('failed', notInWan)
    return pool.join(addresses)
  }

  /** False where nobody has that name; a server of any data centre has the one with its data centre too. */
  forceLeave(name: string, options: { readonly prune: boolean }): boolean {
    const inLan = this.lan.forceLeave(name, options)
    const nameInWan = name.includes('.') ? name : `${name}.${this.#config.datacenter}`
    const inWan = this.wan?.forceLeave(nameInWan, options) ?? false
    return inLan || inWan
  }

  /** Tells everybody that this node goes for good. */
  async leave(): Promise<void> {
    await Promise.all([this.lan.leave(), this.wan?.leave()])
  }

  onEvent(listener: (event: FiredEvent) => void): () => void {
    return this.lan.onEvent(listener)
  }

  /** The same with each pool's keyrings, the servers' of all data centres first. */
  operateKeyrings(
    operation: KeyringOperation,
    { localOnly }: { readonly localOnly: boolean },
  ): Promise<PoolKeyring[]> {
    const pools = [
      ...(this.wan === undefined || localOnly ? [] : [{ pool: this.wan, isWan: true }]),
      { pool: this.lan, isWan: false },
    ]
    return operatePools(
      pools.map(({ pool, isWan }) => ({
        isWan,
        operate: (verb, key, relayFactor) => pool.operateKeyring(verb, key, relayFactor),
      })),
      this.#config.datacenter,
      operation,
    )
  }

  /** Where this node stands among those of its data centre. */
  coordinate(): Coordinate {
    return this.lan.coordinate()
  }

  /** The servers that are known of, with the nearest data centre first. */
  datacenterCoordinates(): readonly DatacenterCoordinates[] {
    const { wan } = this
    if (wan === undefined) return []
    const here = wan.coordinate()
    const byDatacenter = new Map<string, NodeCoordinate[]>()
    for (const { Name, Tags } of wan.members()) {
      const { dc = '' } = Tags
      const Coord = wan.coordinateOf(Name)
      if (Coord === null) continue
      const Node = Name.endsWith(`.${dc}`) ? Name.slice(0, -dc.length - 1) : Name
      const nodes = byDatacenter.get(dc) ?? []
      nodes.push({ Node, Segment: '', Coord })
      byDatacenter.set(dc, nodes)
    }
    return [...byDatacenter]
      .map(([Datacenter, Coordinates]) => ({
        listed: { Datacenter, AreaID: 'wan', Coordinates },
        seconds: median(Coordinates.map(({ Coord }) => unadjustedSeconds(here, Coord))),
        isHere: Datacenter === this.#config.datacenter,
      }))
      .toSorted(
        (a, b) =>
          Number(b.isHere) - Number(a.isHere) ||
          a.seconds - b.seconds ||
          (a.listed.Datacenter < b.listed.Datacenter ? -1 : 1),
      )
      .map(({ listed }) => listed)
  }

  /** What `consul info` prints of a pool. */
  stats(name: PoolName): Readonly<Record<string, string>> {
    const open = this.#open[name]
    if (open === undefined) return {}
    const { clocks, coordinateResets, failed, left, members } = open.pool.status()
    return {
      coordinate_resets: String(coordinateResets),
      encrypted: String(open.isEncrypted),
      event_queue: '0',
      event_time: String(clocks.event),
      failed: String(failed),
      health_score: String(open.pool.healthScore()),
      intent_queue: '0',
      left: String(left),
      member_time: String(clocks.member),
      members: String(members),
      query_queue: '0',
      query_time: String(clocks.query),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

type PoolName = 'lan' | 'wan'

interface PoolKind {
  readonly name: PoolName
  readonly title: string
  readonly logPart: string
  readonly keyringFile: string
  readonly profile: PoolProfile
}

const kinds: Readonly<Record<PoolName, PoolKind>> = {
  lan: {
    name: 'lan',
    title: 'Serf LAN',
    logPart: 'server.pool',
    keyringFile: 'local.keyring',
    profile: lanProfile,
  },
  wan: {
    name: 'wan',
    title: 'Serf WAN',
    logPart: 'server.pool.wan',
    keyringFile: 'remote.keyring',
    profile: wanProfile,
  },
}

const notInWan = 'this agent is not in the pool between data centres'

function timed({ swim, serf }: PoolProfile, options: GossipOptions): PoolProfile {
  const { gossipIntervalMs = serf.gossipIntervalMs } = options
  return { swim: { ...swim, ...options }, serf: { ...serf, gossipIntervalMs } }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Infinity
}

function cannotListen(what: string, port: number, error: unknown): PraetorError {
  const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
  const why = inUse ? 'address already in use' : describeError(error)
  return new PraetorError('failed', `Failed to open the ${what} port ${port}: ${why}`)
}
