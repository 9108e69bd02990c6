import { join } from 'node:path'

import { assert, must } from '../../model/assert.ts'
import { PraetorError } from '../../model/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { AppendBatch } from '../core/output.ts'
import type { Entry, HardState, Index, SnapshotMeta, Term } from '../types.ts'
import { BatchBuilder } from './batch-builder.ts'
import { synced, type Disk, type DiskFile, type DiskLock } from './disk.ts'
import { batchEnd, entryRecordBytes, type Record } from './format.ts'
import type { LogImage } from './log-image.ts'
import type { BatchPlace, Places } from './places.ts'
import type { LogStore, RecoveredLog } from './port.ts'
import { recover, type Identity, type Recovery } from './recovery.ts'
import { beginSegment, sealBytes, type ChainEnd, type Segment } from './segment.ts'
import { Spares } from './spares.ts'

export interface WalOptions extends Identity {
  readonly disk: Disk
  /** Absolute. Made if it is not there. */
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  /** A write or sync failed: ends the process. If it returns, the log does nothing more. */
  readonly fatal: (error: Error) => void
  readonly sizes?: WalSizes
}

export interface WalSizes {
  /** A multiple of 4096. */
  readonly segmentBytes: number
  /** Batches are merged up to this; a single one may exceed it, and must fit in a segment. */
  readonly batchBytesMax: number
  /** Payload kept in memory beside what is being written. */
  readonly tailBytesMax: number
}

/** 16 MiB are filled in 15 ms at the first start, and compaction, which takes whole segments, stays close to its mark. */
export const walSizes: WalSizes = {
  segmentBytes: 16 << 20,
  batchBytesMax: 4 << 20,
  tailBytesMax: 32 << 20,
}

/** More than this is in memory only while the disk does not keep up. */
const waitingBytesMax = 128 << 20

/** Opens the log in a directory, or begins one there. Rejects with one plain sentence where it must not be opened. */
export async function openWal(options: WalOptions): Promise<LogStore> {
  const { clock, directory, disk, fatal, log } = options
  const sizes = options.sizes ?? walSizes
  await disk.makeDirectory(directory)
  const lock = await disk.lock(join(directory, 'lock'))
  if (lock === 'taken')
    throw new PraetorError('conflict', `the log in ${directory} is in use by another agent`)
  try {
    const { segmentBytes } = sizes
    const spares = new Spares({ disk, directory, segmentBytes, clock, log, fatal })
    await spares.open()
    const identity = { clusterId: options.clusterId, nodeId: options.nodeId }
    const recovery = await recover({ disk, directory, identity, log, ...sizes })
    const wal = new Wal(options, sizes, recovery, spares, lock)
    await wal.begin()
    return wal
  } catch (error) {
    lock.release()
    throw error
  }
}

interface Pending {
  readonly batch: AppendBatch
  readonly durable: () => void
}

/**
 * The write-ahead log: one stream of checksummed batches over numbered segments. Term, vote, truncations, snapshot marks and
 * entries go through the one stream, so none can overtake another.
 */
class Wal implements LogStore {
  readonly recovered: RecoveredLog
  readonly #options: WalOptions
  readonly #sizes: WalSizes
  readonly #spares: Spares
  readonly #lock: DiskLock
  readonly #image: LogImage
  readonly #places: Places
  readonly #segments: Segment[]
  readonly #builder: BatchBuilder
  #end: ChainEnd
  /** What was given to `append` and is in no batch yet. */
  #queue: Pending[] = []
  /** A batch is on its way to the disk, or the next segment is being made for it. */
  #isWriting = false
  /** What all batches up to the last written say: the image runs ahead of it by what waits. */
  #written: { hardState: HardState; snapshot: SnapshotMeta | null; lastIndex: Index }
  #state: 'open' | 'closing' | 'closed' | 'failed' = 'open'
  #idle: (() => void)[] = []
  #tidying: Promise<void> = Promise.resolve()

  constructor(
    options: WalOptions,
    sizes: WalSizes,
    recovery: Recovery,
    spares: Spares,
    lock: DiskLock,
  ) {
    this.#options = options
    this.#sizes = sizes
    this.#spares = spares
    this.#lock = lock
    this.#image = recovery.image
    this.#places = recovery.places
    this.#segments = recovery.segments
    this.#end = recovery.end
    const { hardState, lastIndex, snapshot } = recovery.image
    this.#written = { hardState, snapshot, lastIndex }
    this.#builder = new BatchBuilder(sizes.batchBytesMax)
    this.recovered = recovery.image.recovered()
  }

