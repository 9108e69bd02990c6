import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { assertNever, must } from '../../server/model/assert.ts'
import {
  batchEnd,
  decodeBatchHeader,
  decodeRecords,
  decodeSegmentHeader,
  headerBlockBytes,
  type Record,
} from '../../server/raft/storage/format.ts'
import { sequenceOf } from '../../server/raft/storage/segment.ts'
import type { Entry } from '../../server/raft/types.ts'

/** What a server's files say, read without opening them as a server does: nothing is repaired, and nobody is trusted. */
export interface ServerLog {
  readonly server: string
  readonly entries: ReadonlyMap<number, Entry>
  /** The entry after the last snapshot's log began, or 1. */
  readonly firstIndex: number
  readonly lastIndex: number
  /** A hint that may lag. */
  readonly commitIndex: number
}

/** Reads the log of a server that is down. */
export async function readServerLog(server: string, dataDirectory: string): Promise<ServerLog> {
  const entries = new Map<number, Entry>()
  let [commitIndex, lastIndex] = [0, 0]
  const dropFrom = (index: number): void => {
    for (let at = index; at <= lastIndex; at += 1) entries.delete(at)
    lastIndex = Math.min(lastIndex, index - 1)
  }
  for (const { bytes, path } of await segments(dataDirectory))
    for (const record of recordsOf(path, bytes))
      switch (record.kind) {
        case 'entry':
          dropFrom(record.entry.index)
          entries.set(record.entry.index, record.entry)
          lastIndex = record.entry.index
          break
        case 'truncate':
          dropFrom(record.from)
          break
        case 'hardState':
          commitIndex = Math.max(commitIndex, record.hardState.commit)
          break
        case 'snapshot':
          if (record.snapshot.index > lastIndex) {
            entries.clear()
            lastIndex = record.snapshot.index
          }
          break
        case 'seal':
          break
        default:
          assertNever(record)
      }
  let firstIndex = lastIndex + 1
  while (entries.has(firstIndex - 1)) firstIndex -= 1
  return { server, entries, firstIndex, lastIndex, commitIndex: Math.min(commitIndex, lastIndex) }
}

/**
 * Writes the beginning of a batch that was never finished after the last whole one: it was not acknowledged, and must go. With
 * `truncate` the file ends there, and the room that was kept behind it is gone.
 */
export async function tearLog(
  dataDirectory: string,
  { truncate }: { readonly truncate: boolean },
): Promise<void> {
  const last = (await segments(dataDirectory)).at(-1)
  if (last === undefined) return
  const { end, lastBatch } = batchesOf(last.bytes)
  if (lastBatch === undefined || end + lastBatch.sizeBytes > last.bytes.length) return
  const { offset, sizeBytes } = lastBatch
  // The next batch has not this sequence number, and its checksum is of other bytes: half of a copy is never valid.
  const torn = last.bytes.subarray(offset, offset + Math.floor(sizeBytes / 2))
  await using file = await open(last.path, 'r+')
  await file.write(torn, 0, torn.length, end)
  if (truncate) await file.truncate(end + torn.length)
  await file.sync()
}

interface SegmentBytes {
  readonly path: string
  readonly bytes: Buffer
}

async function segments(dataDirectory: string): Promise<SegmentBytes[]> {
  const directory = join(dataDirectory, 'raft', 'wal')
  const names = (await readdir(directory).catch(() => []))
    .filter((name) => sequenceOf(name) !== undefined)
    .toSorted()
  return Promise.all(
    names.map(async (name) => ({
      path: join(directory, name),
      bytes: await readFile(join(directory, name)),
    })),
  )
}

function* recordsOf(path: string, bytes: Buffer): Generator<Record> {
  const { sequence } = must(decodeSegmentHeader(bytes), `${path} has a header`)
  for (let offset = headerBlockBytes; ;) {
    const header = decodeBatchHeader(bytes, offset, sequence)
    if (typeof header === 'string') return
    for (const { record } of decodeRecords(bytes, offset, header)) yield record
    offset = batchEnd(offset, header.sizeBytes)
  }
}

function batchesOf(bytes: Buffer): {
  readonly end: number
  readonly lastBatch: { readonly offset: number; readonly sizeBytes: number } | undefined
} {
  const { sequence } = must(decodeSegmentHeader(bytes), 'the segment has a header')
  let lastBatch: { readonly offset: number; readonly sizeBytes: number } | undefined
  for (let offset = headerBlockBytes; ;) {
    const header = decodeBatchHeader(bytes, offset, sequence)
    if (typeof header === 'string') return { end: offset, lastBatch }
    lastBatch = { offset, sizeBytes: header.sizeBytes }
    offset = batchEnd(offset, header.sizeBytes)
  }
}
