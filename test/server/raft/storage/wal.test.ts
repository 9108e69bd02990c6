import { join } from 'node:path'

import t from 'tap'

import { describeSegment } from '../../../../server/raft/storage/dump.ts'
import { nodeDisk } from '../../../../server/raft/storage/node-disk.ts'
import type { LogStore } from '../../../../server/raft/storage/port.ts'
import { openWal, type WalOptions } from '../../../../server/raft/storage/wal.ts'
import { systemClock } from '../../../../server/runtime/clock.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { settle, VirtualClock } from '../../../support/clock.ts'
import { errorWith, SimulatedDisk } from '../../../support/disk.ts'
import { appended, batch, entries, identity, snapshotAt, tiny } from '../../../support/wal.ts'

const directory = '/data/raft/wal'
const segment = (sequence: number): string =>
  join(directory, `${String(sequence).padStart(10, '0')}.wal`)
const segmentNames = (disk: SimulatedDisk): string[] =>
  disk.paths().filter((path) => path.endsWith('.wal'))

/** A spare while it is made, in the background. */
const isSpare = (path: string): boolean => path.endsWith('.tmp')

function open(disk: SimulatedDisk, options: Partial<WalOptions> = {}): Promise<LogStore> {
  return openWal({
    disk,
    directory,
    ...identity,
    clock: new VirtualClock(),
    log: noLog,
    fatal(error) {
      throw error
    },
    sizes: tiny,
    ...options,
  })
}

/** A disk with a log of so many entries, each in its own batch, closed. */
async function logged(count: number, sizeBytes = 100): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk()
  await using log = await open(disk)
  for (let index = 1; index <= count; index += 1)
    await appended(log, batch({ entries: entries(index, index, 1, sizeBytes) }))
  return disk
}

/** Where each batch of a segment begins, as the dump tells it. */
function batchOffsets(bytes: Uint8Array): number[] {
  return [...describeSegment(bytes)]
    .filter((line) => line.includes('  batch '))
    .map((line) => Number.parseInt(line, 16))
}

t.test('what was appended is there when the log is opened again', async (t) => {
  const disk = new SimulatedDisk()
  const membership = { ...(entries(3, 3, 2)[0] as never as object), kind: 'membership' } as never
  {
    await using log = await open(disk)
    await appended(
      log,
      batch({ hardState: { term: 2, vote: 'b', commit: 1 }, entries: entries(1, 2, 1) }),
    )
    await appended(log, batch({ entries: [membership] }))
    await appended(log, batch({ hardState: { term: 3, vote: null, commit: 99 } }))
  }
  await using log = await open(disk.reopened())
  t.same([log.firstIndex(), log.lastIndex()], [1, 3])
  t.same(log.entries(1, 3, 1000), [...entries(1, 2, 1), membership])
  t.same(log.recovered.memberships, [membership])
  t.same(
    log.recovered.hardState,
    { term: 3, vote: null, commit: 3 },
    'a commit index is no further than the log',
  )
})

t.test('a log goes over segments, and is compacted by whole ones', async (t) => {
  const disk = await logged(400)
  const before = segmentNames(disk).length
  t.ok(before > 4, `${before} segments`)
  {
    await using log = await open(disk)
    t.same(log.entries(1, 400, 1 << 20)[0], entries(1, 1, 1, 100)[0], 'read back from the disk')
    t.same(log.entries(123, 123, 0), entries(123, 123, 1, 100))
    await appended(
      log,
      batch({ hardState: { term: 7, vote: 'c', commit: 400 }, snapshot: snapshotAt(380, 1) }),
    )
    log.compact(350)
    t.equal(log.firstIndex(), 351)
  }
  t.ok(segmentNames(disk).length < before)
  t.equal(
    disk.paths().filter((path) => path.includes('spare-')).length,
    2,
    'two are kept as spares',
  )
  await using log = await open(disk.reopened())
  t.ok(log.firstIndex() <= 351 && log.firstIndex() > 1)
  t.equal(log.lastIndex(), 400)
  t.same(log.recovered.snapshot, snapshotAt(380, 1))
  t.same(log.recovered.hardState, { term: 7, vote: 'c', commit: 400 })
  t.same(log.entries(351, 351, 0), entries(351, 351, 1, 100))
})

