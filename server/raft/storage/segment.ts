import { join } from 'node:path'

import type { Index } from '../types.ts'
import { BatchBuilder } from './batch-builder.ts'
import { synced, type Disk, type DiskFile } from './disk.ts'
import {
  batchEnd,
  batchHeaderBytes,
  encodeSegmentHeader,
  headerBlockBytes,
  recordHeaderBytes,
  type Record,
  type SegmentHeader,
} from './format.ts'

/** A segment in use: where it is, and what may be told without reading it. */
export interface Segment {
  readonly path: string
  readonly file: DiskFile
  readonly sequence: number
  readonly sizeBytes: number
  /** Where the next batch goes. */
  writeOffset: number
  /** The highest index ever written to it: it may go when that is compacted. */
  lastIndex: Index
}

/** Where the chain of batches stands: what the next one must continue. */
export interface ChainEnd {
  readonly chain: number
  readonly sequence: number
}

/** What the batch that ends a segment takes: room for it is always left. */
export const sealBytes = batchEnd(0, batchHeaderBytes + recordHeaderBytes)

const segmentName = /^(\d{10})\.wal$/

export function segmentPath(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(10, '0')}.wal`)
}

/** A file name's segment number; undefined for what is no segment. */
export function sequenceOf(name: string): number | undefined {
  const digits = segmentName.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Makes a segment out of a spare: its header block and a first batch that carries what the segments before it said, durable
 * before it gets the name by which it counts. So a file with a segment's name always has a whole beginning.
 */
export async function beginSegment(
  disk: Disk,
  directory: string,
  spare: DiskFile,
  header: SegmentHeader,
  carried: readonly Record[],
  after: ChainEnd,
): Promise<{ readonly segment: Segment; readonly end: ChainEnd }> {
  const builder = new BatchBuilder(headerBlockBytes)
  for (const record of carried) builder.add(record)
  const sequence = after.sequence + 1
  const { bytes, chain } = builder.finish({
    segmentSequence: header.sequence,
    sequence,
    previousChain: after.chain,
  })
  spare.write(Buffer.concat([encodeSegmentHeader(header), bytes]), 0)
  await synced(spare)
  const path = segmentPath(directory, header.sequence)
  await disk.rename(spare.path, path)
  await disk.syncDirectory(directory)
  // Opened anew, so that what goes wrong with it is told by its name.
  spare.close()
  const file = await disk.open(path, 'existing')
  const segment: Segment = {
    path,
    file,
    sequence: header.sequence,
    sizeBytes: file.sizeBytes(),
    writeOffset: headerBlockBytes + bytes.length,
    lastIndex: 0,
  }
  return { segment, end: { chain, sequence } }
}
