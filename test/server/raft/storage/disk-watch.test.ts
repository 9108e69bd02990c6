import t from 'tap'

import { DiskWatch, slowMs, stalledMs } from '../../../../server/raft/storage/disk-watch.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { noMetrics } from '../../../../server/runtime/metrics.ts'
import { settle, VirtualClock } from '../../../support/clock.ts'
import { SimulatedDisk } from '../../../support/disk.ts'

/** A watched disk whose syncs end when `end` is called. */
async function watched() {
  const clock = new VirtualClock()
  const told: string[] = []
  const measured: [string, number][] = []
  const warn = (fields: object, message?: string): void =>
    void told.push(`${message} ${JSON.stringify(fields)}`)
  const watch = new DiskWatch({
    clock,
    log: { ...noLog, warn },
    metrics: {
      ...noMetrics,
      sample: (name, value) => measured.push([name, value]),
      count: (name) => measured.push([name, 1]),
    },
  })
  const ends: (() => void)[] = []
  const disk = new SimulatedDisk()
  const open = disk.open.bind(disk)
  disk.open = async (path, mode) => {
    const file = await open(path, mode)
    return Object.assign(file, { sync: (done: () => void): void => void ends.push(done) })
  }
  return { clock, watch, disk: watch.over(disk), told, measured, end: () => ends.shift()?.() }
}

t.test('a sync that takes long is counted, and told of now and then', async (t) => {
  const { clock, disk, end, told, measured } = await watched()
  const file = await disk.open('/log', 'create')
  const sync = async (ms: number): Promise<void> => {
    const done = new Promise((resolve) => file.sync(resolve))
    await clock.advance(ms)
    end()
    await done
  }
  await sync(slowMs - 1)
  t.strictSame(measured, [['raft.disk.sync', slowMs - 1]])
  t.strictSame(told, [])
  await sync(200)
  await sync(201)
  t.strictSame(measured.slice(1), [
    ['raft.disk.sync', 200],
    ['raft.disk.slow', 1],
    ['raft.disk.sync', 201],
    ['raft.disk.slow', 1],
  ])
  await clock.advance(10_000)
  await sync(300)
  t.strictSame(told, [
    'the disk is slow: what this server writes waits for it {"file":"/log","took_ms":200,"slow_syncs":1}',
    'the disk is slow: what this server writes waits for it {"file":"/log","took_ms":300,"slow_syncs":2}',
  ])
})

t.test('much takes longer, and is not slow for that', async (t) => {
  const { clock, disk, end, told, watch } = await watched()
  const file = await disk.open('/spare', 'create')
  file.write(new Uint8Array(5_000_000), 0)
  file.sync(() => {})
  await clock.advance(550)
  t.equal(watch.overdueMs, 50)
  end()
  t.strictSame(told, [])
  t.equal(watch.overdueMs, 0)
})

t.test(
  'a sync that does not end is told of while it does not, once, and when it does',
  async (t) => {
    const { clock, disk, end, told, watch } = await watched()
    const [stuck, other] = [
      await disk.open('/stuck', 'create'),
      await disk.open('/other', 'create'),
    ]
    other.sync(() => {})
    end()
    stuck.sync(() => {})
    await clock.advance(5 * stalledMs)
    t.equal(watch.overdueMs, 5 * stalledMs)
    t.strictSame(told, [
      'the disk does not answer: nothing that this server writes is durable until it does {"file":"/stuck","waiting_ms":1000}',
    ])
    end()
    t.match(told[1], /"took_ms":5000/)
    await clock.advance(2 * stalledMs)
    t.equal(clock.timers, 0, 'nobody looks at an idle disk')
  },
)

t.test('a disk whose lock was let go is not looked at any more', async (t) => {
  const { clock, disk, told } = await watched()
  const lock = await disk.lock('/lock')
  const file = await disk.open('/log', 'create')
  file.sync(() => {})
  t.equal(await disk.lock('/lock'), 'taken')
  if (lock !== 'taken') lock.release()
  await clock.advance(5 * stalledMs)
  await settle()
  t.equal(clock.timers, 0)
  t.strictSame(told, [])
})
