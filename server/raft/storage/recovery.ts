import { assert, assertNever, must } from '../../model/assert.ts'
import { PraetorError } from '../../model/errors.ts'
import type { Log } from '../../runtime/log.ts'
import type { Index } from '../types.ts'
import { synced, type Disk, type DiskFile } from './disk.ts'
import {
  alignmentBytes,
  batchEnd,
  batchHeaderBytes,
  decodeBatchHeader,
  decodeRecords,
  decodeSegmentHeader,
  headerBlockBytes,
  markOf,
  type BatchFlaw,
  type BatchHeader,
  type Record,
  type SegmentHeader,
} from './format.ts'
import { LogImage } from './log-image.ts'
import { Places } from './places.ts'
import { segmentPath, sequenceOf, type ChainEnd, type Segment } from './segment.ts'

/** Whose log this is. Opening another's would make two servers of one, or one of two. */
export interface Identity {
  readonly clusterId: string
  readonly nodeId: string
}

export interface Recovery {
  /** The oldest first; none for a log that never began. */
  readonly segments: Segment[]
  readonly end: ChainEnd
  readonly image: LogImage
  readonly places: Places
}

interface RecoveryOptions {
  readonly disk: Disk
  readonly directory: string
  readonly identity: Identity
  readonly log: Log
  /** Payload kept in memory; the rest is read again when it is asked for. */
  readonly tailBytesMax: number
}

/**
 * Reads a log back, and refuses what it can not explain by a crash. One batch at most was on its way to the disk, and nothing
 * of it was acknowledged; so what a crash leaves is whole batches, then perhaps the ruins of one, then nothing:
 *
 *   - the last segment may end in something that is no batch, with no batch of this log after it: it is cut off;
 *   - behind an unsealed segment there may be one that was made and not yet used: it is set aside;
 *   - everything else (a hole, a batch that fails its checksum before one that holds) is damage to what was acknowledged,
 *     and no server may go on without it as if it had never been.
 */
export async function recover(options: RecoveryOptions): Promise<Recovery> {
  const { directory, disk } = options
  const sequences = (await disk.list(directory))
    .map(sequenceOf)
    .filter((sequence) => sequence !== undefined)
    .toSorted((left, right) => left - right)
  const reading = new Reading(options)
  for (const [position, sequence] of sequences.entries()) {
    const expected = must(sequences[0], 'a first segment') + position
    if (sequence !== expected) throw hole(segmentPath(directory, expected))
    const isLast = position === sequences.length - 1
    if (!(await reading.segment(sequence, isLast))) break
  }
  return await reading.finish()
}