  /** A log that never began gets its first segment. */
  async begin(): Promise<void> {
    if (this.#segments.length === 0) await this.#beginSegment(1, await this.#spares.takeFirst())
    this.#prepareSpares()
  }

  append(batch: AppendBatch, durable: () => void): void {
    assert(this.#state === 'open' || this.#state === 'failed', 'append to a log that was closed')
    this.#image.append(batch)
    this.#queue.push({ batch, durable })
    this.#flush()
  }

  compact(through: Index): void {
    assert((this.#image.snapshot?.index ?? 0) >= through, `entry ${through} is in a snapshot`)
    this.#image.compact(through)
    this.#places.forgetBefore(this.#image.firstIndex)
    this.#tidying = this.#tidying
      .then(() => this.#releaseSegments(through))
      .catch((error: unknown) => this.#fail(error))
  }

  hasRoom(): boolean {
    if (this.#image.tail.sizeBytes > waitingBytesMax) return false
    const { sizeBytes, writeOffset } = this.#current()
    return !this.#spares.exhausted || writeOffset * 2 < sizeBytes
  }

  firstIndex(): Index {
    return this.#image.firstIndex
  }

  lastIndex(): Index {
    return this.#image.lastIndex
  }

  term(index: Index): Term {
    return this.#image.term(index)
  }

  entries(from: Index, through: Index, bytesMax: number): readonly Entry[] {
    assert(
      from >= this.firstIndex() && from <= through && through <= this.lastIndex(),
      `entries ${from} to ${through} are in the log`,
    )
    const { tail } = this.#image
    if (from >= tail.firstIndex) return tail.slice(from, through, bytesMax)
    return this.#places.read(from, Math.min(through, tail.firstIndex - 1), bytesMax)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return
    if (this.#state === 'open') {
      this.#state = 'closing'
      // A batch that waits for room on a full disk is not waited for: nobody was told that it is durable.
      if (this.#spares.exhausted) await this.#spares[Symbol.asyncDispose]()
      if (this.#isWriting)
        await new Promise<void>((resolve) => {
          this.#idle.push(resolve)
        })
    }
    this.#state = 'closed'
    await this.#spares[Symbol.asyncDispose]()
    await this.#tidying
    for (const { file } of this.#segments) file.close()
    this.#lock.release()
  }

  /** Writes what waits as one batch, unless one is on its way: then its end will. */
  #flush(): void {
    if (this.#isWriting || this.#queue.length === 0 || this.#hasStopped()) return
    this.#isWriting = true
    const pending = this.#gather()
    const segment = this.#current()
    const end = segment.writeOffset + batchEnd(0, this.#builder.sizeBytes) + sealBytes
    if (end <= segment.sizeBytes) this.#write(segment, pending)
    else void this.#writeToNext(pending)
  }

  async #writeToNext(pending: readonly Pending[]): Promise<void> {
    try {
      this.#write(await this.#turnOver(), pending)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Fills the builder from the queue, as far as one batch goes. */
  #gather(): readonly Pending[] {
    let count = 0
    for (const { batch } of this.#queue) {
      if (count > 0 && this.#builder.sizeBytes + sizeOf(batch) > this.#sizes.batchBytesMax) break
      addBatch(this.#builder, batch)
      count += 1
    }
    const pending = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count)
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count)
    return pending
  }

  /** One write into the page cache, one sync on another thread. */
  #write(segment: Segment, pending: readonly Pending[]): void {
    const offset = segment.writeOffset
    const sequence = this.#end.sequence + 1
    const { bytes, chain, sizeBytes } = this.#builder.finish({
      segmentSequence: segment.sequence,
      sequence,
      previousChain: this.#end.chain,
    })
    assert(offset + bytes.length + sealBytes <= segment.sizeBytes, 'a batch fits in its segment')
    try {
      segment.file.write(bytes, offset)
    } catch (error) {
      return this.#fail(error)
    }
    this.#end = { chain, sequence }
    segment.writeOffset += bytes.length
    this.#noteWritten(pending, { segment, offset, sizeBytes })
    segment.file.sync((error) => {
      if (error === undefined) return this.#wrote(pending)
      takeBack(segment.file, offset, bytes.length)
      this.#fail(error)
    })
  }

  #noteWritten(pending: readonly Pending[], place: Omit<BatchPlace, 'firstIndex'>): void {
    const { segment } = place
    const written = this.#written
    let firstIndex: Index = Infinity
    for (const { batch } of pending) {
      const { entries, hardState, snapshot, truncateFrom } = batch
      if (hardState !== null) written.hardState = hardState
      if (truncateFrom !== null) written.lastIndex = truncateFrom - 1
      if (snapshot !== null) {
        written.snapshot = snapshot
        written.lastIndex = Math.max(written.lastIndex, snapshot.index)
      }
      const first = entries[0]
      if (first === undefined) continue
      firstIndex = Math.min(firstIndex, first.index)
      written.lastIndex = first.index + entries.length - 1
      segment.lastIndex = Math.max(segment.lastIndex, written.lastIndex)
    }
    if (firstIndex < Infinity) this.#places.note({ ...place, firstIndex })
  }

  #wrote(pending: readonly Pending[]): void {
    if (this.#hasStopped()) return
    this.#image.tail.shrink(this.#sizes.tailBytesMax, this.#evictableThrough())
    this.#isWriting = false
    this.#flush()
    for (const { durable } of pending) durable()
    this.#prepareSpares()
    if (!this.#isWriting) this.#settleIdle()
  }

  /** Entries up to here can be read back. */
  #evictableThrough(): Index {
    let through = this.#written.lastIndex
    for (const { batch } of this.#queue) {
      if (batch.truncateFrom !== null) through = Math.min(through, batch.truncateFrom - 1)
    }
    return through
  }

  /**
   * Goes over to the next segment. It is made whole and named before this one is sealed: so a sealed segment without the next
   * is a hole, an unsealed one before a next that was never used is a crash, and an unsealed one before a used one is damage.
   */
  async #turnOver(): Promise<Segment> {
    const segment = this.#current()
    const sealing = new BatchBuilder(sealBytes + 64)
    sealing.add({ kind: 'seal' })
    const sequence = this.#end.sequence + 1
    const { bytes, chain } = sealing.finish({
      segmentSequence: segment.sequence,
      sequence,
      previousChain: this.#end.chain,
    })
    this.#end = { chain, sequence }
    const next = await this.#beginSegment(segment.sequence + 1, await this.#spares.take())
    const offset = segment.writeOffset
    segment.file.write(bytes, offset)
    segment.writeOffset += bytes.length
    await synced(segment.file).catch((error: unknown) => {
      takeBack(segment.file, offset, bytes.length)
      throw error
    })
    return next
  }

  async #beginSegment(sequence: number, spare: DiskFile): Promise<Segment> {
    const { clusterId, directory, disk, nodeId } = this.#options
    const { segment, end } = await beginSegment(
      disk,
      directory,
      spare,
      {
        clusterId,
        nodeId,
        sequence,
        baseIndex: this.#written.lastIndex + 1,
        previousChain: this.#end.chain,
      },
      carried(this.#written),
      this.#end,
    )
    this.#end = end
    this.#segments.push(segment)
    return segment
  }

  /** Sets segments aside that hold nothing after `through`; the last always stays. */
  async #releaseSegments(through: Index): Promise<void> {
    while (this.#segments.length > 1 && this.#oldest().lastIndex <= through) {
      const { file, path } = this.#oldest()
      this.#segments.shift()
      file.close()
      await this.#spares.offer(path)
    }
  }

  #prepareSpares(): void {
    const { sizeBytes, writeOffset } = this.#current()
    if (writeOffset * 8 > sizeBytes) this.#spares.prepare()
  }

  #settleIdle(): void {
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #current(): Segment {
    return must(this.#segments.at(-1), 'a segment to write to')
  }

  #oldest(): Segment {
    return must(this.#segments[0], 'an oldest segment')
  }

  #hasStopped(): boolean {
    return this.#state === 'closed' || this.#state === 'failed'
  }

  #fail(error: unknown): void {
    if (this.#hasStopped()) return
    const { fatal } = this.#options
    const wasClosing = this.#state === 'closing'
    this.#state = 'failed'
    this.#settleIdle()
    if (!wasClosing) fatal(error as Error)
  }
}

/**
 * After a sync that failed the kernel may show bytes that never reached the disk, and no later sync will write them (it marks such
 * pages clean). Whoever opens the log next would take them for durable, so they are made zeros, as if never written. That much
 * need not succeed, and nothing of them was acknowledged.
 */
function takeBack(file: DiskFile, offset: number, sizeBytes: number): void {
  try {
    file.write(new Uint8Array(sizeBytes), offset)
  } catch {
    // The disk takes nothing any more.
  }
}

/** What a segment's first batch repeats, so that those before it may go. */
function carried(written: {
  readonly hardState: HardState
  readonly snapshot: SnapshotMeta | null
}): readonly Record[] {
  const { hardState, snapshot } = written
  const records: Record[] = [{ kind: 'hardState', hardState }]
  if (snapshot !== null) records.push({ kind: 'snapshot', snapshot, carried: true })
  return records
}

function addBatch(builder: BatchBuilder, batch: AppendBatch): void {
  const { entries, hardState, snapshot, truncateFrom } = batch
  if (hardState !== null) builder.add({ kind: 'hardState', hardState })
  if (truncateFrom !== null) builder.add({ kind: 'truncate', from: truncateFrom })
  if (snapshot !== null) builder.add({ kind: 'snapshot', snapshot, carried: false })
  for (const entry of entries) builder.addEntry(entry)
}

/** A little more than the batch will take. */
function sizeOf(batch: AppendBatch): number {
  let sizeBytes = batch.snapshot === null ? 1024 : JSON.stringify(batch.snapshot).length + 1024
  for (const entry of batch.entries) sizeBytes += entryRecordBytes(entry)
  return sizeBytes
}
