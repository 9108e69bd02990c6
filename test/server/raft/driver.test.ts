import t from 'tap'

import { must } from '../../../server/model/assert.ts'
import type { Outbound } from '../../../server/raft/core/messages.ts'
import { createRaft, type Raft } from '../../../server/raft/driver.ts'
import type { RaftOptions } from '../../../server/raft/options.ts'
import { restorationMark } from '../../../server/raft/restoration.ts'
import type { StateMachine } from '../../../server/raft/state-machine.ts'
import { MemoryLog } from '../../../server/raft/storage/memory-log.ts'
import { MemorySnapshots } from '../../../server/raft/storage/memory-snapshots.ts'
import type { LogStore, SnapshotStore } from '../../../server/raft/storage/port.ts'
import { openSnapshots } from '../../../server/raft/storage/snapshots.ts'
import { openWal } from '../../../server/raft/storage/wal.ts'
import { bounds, emptyMembership, type Entry } from '../../../server/raft/types.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics, type Metrics } from '../../../server/runtime/metrics.ts'
import { settle, VirtualClock } from '../../support/clock.ts'
import { errorWith, SimulatedDisk } from '../../support/disk.ts'
import { tiny } from '../../support/wal.ts'

const text = (payload: Uint8Array): string => Buffer.from(payload).toString()
const bytes = (line: string): Uint8Array => new Uint8Array(Buffer.from(line))

/** A state that is the list of all it was told, and answers with where it stands. */
class Journal implements StateMachine<string> {
  lines: string[] = []
  index = 0
  /** Called with every slice, before it is applied. */
  onApply: (entries: readonly Entry[]) => void = () => {}

  apply(entries: readonly Entry[]): readonly string[] {
    this.onApply(entries)
    return entries.map((entry) => {
      this.index = entry.index
      if (entry.kind === 'command') this.lines.push(text(entry.payload))
      return `${text(entry.payload)}@${entry.index}`
    })
  }

  snapshot(): Iterable<Uint8Array> {
    return [JSON.stringify({ index: this.index }), ...this.lines].map(bytes)
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const found: string[] = []
    for await (const chunk of chunks) found.push(text(chunk))
    const head = JSON.parse(found.shift() ?? '') as { readonly index: number }
    this.lines = found
    this.index = head.index
  }
}

interface Started {
  readonly raft: Raft<string>
  readonly journal: Journal
  readonly clock: VirtualClock
  readonly fatal: Error[]
  readonly logStore: LogStore
  readonly snapshots: SnapshotStore
  [Symbol.asyncDispose](): Promise<void>
}

const alone = { ...emptyMembership, voters: ['a'], addresses: { a: '127.0.0.1:8300' } }
const three = {
  ...emptyMembership,
  voters: ['a', 'b', 'c'],
  addresses: { a: '127.0.0.1:8300', b: '127.0.0.2:8300', c: '127.0.0.3:8300' },
}

async function start(options: Partial<RaftOptions<string>> = {}): Promise<Started> {
  const clock = new VirtualClock()
  const journal = new Journal()
  const fatal: Error[] = []
  const logStore = options.logStore ?? new MemoryLog()
  const snapshots = options.snapshots ?? new MemorySnapshots()
  const raft = await createRaft<string>({
    id: 'a',
    bootstrap: alone,
    logStore,
    snapshots,
    stateMachine: journal,
    clock,
    chance: seededChance(1),
    log: noLog,
    metrics: noMetrics,
    fatal: (error) => void fatal.push(error),
    ...options,
  })
  return {
    raft,
    journal,
    clock,
    fatal,
    logStore,
    snapshots,
    [Symbol.asyncDispose]: () => raft[Symbol.asyncDispose](),
  }
}

/** Lets a server that is alone become leader. */
async function lead(started: Started): Promise<Started> {
  for (let turn = 0; turn < 100 && !started.raft.isLeader(); turn += 1)
    await started.clock.advance(50)
  return started
}