t.test('a log whose every entry is compacted goes on where it was', async (t) => {
  const disk = await logged(300)
  {
    await using log = await open(disk)
    await appended(log, batch({ snapshot: snapshotAt(300, 1) }))
    log.compact(300)
    t.same([log.firstIndex(), log.lastIndex()], [301, 300])
  }
  await using log = await open(disk.reopened())
  t.equal(log.lastIndex(), 300)
  await appended(log, batch({ entries: entries(301, 301, 1) }))
  t.same(log.entries(301, 301, 0), entries(301, 301, 1))
})

t.test('batches that come while one is on its way go together', async (t) => {
  const disk = new SimulatedDisk()
  await using log = await open(disk)
  let syncs = 0
  disk.fault = (call, path) => {
    if (call === 'sync' && !isSpare(path)) syncs += 1
    return undefined
  }
  const done = Array.from({ length: 20 }, (_, position) =>
    appended(log, batch({ entries: entries(position + 1, position + 1, 1) })),
  )
  await Promise.all(done)
  t.equal(syncs, 2, 'the first alone, then the rest')
})

t.test('a write that was cut short is cut off, wherever it was cut', async (t) => {
  const whole = await logged(10)
  const offsets = batchOffsets(whole.bytesOf(segment(1)))
  const last = offsets.at(-1) as number
  for (const cut of [0, 1, 4, 8, 27, 32, 40, 60, 100, 160]) {
    const disk = whole.reopened()
    disk.bytesOf(segment(1)).fill(0, last + cut)
    const log = await open(disk)
    t.equal(log.lastIndex(), cut < 160 ? 9 : 10, `cut after ${cut} bytes`)
    const next = log.lastIndex() + 1
    await appended(log, batch({ entries: entries(next, next, 2) }))
    await log[Symbol.asyncDispose]()
    const again = await open(disk.reopened())
    t.equal(again.lastIndex(), next)
    t.same(again.entries(next, next, 0), entries(next, next, 2))
    await again[Symbol.asyncDispose]()
  }
})

t.test('damage before the last batch is refused, by file and offset', async (t) => {
  const whole = await logged(300)
  const count = segmentNames(whole).length
  for (const [sequence, at] of [
    [1, 0],
    [1, 5],
    [2, 3],
    [count, 0],
  ] as const) {
    const disk = whole.reopened()
    const bytes = disk.bytesOf(segment(sequence))
    const offset = batchOffsets(bytes)[at] as number
    bytes[offset + 50] = (bytes[offset + 50] as number) ^ 0x10
    await t.rejects(
      open(disk),
      {
        message: new RegExp(
          `^${segment(sequence)} is damaged at offset ${offset}: a batch fails its checksum, and entries that were acknowledged come after it\\. `,
        ),
      },
      `segment ${sequence}, batch ${at}`,
    )
  }
})

t.test('a batch that vanished from the middle is refused', async (t) => {
  const disk = await logged(10)
  const bytes = disk.bytesOf(segment(1))
  const offset = batchOffsets(bytes)[4] as number
  bytes.fill(0, offset, offset + 160)
  await t.rejects(open(disk), { message: /is damaged at offset \d+: a batch is missing/ })
})

t.test('a segment that is gone is refused', async (t) => {
  const whole = await logged(300)
  const count = segmentNames(whole).length
  for (const sequence of [2, count]) {
    const disk = whole.reopened()
    await disk.remove(segment(sequence))
    await t.rejects(open(disk), {
      message: new RegExp(`^${segment(sequence)} is missing, and the log needs it\\.`),
    })
  }
  const disk = whole.reopened()
  await disk.remove(segment(1))
  await t.rejects(open(disk), { message: /does not hold entries 1 to \d+, and no snapshot does/ })
})

