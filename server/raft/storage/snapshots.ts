import { join } from 'node:path'

import { PraetorError, describeError } from '../../model/errors.ts'
import type { Log } from '../../runtime/log.ts'
import type { EntryId, SnapshotMeta } from '../types.ts'
import { synced, type Disk, type DiskFile } from './disk.ts'
import type { PartWritten, SnapshotPart, SnapshotStore, StoredSnapshot } from './port.ts'
import { openSnapshot, sealSnapshot } from './snapshot-format.ts'

interface SnapshotsOptions {
  readonly disk: Disk
  /** Absolute. Made if it is not there. Whoever holds the log's lock may use it. */
  readonly directory: string
  readonly log: Log
}

/** How many bytes are handled before others get a turn. */
const sliceBytes = 256 << 10

/** How many bytes wait in the page cache at most: what goes to the disk in one piece holds up the log's own syncs as long. */
const unsyncedBytesMax = 8 << 20

const suffix = '.snapshot'

/** Opens the snapshots of a directory, and removes what was never finished. */
export async function openSnapshots(options: SnapshotsOptions): Promise<SnapshotStore> {
  const { directory, disk, log } = options
  await disk.makeDirectory(directory)
  const found: StoredSnapshot[] = []
  for (const name of await disk.list(directory)) {
    const path = join(directory, name)
    if (!name.endsWith(suffix)) {
      await disk.remove(path)
      continue
    }
    const file = await disk.open(path, 'existing')
    try {
      const { meta } = openSnapshot(path, (offset, size) => readAt(file, offset, size))
      found.push({ meta, sizeBytes: file.sizeBytes() })
    } catch (error) {
      // It stays where it is, for whoever wants to look at it. If the log needs it, that will be said.
      log.error({ error: describeError(error) }, 'a snapshot cannot be read')
    } finally {
      file.close()
    }
  }
  return new Snapshots(options, found)
}

/** What another server is sending. */
interface Incoming {
  readonly id: EntryId
  readonly file: DiskFile
  sizeBytes: number
  unsyncedBytes: number
}

/** One file for each snapshot, written under another name until it is whole and durable. */
class Snapshots implements SnapshotStore {
  readonly #disk: Disk
  readonly #directory: string
  /** The newest first. */
  #stored: readonly StoredSnapshot[]
  #incoming: Incoming | null = null
  #lastNumber = 0

  constructor(options: SnapshotsOptions, found: readonly StoredSnapshot[]) {
    this.#disk = options.disk
    this.#directory = options.directory
    this.#stored = newestFirst(found)
  }

  list(): readonly StoredSnapshot[] {
    return this.#stored
  }