/** Turns of the loop until it is so. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn += 1) await settle()
}

/** A WAL and its snapshots on a disk that outlives the process. */
async function storesOn(
  disk: SimulatedDisk,
): Promise<Pick<RaftOptions<string>, 'logStore' | 'snapshots'>> {
  const logStore = await openWal({
    disk,
    directory: '/raft/wal',
    clusterId: 'dc1',
    nodeId: 'a',
    clock: new VirtualClock(),
    log: noLog,
    fatal(error) {
      throw error
    },
    sizes: tiny,
  })
  return {
    logStore,
    snapshots: await openSnapshots({ disk, directory: '/raft/snapshots', log: noLog }),
  }
}

t.test('a proposal resolves with what the state machine gave for it', async (t) => {
  await using started = await lead(await start())
  const { journal, raft } = started
  t.equal(await raft.propose(bytes('one')), 'one@3', 'after the first membership and the noop')
  t.same(await Promise.all(['two', 'three'].map((line) => raft.propose(bytes(line)))), [
    'two@4',
    'three@5',
  ])
  t.same(journal.lines, ['one', 'two', 'three'])
  t.equal(raft.appliedIndex(), 5)
  t.equal(raft.leader(), 'a')
})

t.test('proposals of one turn go to the log together', async (t) => {
  const logStore = new MemoryLog()
  await using started = await lead(await start({ logStore }))
  const sizes: number[] = []
  const append = logStore.append.bind(logStore)
  logStore.append = (batch, durable) => {
    sizes.push(batch.entries.length)
    append(batch, durable)
  }
  await Promise.all(Array.from({ length: 50 }, (_, each) => started.raft.propose(bytes(`${each}`))))
  t.same(
    sizes.filter((size) => size > 0),
    [50],
  )
})

t.test('a server that is alone leads at once and reads without asking', async (t) => {
  await using started = await start()
  const { raft } = started
  t.notOk(raft.leaseValid())
  const seen: boolean[] = []
  raft.onLeadership((leading) => {
    seen.push(leading)
    t.equal(raft.leaseValid(), leading)
  })
  await lead(started)
  t.same(seen, [true])
  t.ok(raft.leaseValid())
  t.equal(raft.lastContactMs(), 0)
  t.equal(await raft.readIndex(), 2)
  await raft[Symbol.asyncDispose]()
  t.same(seen, [true, false])
  t.notOk(raft.leaseValid())
})

t.test('what can not be taken is refused, and why is said', async (t) => {
  await using leader = await lead(
    await start({ proposalBounds: { proposalsMax: 4, payloadBytesMax: 1000 } }),
  )
  const { raft } = leader
  await t.rejects(raft.propose(new Uint8Array(bounds.payloadBytesMax + 1)), {
    kind: 'too-large',
    message: /a log entry of 1048577 bytes exceeds the limit of 1048576/,
  })
  await t.rejects(raft.propose(new Uint8Array(1001)), {
    message: 'timed out enqueuing operation',
  })
  const taken = ['a', 'b', 'c', 'd'].map((line) => raft.propose(bytes(line)))
  await t.rejects(raft.propose(bytes('e')), {
    kind: 'limited',
    message: 'timed out enqueuing operation',
  })
  await Promise.all(taken)
  t.match(await raft.propose(bytes('f')), 'f@', 'once there is room again')
  t.throws(() => raft.propose(Uint8Array.of(restorationMark)), { name: 'AssertionFailed' })

  await using follower = await start({ bootstrap: three })
  await t.rejects(follower.raft.propose(bytes('x')), { message: 'node is not the leader' })
  await t.rejects(follower.raft.readIndex(), { message: 'node is not the leader' })
  t.equal(follower.raft.lastContactMs(), Infinity)
})

t.test('a full disk refuses proposals', async (t) => {
  const logStore = new MemoryLog()
  await using started = await lead(await start({ logStore }))
  logStore.hasRoom = () => false
  await t.rejects(started.raft.propose(bytes('x')), {
    kind: 'unavailable',
    message:
      "the data directory's disk is full or does not keep up, and no other server could write instead",
  })
})

