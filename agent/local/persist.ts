import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { describeError } from '../../server/model/errors.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { CheckRow, ServiceRow } from './definitions.ts'

/** What was registered by a client, and not by a file, must outlive the agent's process. The files are Consul's, place and form. */
export interface PersistedService {
  readonly Token: string
  readonly Service: ServiceRow
  readonly Source: string
}

export interface PersistedCheck {
  readonly Check: CheckRow
  readonly ChkType: CheckDefinition
  readonly Token: string
  readonly Source: string
}

/** A TTL check's last word, so that a quick restart doesn't turn it critical. `Expires` is in wall milliseconds. */
export interface PersistedCheckState {
  readonly CheckID: string
  readonly Output: string
  readonly Status: CheckStatus
  readonly Expires: number
}

interface Kinds {
  services: PersistedService
  checks: PersistedCheck
  'check-state': PersistedCheckState
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

  /** Resolves when the entry is on disk under its name, whole. */
  async save<Kind extends keyof Kinds>(kind: Kind, id: string, entry: Kinds[Kind]): Promise<void> {
    if (this.#dataDir === '') return
    await this.#enqueue(this.#path(kind, id), async (path) => {
      await mkdir(join(this.#dataDir, kind), { recursive: true, mode: 0o700 })
      const temporary = `${path}.tmp`
      const file = await open(temporary, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(entry))
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    })
  }

  async remove(kind: keyof Kinds, id: string): Promise<void> {
    if (this.#dataDir === '') return
    await this.#enqueue(this.#path(kind, id), (path) => rm(path, { force: true }))
  }

  /** Everything of a kind. A file that can't be read is left where it is and said, not guessed at. */
  async load<Kind extends keyof Kinds>(kind: Kind): Promise<Kinds[Kind][]> {
    if (this.#dataDir === '') return []
    const directory = join(this.#dataDir, kind)
    const entries: Kinds[Kind][] = []
    for (const name of await readdir(directory).catch(() => [])) {
      const path = join(directory, name)
      if (name.endsWith('.tmp')) {
        await rm(path, { force: true })
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