  async write(
    meta: SnapshotMeta,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<StoredSnapshot> {
    const file = await this.#openUnfinished()
    try {
      let [offset, handled, unsynced] = [0, 0, 0]
      for await (const part of sealSnapshot(meta, chunks)) {
        file.write(part, offset)
        offset += part.length
        handled += part.length
        if (handled < sliceBytes) continue
        unsynced += handled
        handled = 0
        if (unsynced < unsyncedBytesMax) await nextTurn()
        else {
          await synced(file)
          unsynced = 0
        }
        signal.throwIfAborted()
      }
      signal.throwIfAborted()
      return await this.#finish(file, meta, offset)
    } catch (error) {
      await this.#abandon(file)
      throw error
    }
  }

  async *read(id: EntryId): AsyncIterable<Uint8Array> {
    const path = this.#pathOf(id)
    const file = await this.#disk.open(path, 'existing')
    try {
      let handled = 0
      for (const chunk of openSnapshot(path, (offset, size) => readAt(file, offset, size)).chunks) {
        yield chunk
        handled += chunk.length
        if (handled < sliceBytes) continue
        handled = 0
        await nextTurn()
      }
    } finally {
      file.close()
    }
  }

  async readPart(id: EntryId, offsetBytes: number, sizeMax: number): Promise<SnapshotPart> {
    const file = await this.#disk.open(this.#pathOf(id), 'existing')
    try {
      const data = readAt(file, offsetBytes, sizeMax)
      return { offsetBytes, data, last: offsetBytes + data.length >= file.sizeBytes() }
    } finally {
      file.close()
    }
  }

  async writePart(meta: SnapshotMeta, part: SnapshotPart): Promise<PartWritten> {
    const incoming = await this.#incomingFor(meta, part.offsetBytes)
    if (incoming === null) return { kind: 'more', nextOffsetBytes: 0 }
    const { file, sizeBytes } = incoming
    if (sizeBytes !== part.offsetBytes) return { kind: 'more', nextOffsetBytes: sizeBytes }
    try {
      file.write(part.data, sizeBytes)
      incoming.sizeBytes += part.data.length
      incoming.unsyncedBytes += part.data.length
      if (incoming.unsyncedBytes >= unsyncedBytesMax) {
        incoming.unsyncedBytes = 0
        await synced(file)
      }
      if (!part.last) return { kind: 'more', nextOffsetBytes: incoming.sizeBytes }
      this.#incoming = null
      const opened = openSnapshot('the snapshot received', (offset, size) =>
        readAt(file, offset, size),
      )
      let handled = 0
      for (const chunk of opened.chunks) {
        handled += chunk.length
        if (handled < sliceBytes) continue
        handled = 0
        await nextTurn()
      }
      if (!isSame(opened.meta, meta))
        throw new PraetorError('failed', 'the snapshot received is not the one announced')
      return {
        kind: 'whole',
        stored: await this.#finish(file, opened.meta, incoming.sizeBytes),
      }
    } catch (error) {
      this.#incoming = null
      await this.#abandon(file)
      throw error
    }
  }

  async retain(id: EntryId): Promise<void> {
    const older = this.#stored.filter(({ meta }) => meta.index < id.index)
    const removed = older.slice(1)
    this.#stored = this.#stored.filter((stored) => !removed.includes(stored))
    for (const { meta } of removed) await this.#disk.remove(this.#pathOf(meta))
    if (removed.length > 0) await this.#disk.syncDirectory(this.#directory)
  }

  /** What is being received of this snapshot; null where there is nothing that could be continued. */
  async #incomingFor(meta: SnapshotMeta, offsetBytes: number): Promise<Incoming | null> {
    const { index, term } = meta
    if (offsetBytes === 0) {
      if (this.#incoming !== null) await this.#abandon(this.#incoming.file)
      this.#incoming = {
        id: { term, index },
        file: await this.#openUnfinished(),
        sizeBytes: 0,
        unsyncedBytes: 0,
      }
    }
    return this.#incoming !== null && isSame(this.#incoming.id, meta) ? this.#incoming : null
  }

  #openUnfinished(): Promise<DiskFile> {
    this.#lastNumber += 1
    return this.#disk.open(join(this.#directory, `unfinished-${this.#lastNumber}`), 'create')
  }

  async #finish(file: DiskFile, meta: SnapshotMeta, sizeBytes: number): Promise<StoredSnapshot> {
    await synced(file)
    file.close()
    await this.#disk.rename(file.path, this.#pathOf(meta))
    await this.#disk.syncDirectory(this.#directory)
    const stored = { meta, sizeBytes }
    this.#stored = newestFirst([
      stored,
      ...this.#stored.filter((other) => !isSame(other.meta, meta)),
    ])
    return stored
  }

  async #abandon(file: DiskFile): Promise<void> {
    file.close()
    await this.#disk.remove(file.path)
  }

  #pathOf(id: EntryId): string {
    return join(this.#directory, `${id.term}-${id.index}${suffix}`)
  }
}

function newestFirst(snapshots: readonly StoredSnapshot[]): readonly StoredSnapshot[] {
  return snapshots.toSorted((left, right) => right.meta.index - left.meta.index)
}

function isSame(left: EntryId, right: EntryId): boolean {
  return left.index === right.index && left.term === right.term
}

function readAt(file: DiskFile, offset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  return bytes.subarray(0, file.read(bytes, offset))
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