t.test('a follower whose disk is full takes no entries, and goes on following', async (t) => {
  await using cluster = await startThree()
  const { clock, servers } = cluster
  const leader = (): Started | undefined => servers.find(({ raft }) => raft.isLeader())
  for (let turn = 0; turn < 100 && !leader(); turn += 1) await clock.advance(50)
  const [first, full] = [leader(), servers.find(({ raft }) => !raft.isLeader())]
  if (first === undefined || full === undefined) throw new Error('no leader')
  full.logStore.hasRoom = () => false
  const before = full.raft.lastEntry()
  for (const line of ['a', 'b', 'c']) {
    const proposed = first.raft.propose(bytes(line))
    await clock.advance(300)
    await proposed
  }
  t.same(full.raft.lastEntry(), before)
  t.ok(full.raft.lastContactMs() < 300)
  full.logStore.hasRoom = () => true
  await clock.advance(1000)
  t.same(full.journal.lines, ['a', 'b', 'c'])
})

t.test('everybody is told who was elected, before that one leads', async (t) => {
  await using cluster = await startThree()
  const { clock, servers } = cluster
  const told: unknown[] = []
  for (const { raft } of servers) {
    raft.onLeader(() => told.push([raft.leader(), raft.isElected(), raft.isLeader()]))
    raft.onLeadership((leading) => told.push(leading))
  }
  for (let turn = 0; turn < 100 && told.length < 4; turn += 1) await clock.advance(50)
  const leader = servers.find(({ raft }) => raft.isLeader())
  const id = leader?.raft.leader()
  t.strictSame(told[0], [id, true, false], 'itself first, when it does not lead yet')
  t.strictSame(
    told.filter((each) => Array.isArray(each) && each[1] === false),
    [
      [id, false, false],
      [id, false, false],
    ],
  )
  t.strictSame(
    told.filter((each) => typeof each === 'boolean'),
    [true],
  )
})

t.test('who waits when it shuts down is told', async (t) => {
  const { raft } = await lead(await start())
  const waiting: Promise<unknown>[] = [raft.propose(bytes('x')), raft.readIndex()]
  const disposed = raft[Symbol.asyncDispose]()
  for (const each of waiting) await t.rejects(each, { message: 'raft is already shutdown' })
  await disposed
  await t.rejects(raft.propose(bytes('y')), { message: 'raft is already shutdown' })
  await t.rejects(raft.snapshot(), { message: 'raft is already shutdown' })
})

t.test('who is told at a shutdown that it is unknown is whose entry is in the log', async (t) => {
  await using cluster = await startThree()
  const { clock, cut, servers } = cluster
  const leader = (): Started | undefined => servers.find(({ raft }) => raft.isLeader())
  for (let turn = 0; turn < 100 && !leader(); turn += 1) await clock.advance(50)
  const last = leader()
  if (last === undefined) throw new Error('no leader')
  const { raft } = last
  cut.add(raft)
  const waiting: Promise<unknown>[] = [
    raft.propose(bytes('in the log')),
    raft.changeMembership([{ kind: 'addLearner', id: 'd', address: '127.0.0.4:8300' }]),
  ]
  await settle()
  waiting.push(raft.propose(bytes('waiting')))
  const told = Promise.allSettled(waiting)
  await raft[Symbol.asyncDispose]()
  const messages = (await told).map((each) => each.status === 'rejected' && String(each.reason))
  t.match(messages, [
    /leadership lost while committing log/,
    /leadership lost while committing log/,
    /raft is already shutdown/,
  ])
})

t.test('an abort ends the waiting and not the proposal', async (t) => {
  await using started = await lead(await start())
  const aborting = new AbortController()
  const proposed = started.raft.propose(bytes('x'), aborting.signal)
  aborting.abort(new Error('enough'))
  await t.rejects(proposed, { message: 'enough' })
  await until(() => started.journal.lines.length > 0)
  t.same(started.journal.lines, ['x'])
  await t.rejects(started.raft.propose(bytes('y'), AbortSignal.abort(new Error('before'))), {
    message: 'before',
  })
})

