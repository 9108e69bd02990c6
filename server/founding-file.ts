import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Founded } from './founding.ts'
import { keepFile } from './kept-file.ts'
import { DiskFault } from './raft/storage/disk-fault.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'

/**
 * The cluster that this server is part of, kept beside its log: the id in `cluster-id`, and in `founders.json` with whom it begins,
 * for as long as it is not in the log. Else a founder that was ended in between would wait for ever to be let in by a log that only it
 * could have begun.
 *
 * All reject with a DiskFault.
 */
export class FoundingFile {
  readonly #idPath: string
  readonly #foundersPath: string

  /** The directory is made where something is kept. */
  constructor(directory: string) {
    this.#idPath = join(directory, 'cluster-id')
    this.#foundersPath = join(directory, 'founders.json')
  }

  /** Undefined for a server that never was in any. */
  async read(): Promise<Founded | undefined> {
    const clusterId = (await textOf(this.#idPath))?.trim()
    if (clusterId === undefined) return undefined
    const text = await textOf(this.#foundersPath)
    const kept = text === undefined ? undefined : (JSON.parse(text) as Founded)
    // A founding that did not come to its id is none: nobody was told of it.
    return kept?.clusterId === clusterId ? kept : { clusterId, founders: undefined }
  }

  async keep(founded: Founded): Promise<void> {
    if (founded.founders !== undefined) await keepFile(this.#foundersPath, JSON.stringify(founded))
    await keepFile(this.#idPath, founded.clusterId)
  }

  /** The log has begun. Were it lost later, it must not begin again under the same names: its votes would be lost with it. */
  async begun(): Promise<void> {
    await nodeDisk.remove(this.#foundersPath)
    await nodeDisk.syncDirectory(dirname(this.#foundersPath))
  }
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new DiskFault('read', path, error)
  })
}