class Reading {
  readonly #options: RecoveryOptions
  readonly #segments: Segment[] = []
  readonly #places = new Places()
  #image: LogImage | null = null
  #end: ChainEnd = { chain: 0, sequence: 0 }
  #isSealed = true
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Reads the next segment; false when it is one that was made and not yet used, and so the last. */
  async segment(sequence: number, isLast: boolean): Promise<boolean> {
    const { directory, disk } = this.#options
    const path = segmentPath(directory, sequence)
    const file = await disk.open(path, 'existing')
    const bytes = this.#load(file)
    const header = this.#header(path, bytes)
    if (header.sequence !== sequence) throw misplaced(path, header.sequence)
    if (!this.#isSealed) {
      const unused = isLast && isUnused(bytes, header)
      file.close()
      if (!unused) throw this.#unsealed()
      // Out of the way before anything is appended to the segment before it, which makes its first batch a lie.
      await disk.remove(path)
      await disk.syncDirectory(directory)
      return false
    }
    this.#image ??= this.#begin(header)
    const last = this.#segments.at(-1)
    if (last !== undefined && header.previousChain !== this.#end.chain)
      throw misplaced(path, sequence)
    const segment: Segment = {
      path,
      file,
      sequence,
      sizeBytes: bytes.length,
      writeOffset: headerBlockBytes,
      lastIndex: 0,
    }
    this.#segments.push(segment)
    this.#isSealed = false
    const flaw = this.#batches(bytes, segment)
    if (flaw !== undefined && this.#isLaterBatch(bytes, segment))
      throw damaged(path, segment.writeOffset, flaw)
    await nextTurn()
    return true
  }

  async finish(): Promise<Recovery> {
    const { directory } = this.#options
    const last = this.#segments.at(-1)
    const image = this.#image ?? new LogImage(1)
    if (last !== undefined) {
      if (this.#isSealed) throw hole(segmentPath(directory, last.sequence + 1))
      // As the last batch may be in the page cache only, so may the seal before it.
      const sealed = this.#segments.at(-2)
      if (sealed !== undefined) await synced(sealed.file)
      await this.#cutTail(last)
    }
    const base = image.snapshot?.index ?? 0
    if (image.firstIndex > base + 1) throw missing(directory, base + 1, image.firstIndex - 1)
    assert(image.lastIndex >= base, 'a log reaches its snapshot')
    return { segments: this.#segments, end: this.#end, image, places: this.#places }
  }

  #load(file: DiskFile): Uint8Array {
    const sizeBytes = file.sizeBytes()
    if (this.#bytes.length !== sizeBytes) this.#bytes = new Uint8Array(sizeBytes)
    const read = file.read(this.#bytes, 0)
    assert(read === sizeBytes, `${file.path} is as long as it says`)
    return this.#bytes
  }

  #header(path: string, bytes: Uint8Array): SegmentHeader {
    const header = decodeSegmentHeader(bytes)
    if (header === undefined)
      throw new PraetorError(
        'failed',
        `${path} is damaged at offset 0: its header is not valid. ${remedy}`,
      )
    const { clusterId, nodeId } = this.#options.identity
    if (header.nodeId !== nodeId)
      throw new PraetorError(
        'failed',
        `the log in ${this.#options.directory} belongs to server ${header.nodeId}, and this is server ${nodeId}`,
      )
    if (header.clusterId !== clusterId)
      throw new PraetorError(
        'failed',
        `the log in ${this.#options.directory} belongs to cluster ${header.clusterId}, and this server to ${clusterId}`,
      )
    return header
  }

  #begin(header: SegmentHeader): LogImage {
    // What stood before the oldest segment is compacted, and only its checksum is known.
    this.#end = { chain: header.previousChain, sequence: -1 }
    return new LogImage(header.baseIndex)
  }

  /** Replays every batch that continues the chain; says what the first that does not looks like, if it is not the end. */
  #batches(bytes: Uint8Array, segment: Segment): BatchFlaw | undefined {
    while (!this.#isSealed) {
      const header = decodeBatchHeader(bytes, segment.writeOffset, segment.sequence)
      if (typeof header === 'string') return header
      if (!this.#continues(header)) return 'foreign'
      this.#replay(bytes, segment, header)
      this.#end = { chain: header.chain, sequence: header.sequence }
      segment.writeOffset = batchEnd(segment.writeOffset, header.sizeBytes)
    }
    return undefined
  }

  #continues(header: BatchHeader): boolean {
    const { chain, sequence } = this.#end
    // The number of the oldest segment's first batch is whatever it was when the ones before it were compacted.
    return header.previousChain === chain && (sequence === -1 || header.sequence === sequence + 1)
  }

  #replay(bytes: Uint8Array, segment: Segment, header: BatchHeader): void {
    let firstIndex: Index = Infinity
    for (const { record } of decodeRecords(bytes, segment.writeOffset, header)) {
      if (record.kind === 'entry') {
        firstIndex = Math.min(firstIndex, record.entry.index)
        segment.lastIndex = Math.max(segment.lastIndex, record.entry.index)
      }
      this.#apply(record)
    }
    const image = must(this.#image, 'an image')
    if (firstIndex === Infinity) return
    this.#places.note({
      segment,
      offset: segment.writeOffset,
      sizeBytes: header.sizeBytes,
      firstIndex,
    })
    image.tail.shrink(this.#options.tailBytesMax, image.lastIndex)
  }

  #apply(record: Record): void {
    const image = must(this.#image, 'an image')
    switch (record.kind) {
      case 'entry':
        return image.push(record.entry)
      case 'hardState':
        return image.setHardState(record.hardState)
      case 'snapshot':
        return record.carried
          ? image.carrySnapshot(record.snapshot)
          : image.setSnapshot(record.snapshot)
      case 'truncate':
        return image.truncateFrom(record.from)
      case 'seal':
        this.#isSealed = true
        return
      default:
        assertNever(record)
    }
  }

  /** Whether some batch after the end of the chain is whole, and was written after it. */
  #isLaterBatch(bytes: Uint8Array, segment: Segment): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const mark = markOf(segment.sequence)
    const end = bytes.length - batchHeaderBytes
    for (let offset = segment.writeOffset; offset <= end; offset += alignmentBytes) {
      if (view.getUint32(offset, true) !== mark) continue
      const header = decodeBatchHeader(bytes, offset, segment.sequence)
      if (typeof header !== 'string' && header.sequence > this.#end.sequence) return true
    }
    return false
  }

  #unsealed(): PraetorError {
    const { path, writeOffset } = must(this.#segments.at(-1), 'an unsealed segment')
    return damaged(path, writeOffset, 'checksum')
  }

  /** Clears away what a torn write left, so that it is never looked at again, and makes durable what was found. */
  async #cutTail({ file, path, sequence, sizeBytes, writeOffset }: Segment): Promise<void> {
    const tail = new Uint8Array(sizeBytes - writeOffset)
    file.read(tail, writeOffset)
    if (tail.some((byte) => byte !== 0)) {
      if (new DataView(tail.buffer).getUint32(0, true) === markOf(sequence))
        this.#options.log.warn(
          { file: path, offset: writeOffset },
          'the last write to the raft log was not finished, and is cut off',
        )
      file.write(tail.fill(0), writeOffset)
    }
    // The batch before it may be in the page cache only: the process ended before its sync, the machine did not.
    await synced(file)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** A segment that holds its first batch and nothing more. */
function isUnused(bytes: Uint8Array, header: SegmentHeader): boolean {
  const first = decodeBatchHeader(bytes, headerBlockBytes, header.sequence)
  if (typeof first === 'string') return false
  const second = batchEnd(headerBlockBytes, first.sizeBytes)
  return typeof decodeBatchHeader(bytes, second, header.sequence) === 'string'
}

const remedy =
  'Nothing was changed. If other servers have the data, remove this directory and let the server join again; else restore a snapshot.'

const flaws: Readonly<{ [Flaw in BatchFlaw]: string }> = {
  empty: 'a batch is missing',
  foreign: 'a batch is not the one that belongs there',
  short: 'a batch is cut short',
  checksum: 'a batch fails its checksum',
}

function damaged(path: string, offset: number, flaw: BatchFlaw): PraetorError {
  return new PraetorError(
    'failed',
    `${path} is damaged at offset ${offset}: ${flaws[flaw]}, and entries that were acknowledged come after it. ${remedy}`,
  )
}

function hole(path: string): PraetorError {
  return new PraetorError('failed', `${path} is missing, and the log needs it. ${remedy}`)
}

function misplaced(path: string, sequence: number): PraetorError {
  return new PraetorError(
    'failed',
    `${path} does not continue the log before it (it says it is segment ${sequence}). ${remedy}`,
  )
}

function missing(directory: string, from: Index, through: Index): PraetorError {
  return new PraetorError(
    'failed',
    `the log in ${directory} does not hold entries ${from} to ${through}, and no snapshot does. ${remedy}`,
  )
}