t.test('a long backlog is applied in slices', async (t) => {
  await using started = await lead(await start())
  const { clock, journal, raft } = started
  const slices: number[] = []
  let turns = 0
  journal.onApply = (entries) => {
    slices.push(entries.length)
    const nowMs = clock.monotonicMs() + 1
    clock.monotonicMs = () => nowMs
  }
  const counting = setInterval(() => (turns += 1), 0)
  await Promise.all(Array.from({ length: 1000 }, (_, each) => raft.propose(bytes(`${each}`))))
  clearInterval(counting)
  t.ok(
    slices.every((size) => size <= 64),
    slices.join(' '),
  )
  t.equal(journal.lines.length, 1000)
  t.ok(turns > 0, 'timers fire in between')
})

t.test('a state machine that throws is fatal', async (t) => {
  await using started = await lead(await start())
  started.journal.onApply = () => {
    throw new Error('a bug')
  }
  await t.rejects(started.raft.propose(bytes('x')), {
    message: 'leadership lost while committing log',
  })
  t.match(started.fatal, [{ message: 'a bug' }])
})

t.test('what was acknowledged is there after a crash', async (t) => {
  const disk = new SimulatedDisk()
  const before = await lead(await start(await storesOn(disk)))
  await Promise.all(
    Array.from({ length: 100 }, (_, each) => before.raft.propose(bytes(`line ${each}`))),
  )
  const crashed = disk.crashed(disk.time, 'all', seededChance(1))
  await before.raft[Symbol.asyncDispose]()

  await using after = await lead(await start(await storesOn(crashed)))
  t.same(after.journal.lines, before.journal.lines)
  t.same(after.raft.membership(), alone)
  t.ok(Number(after.raft.stats().term) > Number(before.raft.stats().term))
})

t.test('a large state is not written anew for every few entries', async (t) => {
  const snapshots = new MemorySnapshots()
  const taken: number[] = []
  const write = snapshots.write.bind(snapshots)
  snapshots.write = async (meta, ...rest) => {
    taken.push(meta.index)
    return write(meta, ...rest)
  }
  const rhythm = { entriesMax: 10, bytesMax: Infinity, shareMin: 0.5 }
  await using started = await lead(await start({ snapshots, rhythm }))
  for (let each = 0; each < 500; each += 1) await started.raft.propose(bytes(`line ${each}`))
  t.ok(taken.length > 3)
  const steps = taken.slice(1).map((index, place) => index / must(taken[place], 'one before'))
  t.ok(
    steps.slice(2).every((step) => step > 1.3),
    `each when the log has grown with the state: ${taken.join(' ')}`,
  )
})

t.test('snapshots are taken of its own accord, and the log is cut', async (t) => {
  const disk = new SimulatedDisk()
  const options = {
    rhythm: { entriesMax: 50, bytesMax: Infinity, shareMin: 0 },
    config: { trailingEntries: 10 },
  }
  const stores = await storesOn(disk)
  const before = await lead(await start({ ...stores, ...options }))
  for (let each = 0; each < 300; each += 1) await before.raft.propose(bytes(`line ${each}`))
  await until(() => stores.logStore.firstIndex() > 200)
  t.ok(stores.logStore.firstIndex() > 200, `from ${stores.logStore.firstIndex()}`)
  t.ok(stores.snapshots.list().length <= 2)
  t.ok(Number(before.raft.stats().last_snapshot_index) > 200)
  await before.raft[Symbol.asyncDispose]()

  await using after = await lead(await start({ ...(await storesOn(disk.reopened())), ...options }))
  t.same(after.journal.lines, before.journal.lines)
  t.equal(await after.raft.propose(bytes('more')), `more@${before.journal.index + 2}`)
})

