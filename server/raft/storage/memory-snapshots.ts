import { PraetorError } from '../../model/errors.ts'
import type { EntryId, SnapshotMeta } from '../types.ts'
import type { PartWritten, SnapshotPart, SnapshotStore, StoredSnapshot } from './port.ts'
import { openSnapshot, sealSnapshot } from './snapshot-format.ts'

interface Held extends StoredSnapshot {
  readonly sealed: Uint8Array
}

/** Snapshots that end with their process: they let a log in memory be compacted, and be sent to other servers. */
export class MemorySnapshots implements SnapshotStore {
  /** The newest first. */
  #held: readonly Held[] = []
  #incoming: { readonly id: EntryId; readonly parts: Uint8Array[]; sizeBytes: number } | null = null

  list(): readonly StoredSnapshot[] {
    return this.#held
  }

  async write(
    meta: SnapshotMeta,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<StoredSnapshot> {
    const parts: Uint8Array[] = []
    for await (const part of sealSnapshot(meta, chunks)) {
      signal.throwIfAborted()
      parts.push(Uint8Array.from(part))
    }
    return this.#hold(meta, Buffer.concat(parts))
  }

  async *read(id: EntryId): AsyncIterable<Uint8Array> {
    const { sealed } = this.#find(id)
    yield* openSnapshot(`snapshot ${id.term}-${id.index}`, readerOf(sealed)).chunks
  }

  async readPart(id: EntryId, offsetBytes: number, sizeMax: number): Promise<SnapshotPart> {
    const { sealed } = this.#find(id)
    const data = sealed.subarray(offsetBytes, offsetBytes + sizeMax)
    return { offsetBytes, data, last: offsetBytes + data.length >= sealed.length }
  }

  async writePart(meta: SnapshotMeta, part: SnapshotPart): Promise<PartWritten> {
    if (part.offsetBytes === 0)
      this.#incoming = {
        id: { term: meta.term, index: meta.index },
        parts: [],
        sizeBytes: 0,
      }
    const incoming = this.#incoming
    if (incoming === null || !sameId(incoming.id, meta)) return { kind: 'more', nextOffsetBytes: 0 }
    if (incoming.sizeBytes !== part.offsetBytes)
      return { kind: 'more', nextOffsetBytes: incoming.sizeBytes }
    incoming.parts.push(Uint8Array.from(part.data))
    incoming.sizeBytes += part.data.length
    if (!part.last) return { kind: 'more', nextOffsetBytes: incoming.sizeBytes }
    this.#incoming = null
    const sealed = Buffer.concat(incoming.parts)
    const opened = openSnapshot('the snapshot received', readerOf(sealed))
    for (const _ of opened.chunks);
    return { kind: 'whole', stored: this.#hold(opened.meta, sealed) }
  }

  async retain(id: EntryId): Promise<void> {
    const older = this.#held.filter((held) => held.meta.index < id.index)
    this.#held = this.#held.filter((held) => held.meta.index >= id.index).concat(older.slice(0, 1))
  }

  #hold(meta: SnapshotMeta, sealed: Uint8Array): StoredSnapshot {
    const held = { meta, sealed, sizeBytes: sealed.length }
    this.#held = [held, ...this.#held.filter((other) => !sameId(other.meta, meta))].toSorted(
      (left, right) => right.meta.index - left.meta.index,
    )
    return held
  }

  #find(id: EntryId): Held {
    const held = this.#held.find((candidate) => sameId(candidate.meta, id))
    if (held === undefined)
      throw new PraetorError('failed', `snapshot ${id.term}-${id.index} is gone`)
    return held
  }
}

function sameId(left: EntryId, right: EntryId): boolean {
  return left.index === right.index && left.term === right.term
}

function readerOf(sealed: Uint8Array): (offset: number, size: number) => Uint8Array {
  return (offset, size) => sealed.subarray(offset, offset + size)
}
