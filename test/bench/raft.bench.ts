import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createRaft, type Raft } from '../../server/raft/driver.ts'
import { synced } from '../../server/raft/storage/disk.ts'
import { MemoryLog } from '../../server/raft/storage/memory-log.ts'
import { MemorySnapshots } from '../../server/raft/storage/memory-snapshots.ts'
import { nodeDisk } from '../../server/raft/storage/node-disk.ts'
import type { LogStore, SnapshotStore } from '../../server/raft/storage/port.ts'
import { openSnapshots } from '../../server/raft/storage/snapshots.ts'
import { openWal } from '../../server/raft/storage/wal.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import { systemChance } from '../../server/runtime/chance.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'

/**
 * Proposals a second through one server, in memory and on disk: `node test/bench/raft.bench.ts [DIRECTORY]`. The state machine
 * adds up sizes, so what is measured is the driver, the core, and the log. The first line is the disk's own time, which no
 * log can be faster than.
 */
const payload = new Uint8Array(200).fill(0x61)
const directory = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'raft-bench-'))

function exitOn(error: Error): void {
  console.error(error)
  process.exit(1)
}

async function start(logStore: LogStore, snapshots: SnapshotStore): Promise<Raft<number>> {
  let sum = 0
  const raft = await createRaft<number>({
    id: 'a',
    bootstrap: { ...emptyMembership, voters: ['a'], addresses: { a: '127.0.0.1:8300' } },
    logStore,
    snapshots,
    stateMachine: {
      apply: (entries) => entries.map((entry) => (sum += entry.payload.length)),
      snapshot: () => [Buffer.from(String(sum))],
      async restore(chunks) {
        for await (const chunk of chunks) sum = Number(Buffer.from(chunk).toString())
      },
    },
    clock: systemClock,
    chance: systemChance,
    log: noLog,
    metrics: noMetrics,
    fatal: exitOn,
  })
  await new Promise<void>((resolve) => {
    raft.onLeadership((leading) => leading && resolve())
  })
  return raft
}

async function measure(raft: Raft<number>, inFlight: number, durationMs: number): Promise<string> {
  const latencies: number[] = []
  const startMs = performance.now()
  const endMs = startMs + durationMs
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let beganMs = performance.now(); beganMs < endMs;) {
        await raft.propose(payload)
        const nowMs = performance.now()
        latencies.push(nowMs - beganMs)
        beganMs = nowMs
      }
    }),
  )
  const seconds = (performance.now() - startMs) / 1000
  latencies.sort((left, right) => left - right)
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(3)
  const rate = Math.round(latencies.length / seconds)
  return `${String(inFlight).padStart(4)} in flight: ${String(rate).padStart(8)}/s   p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`
}

/** One write of a batch's size into room that is there, and one sync on another thread: again and again. */
async function calibrate(): Promise<void> {
  const file = await nodeDisk.open(join(directory, 'calibration'), 'create')
  file.write(new Uint8Array(8 << 20), 0)
  await synced(file)
  const bytes = new Uint8Array(256).fill(1)
  const times: number[] = []
  for (let count = 0; count < 3000; count += 1) {
    const startMs = performance.now()
    file.write(bytes, count * bytes.length)
    await synced(file)
    times.push(performance.now() - startMs)
  }
  file.close()
  times.sort((left, right) => left - right)
  console.log(`write and fdatasync of 256 bytes: p50 ${times[1500]?.toFixed(3)} ms`)
}

async function report(name: string, raft: Raft<number>): Promise<void> {
  console.log(name)
  await measure(raft, 64, 500)
  for (const inFlight of [1, 8, 64, 256]) console.log(`  ${await measure(raft, inFlight, 2000)}`)
}

await calibrate()
{
  await using raft = await start(new MemoryLog(), new MemorySnapshots())
  await report('in memory', raft)
}
{
  const startMs = performance.now()
  const logStore = await openWal({
    disk: nodeDisk,
    directory: join(directory, 'wal'),
    clusterId: 'bench',
    nodeId: 'a',
    clock: systemClock,
    log: noLog,
    fatal: exitOn,
  })
  const snapshots = await openSnapshots({
    disk: nodeDisk,
    directory: join(directory, 'snapshots'),
    log: noLog,
  })
  await using raft = await start(logStore, snapshots)
  console.log(
    `leads ${Math.round(performance.now() - startMs)} ms after an empty directory was opened`,
  )
  await report('on disk', raft)
}
{
  const startMs = performance.now()
  await using wal = await openWal({
    disk: nodeDisk,
    directory: join(directory, 'wal'),
    clusterId: 'bench',
    nodeId: 'a',
    clock: systemClock,
    log: noLog,
    fatal: exitOn,
  })
  const count = wal.lastIndex() - wal.firstIndex() + 1
  console.log(`read back ${count} entries in ${Math.round(performance.now() - startMs)} ms`)
}
await rm(directory, { recursive: true })
