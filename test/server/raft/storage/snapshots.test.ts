import fc from 'fast-check'
import t from 'tap'

import { MemorySnapshots } from '../../../../server/raft/storage/memory-snapshots.ts'
import { nodeDisk } from '../../../../server/raft/storage/node-disk.ts'
import type { PartWritten, SnapshotStore } from '../../../../server/raft/storage/port.ts'
import { openSnapshots } from '../../../../server/raft/storage/snapshots.ts'
import type { EntryId } from '../../../../server/raft/types.ts'
import { seededChance } from '../../../../server/runtime/chance.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { errorWith, SimulatedDisk, type Loss } from '../../../support/disk.ts'
import { snapshotAt } from '../../../support/wal.ts'

const directory = '/raft/snapshots'
const open = (disk: SimulatedDisk): Promise<SnapshotStore> =>
  openSnapshots({ disk, directory, log: noLog })

const stores: Readonly<Record<string, (directory: string) => Promise<SnapshotStore>>> = {
  'in memory': async () => new MemorySnapshots(),
  'on disk': (path) => openSnapshots({ disk: nodeDisk, directory: path, log: noLog }),
  'on a simulated disk': () => open(new SimulatedDisk()),
}

const never = new AbortController().signal
const chunksOf = (...lines: string[]): Uint8Array[] =>
  lines.map((line) => new Uint8Array(Buffer.from(line)))

async function read(store: SnapshotStore, id: EntryId): Promise<string[]> {
  const chunks: string[] = []
  for await (const chunk of store.read(id)) chunks.push(Buffer.from(chunk).toString())
  return chunks
}

const indexes = (store: SnapshotStore): number[] => store.list().map(({ meta }) => meta.index)

/** Sends a snapshot from one store to another, so many bytes at a time. */
async function copy(
  from: SnapshotStore,
  to: SnapshotStore,
  id: EntryId,
  partBytes: number,
): Promise<PartWritten> {
  const meta =
    from.list().find((stored) => stored.meta.index === id.index)?.meta ?? snapshotAt(0, 0)
  for (let offsetBytes = 0; ;) {
    const written = await to.writePart(meta, await from.readPart(id, offsetBytes, partBytes))
    if (written.kind === 'whole') return written
    offsetBytes = written.nextOffsetBytes
  }
}

for (const [name, fresh] of Object.entries(stores))
  t.test(`snapshots ${name}`, async (t) => {
    t.test('give back the chunks that were written', async (t) => {
      const store = await fresh(t.testdir())
      t.same(store.list(), [])
      const meta = snapshotAt(7, 2)
      const stored = await store.write(meta, chunksOf('one', '', 'two'), never)
      t.same(store.list(), [stored])
      t.same(stored.meta, meta)
      t.same(await read(store, meta), ['one', 'two'], 'an empty chunk says nothing')
      await store.write(snapshotAt(8, 2), [], never)
      t.same(await read(store, snapshotAt(8, 2)), [])
    })

    t.test('are done with a chunk when they ask for the next', async (t) => {
      const store = await fresh(t.testdir())
      const meta = snapshotAt(7, 2)
      function* reusing(): Generator<Uint8Array> {
        const buffer = Buffer.alloc(3)
        for (const line of ['one', 'two']) {
          buffer.write(line)
          yield buffer
        }
        buffer.fill(0)
      }
      await store.write(meta, reusing(), never)
      t.same(await read(store, meta), ['one', 'two'])
    })

    t.test('keep what is retained and the one before', async (t) => {
      const store = await fresh(t.testdir())
      for (const index of [3, 9, 5, 7])
        await store.write(snapshotAt(index, 1), chunksOf('x'), never)
      t.same(indexes(store), [9, 7, 5, 3], 'the newest first')
      await store.retain(snapshotAt(7, 1))
      t.same(indexes(store), [9, 7, 5])
      await t.rejects(read(store, snapshotAt(3, 1)))
    })

    t.test('leave nothing behind when their chunks fail', async (t) => {
      const store = await fresh(t.testdir())
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield* chunksOf('one')
        throw new Error('no more')
      }
      await t.rejects(store.write(snapshotAt(1, 1), failing(), never), { message: 'no more' })
      const aborted = AbortSignal.abort(new Error('shutting down'))
      await t.rejects(store.write(snapshotAt(1, 1), chunksOf('one'), aborted), {
        message: 'shutting down',
      })
      t.same(store.list(), [])
    })

    t.test('travel in parts of any size', async (t) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ minLength: 1, maxLength: 200 }), { maxLength: 10 }),
          fc.integer({ min: 1, max: 500 }),
          async (lines, partBytes) => {
            const [from, to] = [new MemorySnapshots(), await fresh(t.testdir())]
            const meta = snapshotAt(4, 3)
            await from.write(meta, chunksOf(...lines), never)
            await copy(from, to, meta, partBytes)
            t.same(to.list()[0]?.meta, meta)
            t.same(await read(to, meta), lines)
          },
        ),
        { numRuns: 10 },
      )
    })

    t.test('say where a sender should go on', async (t) => {
      const [from, to] = [new MemorySnapshots(), await fresh(t.testdir())]
      const [meta, other] = [snapshotAt(4, 3), snapshotAt(5, 3)]
      await from.write(meta, chunksOf('some chunk', 'another'), never)
      const part = (offset: number): ReturnType<SnapshotStore['readPart']> =>
        from.readPart(meta, offset, 10)
      const more = (nextOffsetBytes: number): PartWritten => ({ kind: 'more', nextOffsetBytes })
      t.same(await to.writePart(meta, await part(10)), more(0), 'nothing was begun')
      t.same(await to.writePart(meta, await part(0)), more(10))
      t.same(await to.writePart(meta, await part(30)), more(10), 'a part was lost')
      t.same(await to.writePart(meta, await part(10)), more(20))
      t.same(await to.writePart(other, await part(20)), more(0), 'another snapshot')
      t.same(await to.writePart(meta, await part(0)), more(10), 'from the start again')
    })

    t.test('are not taken from a sender when they are damaged', async (t) => {
      const [from, to] = [new MemorySnapshots(), await fresh(t.testdir())]
      const meta = snapshotAt(4, 3)
      await from.write(meta, chunksOf('some chunk', 'another'), never)
      const { data } = await from.readPart(meta, 0, 10_000)
      for (const damage of [0, 30, data.length - 1, data.length - 20]) {
        const bytes = new Uint8Array(data)
        bytes[damage] = (bytes[damage] as number) ^ 1
        await t.rejects(to.writePart(meta, { offsetBytes: 0, data: bytes, last: true }))
      }
      await t.rejects(
        to.writePart(meta, { offsetBytes: 0, data: data.subarray(0, -16), last: true }),
      )
      t.same(to.list(), [])
    })
  })

