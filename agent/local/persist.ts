import { createHash } from 'node:crypto'
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { describeError, PraetorError } from '../../server/model/errors.ts'
import { describeSystemError } from '../../server/model/system-error.ts'
import { DiskFault } from '../../server/raft/storage/disk-fault.ts'
import { makeDirectory } from '../../server/raft/storage/node-disk.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { ServiceRow } from './definitions.ts'
import type { PersistedCheck, PersistedCheckState } from './persisted-check.ts'

/** What was registered by a client, and not by a file, must outlive the agent's process. The files are Consul's, place and form. */
export interface PersistedService {
  readonly Token: string
  readonly Service: ServiceRow
  readonly Source: string
  /** Goes with the service that it is beside. A Consul passes over it, and leaves such a sidecar behind. */
  readonly IsSidecar?: boolean
}

interface Kinds {
  services: PersistedService
  checks: PersistedCheck
  'checks/state': PersistedCheckState
}

/** The files of one agent's registrations under its data directory; with none (`-dev`), nothing is kept. */
export class LocalFiles {
  readonly #dataDir: string
  readonly #log: Log
  /** Writes to one file happen one after the other, in the order they were asked for. */
  readonly #queues = new Map<string, Promise<void>>()

  constructor(dataDir: string, log: Log) {
    this.#dataDir = dataDir
    this.#log = log
  }

  /**
   * Resolves when the entry is under its name, whole: on disk, but for the words of TTL checks, which come all the time and are
   * too old to matter once a host has started again. Rejects with a DiskFault.
   */
  async save<Kind extends keyof Kinds>(kind: Kind, id: string, entry: Kinds[Kind]): Promise<void> {
    if (this.#dataDir === '') return
    const write = kind === 'checks/state' ? overwrite : writeThrough
    await this.#enqueue(this.#path(kind, id), (path) =>
      replace(path, JSON.stringify(entry), write).catch((error: unknown) => {
        throw error instanceof DiskFault ? error : new DiskFault('write', path, error)
      }),
    )
  }

  async remove(kind: keyof Kinds, id: string): Promise<void> {
    if (this.#dataDir === '') return
    await this.#enqueue(this.#path(kind, id), (path) =>
      rm(path, { force: true }).catch((error: unknown) => {
        throw new DiskFault('remove', path, error)
      }),
    )
  }

  /**
   * Everything of a kind. A file that can't be read is left where it is and said, not guessed at. Rejects with a PraetorError where the
   * directory can't be: an agent that forgot everything would take it out of the catalog.
   */
  async load<Kind extends keyof Kinds>(kind: Kind): Promise<Kinds[Kind][]> {
    if (this.#dataDir === '') return []
    const directory = join(this.#dataDir, kind)
    const entries: Kinds[Kind][] = []
    for (const name of await namesIn(kind, directory)) {
      const path = join(directory, name)
      if (name.endsWith('.tmp')) {
        // Left by a crash; nobody reads it.
        await rm(path, { force: true }).catch(() => undefined)
        continue
      }
      try {
        entries.push(JSON.parse(await readFile(path, 'utf8')) as Kinds[Kind])
      } catch (error) {
        this.#log.warn(
          { file: path, error: describeError(error) },
          `Failed to load a persisted file`,
        )
      }
    }
    return entries
  }

  #path(kind: keyof Kinds, id: string): string {
    return join(this.#dataDir, kind, createHash('md5').update(id).digest('hex'))
  }

  async #enqueue(path: string, work: (path: string) => Promise<void>): Promise<void> {
    const before = this.#queues.get(path) ?? Promise.resolve()
    const mine = before.catch(() => undefined).then(() => work(path))
    this.#queues.set(path, mine)
    try {
      await mine
    } finally {
      if (this.#queues.get(path) === mine) this.#queues.delete(path)
    }
  }
}

async function namesIn(kind: keyof Kinds, directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new PraetorError(
      'failed',
      `Failed reading ${kind} dir ${JSON.stringify(directory)}: ${describeSystemError(error)}`,
    )
  }
}

async function replace(path: string, text: string, write: typeof writeThrough): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    await write(temporary, text)
  } catch (error) {
    // The directory isn't there yet, or no longer; what else stands in its place is said by whoever makes it.
    if (!/^(ENOENT|ENOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
    await makeDirectory(dirname(path), 0o700)
    await write(temporary, text)
  }
  await rename(temporary, path)
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function overwrite(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
}
