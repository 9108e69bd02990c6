import { dirname } from 'node:path'

import { must } from '../../server/model/assert.ts'
import type { Disk, DiskFile, DiskLock } from '../../server/raft/storage/disk.ts'
import { errorWith } from '../support/disk.ts'
import type { Draw } from './draw.ts'
import type { Machine } from './machine.ts'

/** What a disk keeps or loses as one. */
const sectorBytes = 512

interface Write {
  readonly offset: number
  readonly bytes: Uint8Array
}

interface Inode {
  /** As a reader sees it. */
  bytes: Uint8Array
  /** As it is for certain after the power was cut. */
  durable: Uint8Array
  /** What lies between the two. */
  unsynced: Write[]
  /** Where the last two writes that are durable begin. */
  stable: readonly [number, number]
}

/** A path names this file from here on, or nothing. */
interface Naming {
  readonly path: string
  readonly inode: Inode | null
}

/**
 * The disk of a simulated machine over all its processes. Where test/support/disk.ts remembers a whole run, to cut it anywhere,
 * this one forgets what is durable, so that it can be cut a hundred times in a run.
 */
export class PowerDisk {
  failsNextSync = false
  syncDelayMs: () => number = () => 0.1
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #unsyncedNames: Naming[] = []

  /** The disk as one process sees it; when that has ended it can do nothing more. */
  mount(machine: Machine, isAlive: () => boolean): Disk {
    const live = (): void => {
      if (!isAlive()) throw errorWith('EIO', 'the process has ended')
    }
    let isLocked = false
    const disk: Disk = {
      open: async (path, mode) => {
        live()
        let inode = this.#names.get(path)
        if (mode === 'create') {
          inode = newInode()
          this.#name(path, inode)
        }
        if (inode === undefined) throw errorWith('ENOENT', path)
        return this.#open(path, inode, machine, live)
      },
      list: async (directory) =>
        [...this.#names.keys()]
          .filter((path) => dirname(path) === directory)
          .map((path) => path.slice(directory.length + 1))
          .toSorted(),
      makeDirectory: async () => {},
      rename: async (from, to) => {
        live()
        const inode = must(this.#names.get(from), `${from} is there`)
        this.#name(to, inode)
        this.#name(from, null)
      },
      remove: async (path) => {
        live()
        if (this.#names.has(path)) this.#name(path, null)
      },
      syncDirectory: (directory) =>
        new Promise((resolve) => {
          const count = this.#unsyncedNames.length
          machine.later(this.syncDelayMs(), () => {
            live()
            this.#syncNames(directory, count)
            resolve()
          })
        }),
      lock: async (): Promise<DiskLock | 'taken'> => {
        if (isLocked) return 'taken'
        isLocked = true
        return { release: () => (isLocked = false) }
      },
    }
    return disk
  }

  /** Of what was not synced some sectors are there and some are not, and one may be neither. */
  powerCut(draw: Draw): void {
    this.failsNextSync = false
    const kept = this.#unsyncedNames.slice(0, draw.whole(0, this.#unsyncedNames.length))
    for (const naming of kept) setName(this.#durableNames, naming)
    this.#unsyncedNames = []
    this.#names = new Map(this.#durableNames)
    for (const inode of new Set(this.#names.values())) {
      for (const write of inode.unsynced) landPartly(inode, write, draw)
      inode.unsynced = []
      inode.bytes = inode.durable.slice()
    }
  }

  /** Turns one bit of the log over, in front of two writes that are durable. Says whether there was such a place. */
  rot(draw: Draw): boolean {
    const logs = [...this.#names].filter(
      ([path, inode]) => path.endsWith('.wal') && inode.stable[0] > 0,
    )
    if (logs.length === 0) return false
    const [, inode] = draw.oneOf(logs)
    const at = draw.whole(0, inode.stable[0] - 1)
    const bit = 1 << draw.whole(0, 7)
    for (const bytes of [inode.bytes, inode.durable]) bytes[at] = (bytes[at] ?? 0) ^ bit
    return true
  }

  #open(path: string, inode: Inode, machine: Machine, live: () => void): DiskFile {
    return {
      path,
      sizeBytes: () => inode.bytes.length,
      read: (into, offset) => {
        const bytes = inode.bytes.subarray(offset, offset + into.length)
        into.set(bytes)
        return bytes.length
      },
      write: (bytes, offset) => {
        live()
        inode.bytes = written(inode.bytes, { offset, bytes })
        inode.unsynced.push({ offset, bytes: bytes.slice() })
      },
      sync: (done) => {
        const begun = [...inode.unsynced]
        machine.later(this.syncDelayMs(), () => {
          if (this.failsNextSync) {
            this.failsNextSync = false
            return done(errorWith('EIO', path))
          }
          for (const write of begun) land(inode, write)
          inode.unsynced = inode.unsynced.filter((write) => !begun.includes(write))
          done(undefined)
        })
      },
      close: () => {},
    }
  }

  #name(path: string, inode: Inode | null): void {
    setName(this.#names, { path, inode })
    this.#unsyncedNames.push({ path, inode })
  }

  /** A journal is in order: with these go all that were made before them, in whatever directory. */
  #syncNames(directory: string, count: number): void {
    const upTo = this.#unsyncedNames
      .slice(0, count)
      .findLastIndex(({ path }) => dirname(path) === directory)
    for (const naming of this.#unsyncedNames.splice(0, upTo + 1))
      setName(this.#durableNames, naming)
  }
}

function newInode(): Inode {
  return { bytes: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [], stable: [0, 0] }
}

function setName(names: Map<string, Inode>, { inode, path }: Naming): void {
  if (inode === null) names.delete(path)
  else names.set(path, inode)
}

function land(inode: Inode, write: Write): void {
  inode.durable = written(inode.durable, write)
  inode.stable = [inode.stable[1], write.offset]
}

function landPartly(inode: Inode, { bytes, offset }: Write, draw: Draw): void {
  const mood = draw.oneOf(['all', 'none', 'some', 'some'])
  for (let from = 0; from < bytes.length;) {
    const through = Math.min(bytes.length, from + sectorBytes - ((offset + from) % sectorBytes))
    const isKept = mood === 'all' || (mood === 'some' && draw.happens(0.5))
    const sector = draw.happens(0.02) ? draw.bytes(through - from) : bytes.slice(from, through)
    if (isKept) inode.durable = written(inode.durable, { offset: offset + from, bytes: sector })
    from = through
  }
}

function written(before: Uint8Array, { bytes, offset }: Write): Uint8Array {
  const end = offset + bytes.length
  let after = before
  if (end > before.length) {
    after = new Uint8Array(end)
    after.set(before)
  }
  after.set(bytes, offset)
  return after
}
