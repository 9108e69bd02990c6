import fs from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { DiskFault } from './disk-fault.ts'
import type { Disk, DiskFile, DiskLock } from './disk.ts'

/** The machine's own disk. What it will not do is thrown, or given, as a DiskFault. */
export const nodeDisk: Disk = {
  open: (path, mode) =>
    new Promise((resolve, reject) => {
      const deed = mode === 'create' ? 'make' : 'open'
      fs.open(path, mode === 'create' ? 'w+' : 'r+', 0o600, (error, descriptor) =>
        error === null
          ? resolve(new NodeFile(path, descriptor))
          : reject(new DiskFault(deed, path, error)),
      )
    }),

  list: (directory) =>
    readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw new DiskFault('list', directory, error)
    }),

  makeDirectory: (directory) => makeDirectory(directory, 0o700),

  rename: (from, to) => rename(from, to).catch(failing(`rename ${from} to`, to)),

  remove: (path) => rm(path, { recursive: true, force: true }).catch(failing('remove', path)),

  async syncDirectory(directory) {
    const handle = await open(directory, 'r').catch(failing('open', directory))
    try {
      await handle.sync().catch(failing('sync', directory))
    } finally {
      await handle.close()
    }
  },

  lock: async (path) => takeLock(path),
}

/**
 * Makes a directory and those above it, and their names durable. Not by Node's own `recursive`, which calls a file system that is
 * read-only a directory that is not there.
 */
export async function makeDirectory(directory: string, mode: number): Promise<void> {
  const found = await stat(directory).catch(() => undefined)
  if (found?.isDirectory() === true) return
  const parent = dirname(directory)
  if (parent !== directory) await makeDirectory(parent, mode)
  await mkdir(directory, mode).catch(failing('make', directory))
  await nodeDisk.syncDirectory(parent)
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #descriptor: number
  #isOpen = true

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  sizeBytes(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  read(into: Uint8Array, offset: number): number {
    let filled = 0
    try {
      while (filled < into.length) {
        const left = into.length - filled
        const count = fs.readSync(this.#descriptor, into, filled, left, offset + filled)
        if (count === 0) break
        filled += count
      }
    } catch (error) {
      throw new DiskFault('read', this.path, error)
    }
    return filled
  }

  write(bytes: Uint8Array, offset: number): void {
    let written = 0
    try {
      while (written < bytes.length) {
        const left = bytes.length - written
        written += fs.writeSync(this.#descriptor, bytes, written, left, offset + written)
      }
    } catch (error) {
      throw new DiskFault('write to', this.path, error)
    }
  }

  sync(done: (error: Error | undefined) => void): void {
    fs.fdatasync(this.#descriptor, (error) =>
      done(error === null ? undefined : new DiskFault('sync', this.path, error)),
    )
  }

  /** The number may be another file's right after, or a socket's: closing it twice would close that. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    fs.closeSync(this.#descriptor)
  }
}

function failing(deed: string, path: string): (error: unknown) => never {
  return (error) => {
    throw new DiskFault(deed, path, error)
  }
}

/**
 * Node offers no flock, but SQLite, which it carries, takes the operating system's record locks: these end with the process,
 * need no stale file judged by its process id (every container's agent has the same one), and hold between containers.
 */
function takeLock(path: string): DiskLock | 'taken' {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if ((error as { readonly errcode?: number }).errcode === sqliteBusy) return 'taken'
    throw new DiskFault('lock', path, whyNotWritable(path) ?? error)
  }
  const held = database
  return { release: () => held.close() }
}

const sqliteBusy = 5

/** SQLite says that it could not, and not why. */
function whyNotWritable(path: string): unknown {
  try {
    fs.accessSync(fs.existsSync(path) ? path : dirname(path), fs.constants.W_OK)
    return undefined
  } catch (error) {
    return error
  }
}
