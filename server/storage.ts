import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { describeError, PraetorError } from './model/errors.ts'
import { readPeersFile, removePeersFile } from './peers-file.ts'
import { MemoryLog } from './raft/storage/memory-log.ts'
import { MemorySnapshots } from './raft/storage/memory-snapshots.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'
import type { LogStore, SnapshotStore } from './raft/storage/port.ts'
import { openSnapshots } from './raft/storage/snapshots.ts'
import { openWal } from './raft/storage/wal.ts'
import type { Membership } from './raft/types.ts'
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
  /** Who takes part from now on, whatever the log says; `done` is to be called once the log says it too. */
  readonly forced?: { readonly membership: Membership; readonly done: () => Promise<void> }
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
  const peersPath = join(directory, 'peers.json')
  const log = parent.child({ part: 'server.raft' })
  const force = (membership: Membership): NonNullable<Storage['forced']> => {
    const { voters, learners } = membership
    log.warn(
      { voters: voters.join(' '), learners: learners.join(' ') },
      'found peers.json file, recovering Raft configuration...',
    )
    return {
      membership,
      async done() {
        await removePeersFile(peersPath)
        log.info({}, 'deleted peers.json file after successful recovery')
      },
    }
  }
  return {
    async clusterId() {
      const text = await readFile(idPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw cannotOpen(error)
      })
      if (text === undefined && (await readPeersFile(peersPath, nodeId)) !== undefined)
        throw new PraetorError(
          'failed',
          `${peersPath} is there, but this server was never part of a cluster whose servers it could change`,
        )
      return text?.trim()
    },
    keepClusterId: (id) =>
      replaceFile(idPath, id).catch((error: unknown) => {
        throw cannotOpen(error)
      }),
    async open(clusterId) {
      try {
        const membership = await readPeersFile(peersPath, nodeId)
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
        return membership === undefined
          ? { logStore, snapshots }
          : { logStore, snapshots, forced: force(membership) }
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