t.test(
  'a snapshot that the disk had no room for is taken later, and nothing is lost',
  async (t) => {
    const disk = new SimulatedDisk()
    const stores = await storesOn(disk)
    const told: string[] = []
    const error = (fields: object, message = ''): void =>
      void told.push(`${message} ${JSON.stringify(fields)}`)
    await using started = await lead(
      await start({
        ...stores,
        rhythm: { entriesMax: 10, bytesMax: Infinity, shareMin: 0 },
        log: { ...noLog, error, child: () => noLog },
      }),
    )
    const { clock, fatal, journal, raft } = started
    disk.fault = (call, path) =>
      call === 'write' && path.includes('/snapshots/') ? errorWith('ENOSPC', path) : undefined
    for (let each = 0; each < 30; each += 1) await raft.propose(bytes(`line ${each}`))
    await settle()
    t.equal(told.length, 1, 'it is left alone for a while')
    t.match(told[0], /^failed to take snapshot: nothing is lost.*ENOSPC.*"retry_ms":5000/)
    t.same(stores.snapshots.list(), [])
    t.notOk(
      disk.paths().some((path) => path.includes('/snapshots/')),
      'nothing of it is left',
    )

    await clock.advance(5100)
    t.match(told[1], /"retry_ms":10000/)
    disk.fault = () => undefined
    await clock.advance(10_100)
    await until(() => stores.snapshots.list().length > 0)
    t.equal(stores.snapshots.list().length, 1, 'though nothing was written meanwhile')
    t.equal(journal.lines.length, 30)
    t.same(fatal, [])
  },
)

t.test('a snapshot that is asked for is the state as it was, and is taken once', async (t) => {
  await using started = await lead(await start())
  const { raft } = started
  await raft.propose(bytes('one'))
  const [first, second] = await Promise.all([raft.snapshot(), raft.snapshot()])
  t.equal(first.index, 3)
  t.same(first.meta, second.meta)
  await raft.propose(bytes('two'))
  const chunks: string[] = []
  for await (const chunk of first.read()) chunks.push(text(chunk))
  t.same(chunks, ['{"index":3}', 'one'])
  t.equal((await raft.snapshot()).index, 4)
})

t.test('an archive replaces the state, at one place between two writes', async (t) => {
  await using source = await lead(await start())
  for (const line of ['one', 'two']) await source.raft.propose(bytes(line))
  const { index, read } = await source.raft.snapshot()

  const disk = new SimulatedDisk()
  const target = await lead(await start(await storesOn(disk)))
  const { journal, raft } = target
  await raft.propose(bytes('old'))
  const restored = raft.restore({ index: index + 1000, chunks: read() })
  const during = raft.propose(bytes('meanwhile'))
  await restored
  t.equal(await during, 'meanwhile@1006', 'after the archive, above its index')
  t.same(journal.lines, ['one', 'two', 'meanwhile'])
  t.equal(raft.appliedIndex(), 1006)
  t.equal(await raft.readIndex(), 1006)
  t.equal(raft.stats().applied_index, '1006')
  await raft.snapshot()
  await raft.propose(bytes('later'))
  await raft[Symbol.asyncDispose]()

  await using again = await lead(await start(await storesOn(disk.reopened())))
  t.same(again.journal.lines, ['one', 'two', 'meanwhile', 'later'])
  t.equal(again.raft.appliedIndex(), 1008, 'the next index still follows, one noop later')
})

t.test('an archive larger than an entry goes in several', async (t) => {
  await using started = await lead(await start())
  const line = 'x'.repeat(2_500_000)
  await started.raft.restore({ index: 7, chunks: [bytes('{"index":7}'), bytes(line), bytes('y')] })
  t.ok(started.journal.lines[0] === line)
  t.equal(started.journal.lines[1], 'y')
})

t.test('an archive that is bad, or ends early, changes nothing', async (t) => {
  await using started = await lead(await start())
  const { journal, raft } = started
  await raft.propose(bytes('kept'))
  await t.rejects(raft.restore({ index: 9, chunks: [bytes('no json')] }), {
    message: 'failed to restore the snapshot',
  })
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield bytes('{"index":9}')
    yield new Uint8Array(2_000_000)
    throw new Error('the upload ended')
  }
  await t.rejects(raft.restore({ index: 9, chunks: broken() }), { message: 'the upload ended' })
  t.match(await raft.propose(bytes('next')), 'next@')
  t.same(journal.lines, ['kept', 'next'])
  t.ok((await raft.snapshot()).index > 3)
})

