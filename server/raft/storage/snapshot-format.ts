import { crc32 } from 'node:zlib'

import { assert } from '../../model/assert.ts'
import { PraetorError } from '../../model/errors.ts'
import type { SnapshotMeta } from '../types.ts'

/**
 * A snapshot's sealed form, the same on disk and between servers. All numbers are little endian.
 *
 *   header   "PRAESNAP" · u32 version · u32 metaBytes · u32 crc of all before and of meta · meta (SnapshotMeta as JSON)
 *   chunk    u32 sizeBytes (1 or more) · u32 crc of the chunk · the chunk
 *   …
 *   trailer  u32 0 · u32 crc over every chunk's crc, in order · u64 bytes in all chunks
 *
 * A chunk's crc finds damage, the trailer's finds chunks that are missing, doubled or out of order, and that there is a
 * trailer at all says the snapshot is whole.
 */
const magic = 'PRAESNAP'
const version = 1
const headerBytes = 20
const chunkHeaderBytes = 8
const trailerBytes = 16

/** A chunk that says it is larger than this is damage: nothing should be allocated for it. */
const chunkBytesMax = 64 << 20

export async function* sealSnapshot(
  meta: SnapshotMeta,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield encodeHeader(meta)
  let [crcOfCrcs, totalBytes] = [0, 0]
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    assert(chunk.length <= chunkBytesMax, `a snapshot chunk of ${chunk.length} bytes`)
    const header = Buffer.allocUnsafe(chunkHeaderBytes)
    header.writeUInt32LE(chunk.length, 0)
    header.writeUInt32LE(crc32(chunk), 4)
    crcOfCrcs = crc32(header.subarray(4), crcOfCrcs)
    totalBytes += chunk.length
    yield header
    yield chunk
  }
  const trailer = Buffer.alloc(trailerBytes)
  trailer.writeUInt32LE(crcOfCrcs, 4)
  trailer.writeBigUInt64LE(BigInt(totalBytes), 8)
  yield trailer
}

/** Reads `size` bytes at `offset` of the sealed form, fewer where it ends. */
type ReadAt = (offset: number, size: number) => Uint8Array

/** Checks the header at once, and each chunk as it is taken; `name` begins every complaint. */
export function openSnapshot(
  name: string,
  readAt: ReadAt,
): { readonly meta: SnapshotMeta; readonly chunks: Iterable<Uint8Array> } {
  const { meta, endOffset } = decodeHeader(name, readAt)
  return { meta, chunks: openChunks(name, readAt, endOffset) }
}

function* openChunks(name: string, readAt: ReadAt, startOffset: number): Generator<Uint8Array> {
  let [offset, crcOfCrcs, totalBytes] = [startOffset, 0, 0]
  for (;;) {
    const header = Buffer.from(exactly(name, readAt, offset, chunkHeaderBytes))
    const sizeBytes = header.readUInt32LE(0)
    if (sizeBytes === 0) break
    if (sizeBytes > chunkBytesMax) throw damaged(name, offset, `claims ${sizeBytes} bytes`)
    const chunk = exactly(name, readAt, offset + chunkHeaderBytes, sizeBytes)
    if (crc32(chunk) !== header.readUInt32LE(4)) throw damaged(name, offset, 'fails its checksum')
    crcOfCrcs = crc32(header.subarray(4), crcOfCrcs)
    totalBytes += sizeBytes
    offset += chunkHeaderBytes + sizeBytes
    yield chunk
  }
  const trailer = Buffer.from(exactly(name, readAt, offset, trailerBytes))
  if (
    trailer.readUInt32LE(4) !== crcOfCrcs ||
    Number(trailer.readBigUInt64LE(8)) !== totalBytes ||
    readAt(offset + trailerBytes, 1).length > 0
  )
    throw damaged(name, offset, 'does not agree with the chunks before it')
}

function encodeHeader(meta: SnapshotMeta): Uint8Array {
  const json = Buffer.from(JSON.stringify(meta))
  const header = Buffer.alloc(headerBytes + json.length)
  header.write(magic, 0, 'latin1')
  header.writeUInt32LE(version, 8)
  header.writeUInt32LE(json.length, 12)
  json.copy(header, headerBytes)
  header.writeUInt32LE(crc32(json, crc32(header.subarray(0, 16))), 16)
  return header
}

function decodeHeader(name: string, readAt: ReadAt): { meta: SnapshotMeta; endOffset: number } {
  const header = Buffer.from(exactly(name, readAt, 0, headerBytes))
  if (header.toString('latin1', 0, 8) !== magic)
    throw new PraetorError('failed', `${name} is no snapshot of this program`)
  if (header.readUInt32LE(8) !== version)
    throw new PraetorError(
      'failed',
      `${name} has version ${header.readUInt32LE(8)}, not ${version}`,
    )
  const metaBytes = header.readUInt32LE(12)
  if (metaBytes > chunkBytesMax) throw damaged(name, 12, `claims ${metaBytes} bytes`)
  const json = Buffer.from(exactly(name, readAt, headerBytes, metaBytes))
  if (crc32(json, crc32(header.subarray(0, 16))) !== header.readUInt32LE(16))
    throw damaged(name, 0, 'fails its checksum')
  return {
    meta: JSON.parse(json.toString()) as SnapshotMeta,
    endOffset: headerBytes + metaBytes,
  }
}

function exactly(name: string, readAt: ReadAt, offset: number, size: number): Uint8Array {
  const bytes = readAt(offset, size)
  if (bytes.length < size) throw damaged(name, offset + bytes.length, 'is missing')
  return bytes
}

function damaged(name: string, offset: number, how: string): PraetorError {
  return new PraetorError('failed', `${name} is damaged: what stands at offset ${offset} ${how}`)
}
