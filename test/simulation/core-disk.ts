import { must } from '../../server/model/assert.ts'
import type { SnapshotChunk } from '../../server/raft/core/messages.ts'
import type { AppendBatch, RaftEvent } from '../../server/raft/core/output.ts'
import type { Entry, EntryId, NodeId, SnapshotMeta } from '../../server/raft/types.ts'
import { MemoryDisk } from '../support/raft-disk.ts'
import type { Draw } from './draw.ts'

interface SnapshotFile {
  readonly meta: SnapshotMeta
  readonly data: Uint8Array
}

/**
 * The disk of a simulated core: batches become durable when a write ends. What was on its way when the power went is there or
 * not, as a whole, because the log's checksums make it so; what still waited is not.
 */
export class CoreDisk {
  readonly log: MemoryDisk
  failsNextSync = false
  #waiting: AppendBatch[] = []
  #writing: AppendBatch[] = []
  #files: readonly SnapshotFile[] = []
  #incoming: {
    readonly meta: SnapshotMeta
    readonly parts: Uint8Array[]
    sizeBytes: number
  } | null = null

  constructor(entries: readonly Entry[]) {
    this.log = new MemoryDisk(entries)
  }

  append(batch: AppendBatch): void {
    this.#waiting.push(batch)
  }

  /** False when there is nothing to write, or a write under way. */
  beginWrite(): boolean {
    if (this.#writing.length > 0 || this.#waiting.length === 0) return false
    this.#writing = this.#waiting
    this.#waiting = []
    return true
  }

  /** Says up to which batch everything is durable now. */
  endWrite(): number {
    const seq = must(this.#writing.at(-1), 'a write under way').seq
    this.#makeDurable()
    return seq
  }

  powerCut(draw: Draw): void {
    if (draw.happens(0.5)) this.#makeDurable()
    this.#writing = []
    this.#waiting = []
    this.#incoming = null
    this.failsNextSync = false
  }

  keep(file: SnapshotFile): void {
    const others = this.#files.filter(({ meta }) => meta.index !== file.meta.index)
    // The log's own snapshot may be older than the newest: the mark comes later than the file.
    this.#files = [file, ...others].toSorted((a, b) => b.meta.index - a.meta.index)
  }

  /** The newest without an id. */
  find(id: EntryId | null): SnapshotFile | undefined {
    return this.#files.find(({ meta }) => id === null || meta.index === id.index)
  }

  file(id: EntryId): SnapshotFile {
    return must(this.find(id), `snapshot ${id.index} is there`)
  }

  /** Keeps part of another server's snapshot, and gives the core's answer. */
  store(from: NodeId, chunk: SnapshotChunk): RaftEvent {
    const { data, last, offsetBytes, snapshot } = chunk
    if (this.#incoming?.meta.index !== snapshot.index)
      this.#incoming = { meta: snapshot, parts: [], sizeBytes: 0 }
    const incoming = this.#incoming
    const isNext = offsetBytes === incoming.sizeBytes
    if (isNext) {
      incoming.parts.push(data)
      incoming.sizeBytes += data.length
    }
    if (!isNext || !last)
      return { kind: 'chunkStored', from, snapshot, nextOffsetBytes: incoming.sizeBytes }
    this.keep({ meta: snapshot, data: new Uint8Array(Buffer.concat(incoming.parts)) })
    this.#incoming = null
    return { kind: 'snapshotReceived', from, snapshot }
  }

  #makeDurable(): void {
    for (const batch of this.#writing) this.log.write(batch)
    this.#writing = []
    const base = this.log.snapshot?.index ?? 0
    const older = this.#files.filter(({ meta }) => meta.index < base)
    this.#files = this.#files.filter(({ meta }) => meta.index >= base).concat(older.slice(0, 1))
  }
}
