import { must } from '../../server/model/assert.ts'
import { describeError } from '../../server/model/errors.ts'
import { type Chance, seededChance } from '../../server/runtime/chance.ts'
import type { Door } from './client.ts'
import { Link } from './link.ts'
import { nap } from './nap.ts'
import type { TortureOptions } from './options.ts'
import { clientLinkPort, peerLinkPort } from './ports.ts'
import { Requests } from './request.ts'
import { ServerProcess } from './server-process.ts'

const startMs = 60_000
const settings = (chance: Chance): string => {
  // Some runs take snapshots all the time, and others never: each hides what the other shows.
  const snapshots = chance.fraction() < 0.5 ? 500 : 1_000_000
  return (
    `performance { raft_multiplier = 1 } limits { http_max_conns_per_client = 1000 } ` +
    `raft_snapshot_threshold = ${snapshots} raft_snapshot_interval = "5s" raft_trailing_logs = ${snapshots}`
  )
}

/** A row of /v1/operator/raft/configuration. */
interface Member {
  readonly ID: string
  readonly Voter: boolean
}

/** Servers, and between each two and in front of each a link that can be made bad. */
export class Cluster implements AsyncDisposable {
  readonly servers: readonly ServerProcess[]
  readonly clientLinks: readonly Link[]
  /** `from>to`, in numbers of servers. */
  readonly peerLinks: ReadonlyMap<string, Link>
  readonly #asking = new Requests()
  readonly #stack: AsyncDisposableStack

  private constructor(
    servers: readonly ServerProcess[],
    clientLinks: readonly Link[],
    peerLinks: ReadonlyMap<string, Link>,
    stack: AsyncDisposableStack,
  ) {
    this.servers = servers
    this.clientLinks = clientLinks
    this.peerLinks = peerLinks
    this.#stack = stack
  }

  static async start(options: TortureOptions, directory: string): Promise<Cluster> {
    await using stack = new AsyncDisposableStack()
    const chance = seededChance(options.seed)
    const { servers: count, ...shared } = { ...options, directory, settings: settings(chance) }
    const numbers = Array.from({ length: count }, (_, number) => number)
    const servers = numbers.map((number) =>
      stack.use(new ServerProcess({ ...shared, number, servers: count })),
    )
    const open = async (name: string, port: number, target: number): Promise<Link> =>
      stack.use(await Link.open(name, port, target, seededChance(options.seed + port)))
    const clientLinks: Link[] = []
    const peerLinks = new Map<string, Link>()
    for (const { name, number, ports } of servers) {
      const port = clientLinkPort(options.firstPort, number)
      clientLinks.push(await open(`clients>${name}`, port, ports.http))
      for (const from of numbers.filter((other) => other !== number)) {
        const link = `${servers[from]?.name}>${name}`
        const listen = peerLinkPort(options.firstPort, from, number)
        peerLinks.set(`${from}>${number}`, await open(link, listen, ports.server))
      }
    }
    for (const server of servers) server.start()
    const cluster = new Cluster(servers, clientLinks, peerLinks, stack.move())
    try {
      await cluster.untilWritable('start')
      return cluster
    } catch (error) {
      const words = await Promise.all(servers.map((server) => server.lastWords()))
      await cluster[Symbol.asyncDispose]()
      throw new Error(`${describeError(error)}:\n${words.join('\n')}`, { cause: error })
    }
  }

  get doors(): Door[] {
    return this.servers.map((server, number) => ({
      port: must(this.clientLinks[number], 'a link').port,
      name: () => `${server.name} life ${server.life}`,
    }))
  }

  link(from: number, to: number): Link {
    return must(this.peerLinks.get(`${from}>${to}`), 'a link')
  }

  /** Who leads, by the word of most; asked past all links. Who was deposed may take itself for the leader a while longer. */
  async leader(): Promise<ServerProcess | undefined> {
    const found = Promise.withResolvers<ServerProcess | undefined>()
    const votes = new Map<ServerProcess, number>()
    const asking = this.servers.map(async (server) => {
      const led = await this.leaderOf(server)
      if (led === undefined) return
      votes.set(led, (votes.get(led) ?? 0) + 1)
      if ((votes.get(led) ?? 0) > this.servers.length / 2) found.resolve(led)
    })
    void Promise.all(asking).then(() => found.resolve(undefined))
    return found.promise
  }

