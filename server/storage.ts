import { MemoryLog } from './raft/storage/memory-log.ts'
import { MemorySnapshots } from './raft/storage/memory-snapshots.ts'
import type { LogStore, SnapshotStore } from './raft/storage/port.ts'
import type { Chance } from './runtime/chance.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'

export interface StorageOptions {
  /** `''`: nothing is written to disk. */
  readonly dataDir: string
  readonly nodeId: string
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly fatal: (error: Error) => void
}

/** Where this server keeps its log and its snapshots. Rejects in one plain sentence where it can't. */
export async function openStorage({
  dataDir,
}: StorageOptions): Promise<{ readonly logStore: LogStore; readonly snapshots: SnapshotStore }> {
  if (dataDir === '') return { logStore: new MemoryLog(), snapshots: new MemorySnapshots() }
  throw new Error('no disk storage')
}