t.test(
  'a snapshot on disk is found again, and what was not finished is cleared away',
  async (t) => {
    const disk = new SimulatedDisk()
    const store = await open(disk)
    await store.write(snapshotAt(7, 2), chunksOf('one', 'two'), never)
    disk.remember(`${directory}/unfinished-9`, new Uint8Array(10))
    const again = await open(disk)
    t.same(again.list(), store.list())
    t.same(await read(again, snapshotAt(7, 2)), ['one', 'two'])
    t.same(disk.paths(), [`${directory}/2-7.snapshot`])
  },
)

t.test('a damaged byte anywhere is found, and named', async (t) => {
  const whole = new SimulatedDisk()
  const path = `${directory}/2-7.snapshot`
  await (await open(whole)).write(snapshotAt(7, 2), chunksOf('some chunk', 'another'), never)
  for (let offset = 0; offset < whole.bytesOf(path).length; offset += 1) {
    const disk = whole.reopened()
    const bytes = disk.bytesOf(path)
    bytes[offset] = (bytes[offset] as number) ^ 0x40
    const store = await open(disk)
    if (store.list().length === 0) continue
    await t.rejects(read(store, snapshotAt(7, 2)), { message: new RegExp(path) }, `byte ${offset}`)
  }
})

t.test('a full or broken disk fails the snapshot and nothing else', async (t) => {
  for (const call of ['write', 'sync', 'rename'] as const) {
    const disk = new SimulatedDisk()
    const store = await open(disk)
    await store.write(snapshotAt(3, 1), chunksOf('kept'), never)
    disk.fault = (asked) => (asked === call ? errorWith('ENOSPC', call) : undefined)
    await t.rejects(store.write(snapshotAt(7, 2), chunksOf('x'), never), { code: 'ENOSPC' })
    disk.fault = () => undefined
    t.same(indexes(store), [3])
    t.same(disk.paths(), [`${directory}/1-3.snapshot`])
    await store.write(snapshotAt(7, 2), chunksOf('x'), never)
    t.same(indexes(store), [7, 3])
  }
})

t.test('a crash while one is written leaves the old one, or both', async (t) => {
  const chance = seededChance(5)
  const disk = new SimulatedDisk()
  const store = await open(disk)
  await store.write(snapshotAt(3, 1), chunksOf('old'), never)
  const begun = disk.time
  await store.write(snapshotAt(7, 2), chunksOf('new', 'newer'), never)
  for (let time = begun; time <= disk.time; time += 1)
    for (const loss of ['all', 'none', 'some', 'garbled'] satisfies Loss[]) {
      const found = await open(disk.crashed(time, loss, chance))
      const kept = indexes(found)
      t.ok(kept.includes(3), `time ${time}, losing ${loss}`)
      if (time === disk.time) t.ok(kept.includes(7), `time ${time}, losing ${loss}`)
      if (kept.includes(7)) t.same(await read(found, snapshotAt(7, 2)), ['new', 'newer'])
    }
})
