import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { describeError, PraetorError } from './model/errors.ts'
import { MemoryLog } from './raft/storage/memory-log.ts'
import { MemorySnapshots } from './raft/storage/memory-snapshots.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'
import type { LogStore, SnapshotStore } from './raft/storage/port.ts'
import { openSnapshots } from './raft/storage/snapshots.ts'
import { openWal } from './raft/storage/wal.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'

/** What a server keeps between its starts: the id of its cluster, and in that cluster's name a log and snapshots. */
export interface ClusterDoor {
  /** The id of the cluster that this server is part of; undefined for one that never was in any. */
  clusterId(): Promise<string | undefined>
  keepClusterId(id: string): Promise<void>
  /** Rejects with a PraetorError in one plain sentence where it can't be opened. */
  open(clusterId: string): Promise<Storage>
}

export interface Storage {
  readonly logStore: LogStore
  readonly snapshots: SnapshotStore
}

/** Nothing is written: the server is new at every start. */
export const memoryDoor: ClusterDoor = {
  clusterId: () => Promise.resolve(undefined),
  keepClusterId: () => Promise.resolve(),
  open: () => Promise.resolve({ logStore: new MemoryLog(), snapshots: new MemorySnapshots() }),
}

export interface DiskDoorOptions {
  readonly dataDir: string
  readonly nodeId: string
  readonly clock: Clock
  readonly log: Log
  readonly fatal: (error: Error) => void
}

/** All of it under the data directory's `raft`. */
export function diskDoor({
  dataDir,
  nodeId,
  clock,
  log: parent,
  fatal,
}: DiskDoorOptions): ClusterDoor {
  const directory = join(dataDir, 'raft')
  const idPath = join(directory, 'cluster-id')
  const log = parent.child({ part: 'server.raft' })
  return {
    async clusterId() {
      const text = await readFile(idPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw cannotOpen(error)
      })
      return text?.trim()
    },
    keepClusterId: (id) =>
      replaceFile(idPath, id).catch((error: unknown) => {
        throw cannotOpen(error)
      }),
    async open(clusterId) {
      try {
        const at = { disk: nodeDisk, log }
        const logStore = await openWal({
          ...at,
          directory: join(directory, 'wal'),
          clusterId,
          nodeId,
          clock,
          fatal,
        })
        const snapshots = await openSnapshots({ ...at, directory: join(directory, 'snapshots') })
        return { logStore, snapshots }
      } catch (error) {
        throw cannotOpen(error)
      }
    },
  }
}

/** Whole or not at all, and durable when it resolves. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(`${path}.tmp`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
}

function cannotOpen(error: unknown): PraetorError {
  if (error instanceof PraetorError) return error
  return new PraetorError('failed', `Failed to open the data directory: ${describeError(error)}`)
}