t.test('a header that is damaged is refused', async (t) => {
  const disk = await logged(300)
  disk.bytesOf(segment(2))[70] = 1
  await t.rejects(open(disk), { message: /2\.wal is damaged at offset 0: its header is not valid/ })
})

t.test('a segment in the place of another is refused', async (t) => {
  const disk = await logged(400)
  disk.remember(segment(2), disk.bytesOf(segment(3)).slice())
  await t.rejects(open(disk), { message: /does not continue the log before it/ })
})

t.test("another server's log is refused in one sentence", async (t) => {
  const disk = await logged(1)
  await t.rejects(open(disk.reopened(), { nodeId: 'ffff' }), {
    message: `the log in ${directory} belongs to server ${identity.nodeId}, and this is server ffff`,
  })
  await t.rejects(open(disk.reopened(), { clusterId: 'dc2' }), {
    message: `the log in ${directory} belongs to cluster dc1, and this server to dc2`,
  })
})

t.test('two agents can not open one log', async (t) => {
  const disk = new SimulatedDisk()
  const log = await open(disk)
  await t.rejects(open(disk), {
    message: `the log in ${directory} is in use by another agent`,
  })
  await log[Symbol.asyncDispose]()
  await (await open(disk))[Symbol.asyncDispose]()
})

t.test("the machine's own disk locks, and lets go", async (t) => {
  const path = join(t.testdir(), 'lock')
  const held = await nodeDisk.lock(path)
  t.equal(await nodeDisk.lock(path), 'taken')
  if (held !== 'taken') held.release()
  const again = await nodeDisk.lock(path)
  t.not(again, 'taken')
  if (again !== 'taken') again.release()
})

for (const call of ['write', 'sync'] as const)
  t.test(`a ${call} that fails is fatal, and never tried again`, async (t) => {
    const disk = new SimulatedDisk()
    const fatal: Error[] = []
    const log = await open(disk, { fatal: (error) => void fatal.push(error) })
    await appended(log, batch({ entries: entries(1, 1, 1) }))
    let calls = 0
    disk.fault = (asked, path) => {
      if (asked !== call || isSpare(path)) return undefined
      calls += 1
      return errorWith('EIO', 'the disk')
    }
    const called: number[] = []
    log.append(batch({ entries: entries(2, 2, 1) }), () => called.push(2))
    log.append(batch({ entries: entries(3, 3, 1) }), () => called.push(3))
    await settle()
    disk.fault = () => undefined
    log.append(batch({ entries: entries(4, 4, 1) }), () => called.push(4))
    await settle()
    t.match(fatal, [{ code: 'EIO' }])
    t.equal(calls, 1)
    t.same(called, [], 'nobody is told that it is durable')
    await log[Symbol.asyncDispose]()
  })

t.test('what a sync failed to make durable is not found by the next start', async (t) => {
  const disk = new SimulatedDisk()
  const log = await open(disk, { fatal: () => {} })
  await appended(log, batch({ entries: entries(1, 3, 1) }))
  disk.fault = (call, path) =>
    call === 'sync' && !isSpare(path) ? errorWith('EIO', 'the disk') : undefined
  log.append(batch({ entries: entries(4, 4, 1) }), () => t.fail('told that it is durable'))
  await settle()
  await log[Symbol.asyncDispose]()
  await using again = await open(disk.reopened())
  t.equal(again.lastIndex(), 3)
})

t.test('a log that would begin on a full disk does not', async (t) => {
  const disk = new SimulatedDisk()
  disk.capacityBytes = tiny.segmentBytes - 1
  await t.rejects(open(disk), { code: 'ENOSPC' })
  t.same(disk.paths(), [], 'and leaves nothing of it behind')
  disk.capacityBytes = Infinity
  await using log = await open(disk)
  t.ok(log.hasRoom())
})

