import t from 'tap'

import { must } from '../../../../server/model/assert.ts'
import { createRaft, type Raft } from '../../../../server/raft/driver.ts'
import type { RaftOptions } from '../../../../server/raft/options.ts'
import { MemoryLog } from '../../../../server/raft/storage/memory-log.ts'
import { MemorySnapshots } from '../../../../server/raft/storage/memory-snapshots.ts'
import { emptyMembership, type Entry } from '../../../../server/raft/types.ts'
import { seededChance } from '../../../../server/runtime/chance.ts'
import { systemClock } from '../../../../server/runtime/clock.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { noMetrics } from '../../../../server/runtime/metrics.ts'
import { openWire, until, type Wire } from '../../../support/raft-wire.ts'
import { TcpProxy } from '../../../support/tcp-proxy.ts'

/** Three servers of Raft over real sockets, with a way that can be broken between each two of them. */
const ids = ['a', 'b', 'c'] as const
const seed = Number(process.env['SEED'] ?? 7)

interface Server {
  readonly id: string
  readonly raft: Raft<string>
  readonly lines: string[]
}

interface Cluster extends AsyncDisposable {
  readonly servers: readonly Server[]
  /** From one server to another. */
  readonly ways: readonly { readonly from: string; readonly to: string; readonly proxy: TcpProxy }[]
  leader(): Server | undefined
}

async function startCluster(options: Partial<RaftOptions<string>> = {}): Promise<Cluster> {
  const stack = new AsyncDisposableStack()
  const wires = new Map<string, Wire>()
  const ways: { from: string; to: string; proxy: TcpProxy; address: string }[] = []
  for (const from of ids)
    for (const to of ids.filter((id) => id !== from)) {
      const proxy = stack.use(new TcpProxy(() => must(wires.get(to), 'the wire is open').port))
      ways.push({ from, to, proxy, address: await proxy.listen() })
    }
  for (const id of ids) {
    // The addresses of a membership are names here, and mean the way from whoever dials.
    const dial = (to: string): string =>
      ways.find((way) => way.from === id && `${way.to}:8300` === to)?.address ?? to
    wires.set(id, stack.use(await openWire({ id, dial })))
  }
  const addresses = Object.fromEntries(ids.map((id) => [id, `${id}:8300`]))
  const servers: Server[] = []
  for (const [position, id] of ids.entries()) {
    const { transport } = must(wires.get(id), 'the wire is open')
    const lines: string[] = []
    const raft = await createRaft<string>({
      id,
      config: { electionTimeoutMinMs: 400, heartbeatMs: 50, leaseGuardMs: 50 },
      bootstrap: { ...emptyMembership, voters: ids, addresses },
      logStore: new MemoryLog(),
      snapshots: new MemorySnapshots(),
      stateMachine: {
        apply: (entries: readonly Entry[]) =>
          entries.map(({ kind, payload }) => {
            const line = Buffer.from(payload).toString()
            if (kind === 'command') lines.push(line)
            return line
          }),
        snapshot: () => [Buffer.from(JSON.stringify(lines))],
        async restore(chunks) {
          const parts = await Array.fromAsync(chunks)
          lines.splice(0, Infinity, ...(JSON.parse(Buffer.concat(parts).toString()) as string[]))
        },
      },
      clock: systemClock,
      chance: seededChance(seed + position),
      log: noLog,
      metrics: noMetrics,
      fatal(error) {
        throw error
      },
      send: (messages) => transport.send(messages),
      onMembership: (membership) => transport.setPeers(membership.addresses),
      ...options,
    })
    transport.onMessage((from, message) => raft.receive(from, message))
    transport.onUnreachable((to) => raft.unreachable(to))
    stack.use(raft)
    servers.push({ id, raft, lines })
  }
  return {
    servers,
    ways,
    leader: () => servers.find(({ raft }) => raft.isLeader()),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function led(cluster: Cluster): Promise<Server> {
  await until(() => cluster.leader() !== undefined)
  return must(cluster.leader(), 'there is a leader')
}

/** Proposes until it was done, whoever leads; it may be done twice where nobody could say. */
async function insist(cluster: Cluster, line: string): Promise<void> {
  for (;;) {
    const { raft } = await led(cluster)
    try {
      return void (await raft.propose(Buffer.from(line)))
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

t.test('three servers agree on 5,000 entries while their connections break', async (t) => {
  t.comment(`SEED=${seed}`)
  await using cluster = await startCluster()
  const chance = seededChance(seed)
  const { servers, ways } = cluster
  let next = 0
  let broken = 0
  const work = async (): Promise<void> => {
    while (next < 5000) {
      next += 1
      if (next % 200 === 0) {
        const way = must(ways[Math.floor(chance.fraction() * ways.length)], 'a way')
        way.proxy.breakAll()
        broken += 1
      }
      await insist(cluster, `line ${next}`)
    }
  }
  await Promise.all(Array.from({ length: 64 }, work))
  const [first, second, third] = servers
  await until(() => servers.every(({ lines }) => lines.length === first?.lines.length))
  t.same(second?.lines, first?.lines)
  t.same(third?.lines, first?.lines)
  t.ok(
    first !== undefined && new Set(first.lines).size >= 5000,
    'all that was acknowledged is there',
  )
  t.equal(broken, 25)
})

t.test('who was cut off is sent a snapshot over the wire', async (t) => {
  await using cluster = await startCluster({
    rhythm: { entriesMax: 200, bytesMax: Infinity, shareMin: 0 },
    config: { electionTimeoutMinMs: 400, heartbeatMs: 50, leaseGuardMs: 50, trailingEntries: 20 },
  })
  const { servers, ways } = cluster
  const leader = await led(cluster)
  const behind = must(
    servers.find(({ id }) => id !== leader.id),
    'a follower',
  )
  const itsWays = ways.filter(({ from, to }) => from === behind.id || to === behind.id)
  for (const { proxy } of itsWays) proxy.close()
  const filler = 'x'.repeat(4000)
  for (let each = 0; each < 700; each += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, more) => insist(cluster, `${each + more} ${filler}`)),
    )
  for (const { proxy } of itsWays) proxy.open()
  await until(() => behind.lines.length >= 700)
  t.same(behind.lines.toSorted(), leader.lines.toSorted())
  t.ok(Number(behind.raft.stats().last_snapshot_index) > 200, 'by a snapshot of several chunks')
})

t.test('leadership goes to whom it is handed', async (t) => {
  await using cluster = await startCluster()
  const leader = await led(cluster)
  await insist(cluster, 'before')
  const successor = must(
    cluster.servers.find(({ id }) => id !== leader.id),
    'a follower',
  )
  leader.raft.transferLeadership(successor.id)
  await until(() => successor.raft.isLeader() && !leader.raft.isLeader())
  await insist(cluster, 'after')
  await until(() => cluster.servers.every(({ lines }) => lines.length === 2))
  t.same(leader.lines, ['before', 'after'])
})