  /** Whom this server calls its leader. */
  async leaderOf(server: ServerProcess): Promise<ServerProcess | undefined> {
    const text = await this.#get(server, '/status/leader', 500)
    return this.servers.find(({ ports }) => text?.includes(`:${ports.server}"`))
  }

  /** Whether everything that one says comes to the other. */
  connects(one: ServerProcess, other: ServerProcess): boolean {
    return [this.link(one.number, other.number), this.link(other.number, one.number)].every(
      ({ passes }) => passes,
    )
  }

  /** Who is in the cluster, as this server knows it; nobody when it does not answer. */
  async members(server: ServerProcess): Promise<readonly Member[]> {
    const text = await this.#get(server, '/operator/raft/configuration?stale', 500)
    return (JSON.parse(text ?? '{"Servers":[]}') as { readonly Servers: Member[] }).Servers
  }

  /** Whether the leader counts exactly these servers as voters: only then can one be lost for good. */
  async isWhole(): Promise<boolean> {
    const leader = await this.leader()
    if (leader === undefined) return false
    const members = await this.members(leader)
    const ids = await Promise.all(this.servers.map((server) => server.nodeId()))
    return (
      members.length === ids.length && members.every(({ ID, Voter }) => Voter && ids.includes(ID))
    )
  }

  /** Everything works again, and every process is there. */
  heal(): void {
    for (const link of [...this.clientLinks, ...this.peerLinks.values()]) link.heal()
    for (const server of this.servers) {
      server.resume()
      server.start()
    }
  }

  /** Resolves once a write is taken and every server has it; rejects with who does not. */
  async untilConverged(marker: string): Promise<void> {
    await this.untilWritable(marker)
    const deadline = performance.now() + startMs
    for (const server of this.servers)
      for (;;) {
        const text = await this.#get(server, '/kv/torture/marker?stale&raw', 1000)
        if (text === marker) break
        if (performance.now() > deadline)
          throw new Error(`${server.name} does not have what was written after all was healed`)
        await nap(50)
      }
  }

  async untilWritable(marker: string): Promise<void> {
    const deadline = performance.now() + startMs
    for (;;)
      for (const { ports } of this.servers) {
        const put = { method: 'PUT', path: '/kv/torture/marker', body: marker } as const
        const outcome = await this.#asking.send(ports.http, put, noSignal)
        if (outcome.kind === 'answered' && outcome.text === 'true') return
        const deaths = this.servers.flatMap((server) => server.deaths)
        if (deaths.length > 0) throw new Error(deaths.join(', '))
        if (performance.now() > deadline) throw new Error(`no write is taken at ${marker}`)
        await nap(50)
      }
  }

  /** A consistent read of everything under a prefix, from whoever answers first. */
  async list(prefix: string): Promise<ReadonlyMap<string, string>> {
    for (const server of this.servers) {
      const text = await this.#get(server, `/kv/${prefix}?recurse&consistent`, 30_000)
      if (text === undefined) continue
      const rows = (text === '' ? [] : JSON.parse(text)) as { Key: string; Value: string | null }[]
      return new Map(
        rows.map(({ Key, Value }) => [Key, Buffer.from(Value ?? '', 'base64').toString()]),
      )
    }
    throw new Error(`nobody lists ${prefix}`)
  }

  /** Where the last marker stands in the log. */
  async markerIndex(): Promise<number> {
    for (const server of this.servers) {
      const text = await this.#get(server, '/kv/torture/marker?consistent', 10_000)
      const [row] = JSON.parse(text ?? '[]') as { readonly ModifyIndex: number }[]
      if (row !== undefined) return row.ModifyIndex
    }
    throw new Error('nobody has the marker')
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#asking[Symbol.dispose]()
    await this.#stack.disposeAsync()
  }

  async #get(server: ServerProcess, path: string, timeoutMs: number): Promise<string | undefined> {
    const ask = { method: 'GET', path, timeoutMs } as const
    const outcome = await this.#asking.send(server.ports.http, ask, noSignal)
    return outcome.kind === 'answered' ? outcome.text : undefined
  }
}

const noSignal = new AbortController().signal