t.test('the members of a cluster write to each other through the port', async (t) => {
  await using cluster = await startThree()
  const { clock, servers } = cluster
  const leaders = (): Started[] => servers.filter(({ raft }) => raft.isLeader())
  for (let turn = 0; turn < 100 && leaders().length === 0; turn += 1) await clock.advance(50)
  const [leader] = leaders()
  t.ok(leader, 'one is elected')
  if (leader === undefined) return
  const proposed = leader.raft.propose(bytes('shared'))
  await clock.advance(300)
  t.match(await proposed, 'shared@')
  const read = leader.raft.readIndex()
  await clock.advance(300)
  t.equal(await read, leader.raft.appliedIndex())
  t.ok(leader.raft.leaseValid())
  for (const { journal, raft } of servers) {
    t.same(journal.lines, ['shared'])
    t.equal(raft.leader(), leader.raft.leader())
    t.ok(raft.lastContactMs() < 300)
  }
  t.equal(leader.raft.stats().num_peers, '2')

  const changed = leader.raft.changeMembership([
    { kind: 'addLearner', id: 'd', address: '127.0.0.4:8300' },
  ])
  await clock.advance(300)
  await changed
  t.same(leader.raft.membership().learners, ['d'])
  await t.rejects(leader.raft.changeMembership([]), {
    message: 'the change of members is not valid',
  })

  leader.raft.transferLeadership(null)
  await clock.advance(500)
  t.notOk(leader.raft.isLeader())
  t.equal(leaders().length, 1)
})

t.test('a follower that is far behind is sent a snapshot', async (t) => {
  await using cluster = await startThree({
    rhythm: { entriesMax: 20, bytesMax: Infinity, shareMin: 0 },
    config: { trailingEntries: 5 },
  })
  const { clock, cut, servers } = cluster
  const leader = (): Started | undefined => servers.find(({ raft }) => raft.isLeader())
  for (let turn = 0; turn < 100 && !leader(); turn += 1) await clock.advance(50)
  const first = leader()
  const behind = servers.find((server) => server !== first)
  if (first === undefined || behind === undefined) throw new Error('no leader')
  cut.add(behind.raft)
  for (let each = 0; each < 100; each += 1) {
    const proposed = first.raft.propose(bytes(`line ${each}`))
    await clock.advance(10)
    await proposed
  }
  cut.clear()
  for (let turn = 0; turn < 100 && behind.journal.lines.length < 100; turn += 1)
    await clock.advance(100)
  t.same(behind.journal.lines, first.journal.lines)
  t.ok(Number(behind.raft.stats().last_snapshot_index) > 20)
})

t.test(
  'a follower without room for a snapshot is sent it again, and not all the time',
  async (t) => {
    await using cluster = await startThree({
      rhythm: { entriesMax: 20, bytesMax: Infinity, shareMin: 0 },
      config: { trailingEntries: 5 },
    })
    const { clock, cut, servers } = cluster
    const leader = (): Started | undefined => servers.find(({ raft }) => raft.isLeader())
    for (let turn = 0; turn < 100 && !leader(); turn += 1) await clock.advance(50)
    const first = leader()
    const behind = servers.find((server) => server !== first)
    if (first === undefined || behind === undefined) throw new Error('no leader')
    const { snapshots } = behind
    const writePart = snapshots.writePart.bind(snapshots)
    let refusals = 0
    snapshots.writePart = () => {
      refusals += 1
      return Promise.reject(errorWith('ENOSPC', 'the disk'))
    }
    cut.add(behind.raft)
    for (let each = 0; each < 50; each += 1) {
      const proposed = first.raft.propose(bytes(`line ${each}`))
      await clock.advance(10)
      await proposed
    }
    cut.clear()
    await clock.advance(20_000)
    t.ok(refusals > 0 && refusals < 4, `${refusals} attempts in 20 s`)
    snapshots.writePart = writePart
    await clock.advance(30_000)
    t.same(behind.journal.lines, first.journal.lines)
    t.same(behind.fatal, [])
  },
)

