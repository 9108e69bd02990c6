import type { AppendBatch } from '../core/output.ts'
import type { Entry, EntryId, HardState, Index, LogView, SnapshotMeta } from '../types.ts'

/**
 * Where the log lives. One is in memory (memory-log.ts), one on disk (wal.ts), and both pass one compliance suite.
 *
 * Writing is in order and merged: while one batch is on its way to the disk the next ones gather, and go together with one
 * write and one sync. Reading is synchronous and sees everything that was given to `append`, durable or not; durability is
 * told by the callback and by nothing else.
 *
 * A write or a sync that failed is never tried again: after it nobody can say what the disk holds (the kernel marks such
 * pages clean), so the store tells the `fatal` it was made with, calls nobody back any more, and the process ends.
 */
export interface LogStore extends LogView, AsyncDisposable {
  /** What opening found. */
  readonly recovered: RecoveredLog
  /** Calls back, in order and never before it returns, once the batch and all before it are durable. */
  append(batch: AppendBatch, durable: () => void): void
  /**
   * Entries up to here will not be read again; storage may keep more than it must. A snapshot at or after `through` must be
   * durable in this log first.
   */
  compact(through: Index): void
  /**
   * False while the disk has no room for what comes after the room already set aside, or is so far behind that much waits for it
   * in memory: time to refuse new entries, so that the rest is left to terms and votes.
   */
  hasRoom(): boolean
}

export interface RecoveredLog {
  readonly hardState: HardState
  readonly snapshot: SnapshotMeta | null
  /** The log's membership entries above the snapshot, in order. */
  readonly memberships: readonly Entry[]
}

/**
 * Where snapshots live: whole ones, each under the id of the last entry it holds, and at most one that another server is
 * sending. A snapshot is there whole and durable, or not at all.
 */
export interface SnapshotStore {
  /** Every whole snapshot, the newest first. */
  list(): readonly StoredSnapshot[]
  /**
   * Writes a whole snapshot and makes it durable. Chunks are taken as the disk takes them, and none is looked at after the next was
   * asked for. A failure, of the chunks or of the disk, leaves nothing behind.
   */
  write(
    meta: SnapshotMeta,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<StoredSnapshot>
  /** The chunks as they were written, each checked. Throws where the snapshot is missing or damaged. */
  read(id: EntryId): AsyncIterable<Uint8Array>
  /** Part of a snapshot in its sealed form, to be sent to another server; `last` when it reaches the end. */
  readPart(id: EntryId, offsetBytes: number, sizeMax: number): Promise<SnapshotPart>
  /**
   * Keeps part of a snapshot that another server sends in its sealed form, and says where the next should begin. A part that
   * does not continue what is there is not kept; a part of another snapshot at offset 0 takes its place.
   */
  writePart(meta: SnapshotMeta, part: SnapshotPart): Promise<PartWritten>
  /** Removes what is older than this one but for the newest of those. A file that will not go is no failure. */
  retain(id: EntryId): Promise<void>
}

export interface StoredSnapshot {
  readonly meta: SnapshotMeta
  /** Of its sealed form. */
  readonly sizeBytes: number
}

export interface SnapshotPart {
  readonly offsetBytes: number
  readonly data: Uint8Array
  readonly last: boolean
}

/** `whole` once the last part came, the snapshot was checked from end to end, and is durable. */
export type PartWritten =
  | { readonly kind: 'more'; readonly nextOffsetBytes: number }
  | { readonly kind: 'whole'; readonly stored: StoredSnapshot }
