import { join } from 'node:path'

import { FoundingFile } from './founding-file.ts'
import type { Founded } from './founding.ts'
import { describeError, PraetorError } from './model/errors.ts'
import { readPeersFile, removePeersFile } from './peers-file.ts'
import { DiskFault } from './raft/storage/disk-fault.ts'
import { DiskWatch } from './raft/storage/disk-watch.ts'
import { MemoryLog } from './raft/storage/memory-log.ts'
import { MemorySnapshots } from './raft/storage/memory-snapshots.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'
import type { LogStore, SnapshotStore } from './raft/storage/port.ts'
import { openSnapshots } from './raft/storage/snapshots.ts'
import { openWal } from './raft/storage/wal.ts'
import type { Membership } from './raft/types.ts'
import type { Clock } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'
import type { Metrics } from './runtime/metrics.ts'

/** What a server keeps between its starts: the id of its cluster, and in that cluster's name a log and snapshots. */
export interface ClusterDoor {
  /** The cluster that this server is part of; undefined for one that never was in any. */
  founded(): Promise<Founded | undefined>
  keepFounded(founded: Founded): Promise<void>
  /** Rejects with a PraetorError in one plain sentence where it can't be opened. */
  open(clusterId: string): Promise<Storage>
}

export interface Storage {
  readonly logStore: LogStore
  readonly snapshots: SnapshotStore
  /** How long the disk owes an answer that a good one would have given; 0 for one that does not. */
  readonly diskOverdueMs: () => number
  /** To be called once a log that was to begin has begun. */
  readonly begun: () => Promise<void>
  /** Who takes part from now on, whatever the log says; `done` is to be called once the log says it too. */
  readonly forced?: { readonly membership: Membership; readonly done: () => Promise<void> }
}

/** Nothing is written: the server is new at every start. */
export const memoryDoor: ClusterDoor = {
  founded: () => Promise.resolve(undefined),
  keepFounded: () => Promise.resolve(),
  open: () =>
    Promise.resolve({
      logStore: new MemoryLog(),
      snapshots: new MemorySnapshots(),
      diskOverdueMs: () => 0,
      begun: () => Promise.resolve(),
    }),
}

export interface DiskDoorOptions {
  readonly dataDir: string
  readonly nodeId: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** The disk failed, and the message says how and what to do about it: ends the process. */
  readonly fatal: (error: Error) => void
}

/** All of it under the data directory's `raft`. */
export function diskDoor({
  dataDir,
  nodeId,
  clock,
  log: parent,
  metrics,
  fatal,
}: DiskDoorOptions): ClusterDoor {
  const directory = join(dataDir, 'raft')
  const founding = new FoundingFile(directory)
  const peersPath = join(directory, 'peers.json')
  const log = parent.child({ part: 'server.raft' })
  const fail = (error: Error): void => {
    const failure = failureOf(error)
    log.error({}, failure.message)
    fatal(failure)
  }
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
    async founded() {
      const founded = await founding.read().catch(refuse)
      if (founded === undefined && (await readPeersFile(peersPath, nodeId)) !== undefined)
        throw new PraetorError(
          'failed',
          `${peersPath} is there, but this server was never part of a cluster whose servers it could change`,
        )
      return founded
    },
    keepFounded: (founded) => founding.keep(founded).catch(refuse),
    async open(clusterId) {
      try {
        const membership = await readPeersFile(peersPath, nodeId)
        const watch = new DiskWatch({ clock, log, metrics })
        const at = { disk: watch.over(nodeDisk), log }
        const logStore = await openWal({
          ...at,
          directory: join(directory, 'wal'),
          clusterId,
          nodeId,
          clock,
          fatal: fail,
        })
        const snapshots = await openSnapshots({ ...at, directory: join(directory, 'snapshots') })
        return {
          logStore,
          snapshots,
          diskOverdueMs: () => watch.overdueMs,
          begun: () => founding.begun(),
          ...(membership === undefined ? {} : { forced: force(membership) }),
        }
      } catch (error) {
        return refuse(error)
      }
    },
  }
}

/** What the disk refused while the server was running. What was synced stays true, and nothing else was acknowledged. */
function failureOf(error: Error): Error {
  if (!(error instanceof DiskFault)) return error
  const { message, remedy } = error
  return new PraetorError(
    'failed',
    `${message}. Nothing that this server acknowledged is lost, and it stops before it acknowledges what might be. ${remedy}, then start it again`,
    { cause: error },
  )
}

/** Why the data directory can't be opened, as a PraetorError. */
function refuse(error: unknown): never {
  if (error instanceof DiskFault)
    throw new PraetorError(
      'failed',
      `Failed to open the data directory: ${error.message}. ${error.remedy}, then start the agent again`,
      { cause: error },
    )
  if (error instanceof PraetorError) throw error
  throw new PraetorError('failed', `Failed to open the data directory: ${describeError(error)}`)
}