t.test('a segment that will not go ends the process, for the next would leave a gap', async (t) => {
  const disk = await logged(200)
  const fatal: Error[] = []
  const log = await open(disk, { fatal: (error) => void fatal.push(error) })
  await appended(log, batch({ snapshot: snapshotAt(200, 1) }))
  disk.remove = () => Promise.reject(errorWith('EIO', 'the disk'))
  log.compact(200)
  await settle()
  t.match(fatal, [{ code: 'EIO' }])
  await log[Symbol.asyncDispose]()
})

t.test(
  'a disk that is full is told before an append would find out, and may recover',
  async (t) => {
    const disk = new SimulatedDisk()
    const clock = new VirtualClock()
    const log = await open(disk, { clock })
    disk.capacityBytes = tiny.segmentBytes
    let index = 0
    const append = async (): Promise<void> => {
      index += 1
      await appended(log, batch({ entries: entries(index, index, 1, 100) }))
    }
    while (log.hasRoom()) await append()
    t.ok(index > 10, 'half a segment is used before proposals are refused')
    await append()
    const durable = new Set<number>()
    const more = Array.from({ length: 100 }, (_, position) => index + 1 + position)
    for (const next of more) {
      log.append(batch({ entries: entries(next, next, 1, 100) }), () => durable.add(next))
      await settle()
    }
    t.ok(durable.size < more.length, 'what does not fit waits')
    disk.capacityBytes = Infinity
    await clock.advance(5000)
    for (let turn = 0; turn < 50 && durable.size < more.length; turn += 1) await settle()
    t.equal(durable.size, more.length, 'until there is room')
    t.ok(log.hasRoom())
    await log[Symbol.asyncDispose]()
    t.equal(clock.timers, 0)
  },
)

t.test('a log that waits for room on a full disk can be closed', async (t) => {
  const disk = new SimulatedDisk()
  const log = await open(disk)
  disk.capacityBytes = tiny.segmentBytes
  for (let index = 1; index < 150; index += 1) {
    log.append(batch({ entries: entries(index, index, 1, 100) }), () => {})
    await settle()
  }
  await log[Symbol.asyncDispose]()
  await using again = await open(disk.reopened())
  t.ok(again.lastIndex() > 30)
})

t.test('a segment that was made and not yet used is set aside', async (t) => {
  const disk = await logged(78)
  const names = segmentNames(disk)
  const bytes = disk.bytesOf(names.at(-1) as string)
  const [, second] = batchOffsets(bytes)
  if (second !== undefined) bytes.fill(0, second)
  const before = disk.bytesOf(names.at(-2) as string)
  before.fill(0, batchOffsets(before).at(-1))
  await using log = await open(disk)
  t.equal(segmentNames(disk).length, names.length - 1)
  const next = log.lastIndex() + 1
  await appended(log, batch({ entries: entries(next, next, 1) }))
  t.equal(log.lastIndex(), next)
})

t.test('a batch that rots after it was written is not read as good', async (t) => {
  const disk = await logged(100)
  await using log = await open(disk)
  const bytes = disk.bytesOf(segment(1))
  const offset = batchOffsets(bytes)[3] as number
  bytes[offset + 70] = (bytes[offset + 70] as number) ^ 1
  t.throws(() => log.entries(1, 50, 1 << 20), {
    message: /is damaged at offset \d+: it was written whole and reads otherwise/,
  })
})

t.test('a real directory holds a log over a restart', async (t) => {
  const options = {
    disk: nodeDisk,
    directory: join(t.testdir(), 'raft', 'wal'),
    clock: systemClock,
  }
  const real = (): Promise<LogStore> => open(new SimulatedDisk(), options)
  {
    await using log = await real()
    for (let index = 1; index <= 200; index += 1)
      await appended(log, batch({ entries: entries(index, index, 1, 100) }))
    await t.rejects(real(), { message: /is in use by another agent/ })
  }
  await using log = await real()
  t.equal(log.lastIndex(), 200)
})
