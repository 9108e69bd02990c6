import { join } from 'node:path'

import { describeError, PraetorError } from './model/errors.ts'
import { MemoryLog } from './raft/storage/memory-log.ts'
import { MemorySnapshots } from './raft/storage/memory-snapshots.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'
import type { LogStore, SnapshotStore } from './raft/storage/port.ts'
import { openSnapshots } from './raft/storage/snapshots.ts'
import { openWal } from './raft/storage/wal.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'

export interface StorageOptions {
  /** `''`: nothing is written to disk. */
  readonly dataDir: string
  readonly nodeId: string
  readonly datacenter: string
  readonly clock: Clock
  readonly log: Log
  readonly fatal: (error: Error) => void
}

export interface Storage {
  readonly logStore: LogStore
  readonly snapshots: SnapshotStore
}

/** Where this server keeps its log and its snapshots. Rejects with a PraetorError in one plain sentence where it can't. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { dataDir, nodeId, datacenter, clock, fatal } = options
  if (dataDir === '') return { logStore: new MemoryLog(), snapshots: new MemorySnapshots() }
  const directory = join(dataDir, 'raft')
  const log = options.log.child({ part: 'server.raft' })
  try {
    const logStore = await openWal({
      disk: nodeDisk,
      directory: join(directory, 'wal'),
      clusterId: datacenter,
      nodeId,
      clock,
      log,
      fatal,
    })
    const snapshots = await openSnapshots({
      disk: nodeDisk,
      directory: join(directory, 'snapshots'),
      log,
    })
    return { logStore, snapshots }
  } catch (error) {
    if (error instanceof PraetorError) throw error
    throw new PraetorError('failed', `Failed to open the data directory: ${describeError(error)}`)
  }
}
