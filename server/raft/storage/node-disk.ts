import fs from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import type { Disk, DiskFile, DiskLock } from './disk.ts'

/** The machine's own disk. */
export const nodeDisk: Disk = {
  open: (path, mode) =>
    new Promise((resolve, reject) => {
      fs.open(path, mode === 'create' ? 'w+' : 'r+', 0o600, (error, descriptor) =>
        error === null ? resolve(new NodeFile(path, descriptor)) : reject(error),
      )
    }),

  list: (directory) => readdir(directory).catch(emptyIfAbsent),

  async makeDirectory(directory) {
    const first = await mkdir(directory, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    for (let path = directory; path.length >= first.length; path = dirname(path))
      await this.syncDirectory(dirname(path))
  },

  rename,

  remove: (path) => rm(path, { recursive: true, force: true }),

  async syncDirectory(directory) {
    await using handle = await open(directory, 'r')
    await handle.sync()
  },

  lock: async (path) => takeLock(path),
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #descriptor: number

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  sizeBytes(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  read(into: Uint8Array, offset: number): number {
    let filled = 0
    while (filled < into.length) {
      const count = fs.readSync(
        this.#descriptor,
        into,
        filled,
        into.length - filled,
        offset + filled,
      )
      if (count === 0) break
      filled += count
    }
    return filled
  }

  write(bytes: Uint8Array, offset: number): void {
    let written = 0
    while (written < bytes.length) {
      written += fs.writeSync(
        this.#descriptor,
        bytes,
        written,
        bytes.length - written,
        offset + written,
      )
    }
  }

  sync(done: (error: Error | undefined) => void): void {
    fs.fdatasync(this.#descriptor, (error) => done(error ?? undefined))
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }
}

/**
 * Node offers no flock, but SQLite, which it carries, takes the operating system's record locks: these end with the process,
 * need no stale file judged by its process id (every container's agent has the same one), and hold between containers.
 */
function takeLock(path: string): DiskLock | 'taken' {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (thrown) {
    database.close()
    if ((thrown as { readonly errcode?: number }).errcode === sqliteBusy) return 'taken'
    throw thrown
  }
  return { release: () => database.close() }
}

const sqliteBusy = 5

function emptyIfAbsent(thrown: unknown): string[] {
  if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
  throw thrown
}