/** Three servers on one clock, whose messages arrive a turn later, or not at all from and to those that are cut off. */
async function startThree(options: Partial<RaftOptions<string>> = {}): Promise<{
  readonly clock: VirtualClock
  readonly servers: readonly Started[]
  readonly cut: Set<Raft<string>>
  [Symbol.asyncDispose](): Promise<void>
}> {
  const clock = new VirtualClock()
  const byId = new Map<string, Raft<string>>()
  const cut = new Set<Raft<string>>()
  const servers: Started[] = []
  for (const [position, id] of three.voters.entries()) {
    const send = (messages: readonly Outbound[]): void => {
      for (const { message, to } of messages)
        setImmediate(() => {
          const [from, target] = [byId.get(id), byId.get(to)]
          if (from === undefined || target === undefined) return
          if (!cut.has(from) && !cut.has(target)) target.receive(id, message)
        })
    }
    const chance = seededChance(position)
    const started = await start({ id, bootstrap: three, clock, chance, send, ...options })
    byId.set(id, started.raft)
    servers.push(started)
  }
  return {
    clock,
    servers,
    cut,
    async [Symbol.asyncDispose]() {
      for (const { raft } of servers) await raft[Symbol.asyncDispose]()
    },
  }
}

t.test('what it does is measured under the names that dashboards watch', async (t) => {
  const names = new Set<string>()
  const note = (name: string): void => void names.add(name)
  const metrics: Metrics = { gauge: note, count: note, sample: note }
  await using started = await lead(await start({ metrics }))
  await started.raft.propose(bytes('x'))
  await started.raft.readIndex()
  await started.raft.snapshot()
  t.same(
    [...names].toSorted(),
    [
      'raft.apply',
      'raft.commitNumLogs',
      'raft.commitTime',
      'raft.fsm.apply',
      'raft.fsm.snapshot',
      'raft.leader.dispatchLog',
      'raft.leader.dispatchNumLogs',
      'raft.snapshot.persist',
      'raft.snapshot.takeSnapshot',
      'raft.state.candidate',
      'raft.state.leader',
      'raft.verify_leader',
    ].toSorted(),
  )
})

t.test('its figures have the names and forms that consul info prints', async (t) => {
  await using started = await lead(await start())
  await started.raft.propose(bytes('x'))
  t.same(started.raft.stats(), {
    applied_index: '3',
    commit_index: '3',
    fsm_pending: '0',
    last_contact: '0',
    last_log_index: '3',
    last_log_term: '2',
    last_snapshot_index: '0',
    last_snapshot_term: '0',
    latest_configuration: '[{Suffrage:Voter ID:a Address:127.0.0.1:8300}]',
    latest_configuration_index: '1',
    num_peers: '0',
    protocol_version: '3',
    protocol_version_max: '3',
    protocol_version_min: '0',
    snapshot_version_max: '1',
    snapshot_version_min: '0',
    state: 'Leader',
    term: '2',
  })
})

t.test('storage that does not belong together is refused', async (t) => {
  const disk = new SimulatedDisk()
  const before = await lead(await start(await storesOn(disk)))
  await before.raft.propose(bytes('x'))
  await before.raft.snapshot()
  await before.raft.propose(bytes('y'))
  await settle()
  await before.raft[Symbol.asyncDispose]()
  const lost = disk.reopened()
  for (const path of lost.paths()) if (path.startsWith('/raft/wal/')) await lost.remove(path)
  await t.rejects(async () => start(await storesOn(lost)), {
    message: /there are snapshots and no log/,
  })
  for (const path of disk.paths()) if (path.includes('/snapshots/')) await disk.remove(path)
  await t.rejects(async () => start(await storesOn(disk.reopened())), {
    message: 'the log begins after snapshot 2-3, which is missing',
  })
})
