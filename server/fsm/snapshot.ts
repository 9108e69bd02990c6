import { createHash } from 'node:crypto'

import { rebuildDerived } from '../state/derived.ts'
import type { Store } from '../state/store.ts'
import { encodeRecord, snapshotFormat, snapshotVersion } from './snapshot-format.ts'
import type { SnapshotHeader } from './snapshot-format.ts'
import { SnapshotReader } from './snapshot-reader.ts'

/** What one piece holds at most: about a millisecond's work each. */
const pieceBytesMax = 256 * 1024
const pieceRecordsMax = 512

/** The state at this moment, in pieces to be taken whenever there is time; what is written meanwhile is not in them. */
export function snapshotStore(store: Store): Iterable<Uint8Array> {
  return pieces(recordsOf(store))
}

/**
 * Replaces the state by a snapshot's, whatever pieces it comes in. Nothing is replaced before all of it is read and its digest is
 * found right; rejects with a PraetorError where it is not. `pause` is called between slices of a millisecond or two, to let
 * others work.
 */
export async function restoreStore(
  store: Store,
  chunks: AsyncIterable<Uint8Array>,
  pause?: () => Promise<void>,
): Promise<void> {
  const reader = new SnapshotReader(store.tables)
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += pieceBytesMax) {
      reader.read(chunk.subarray(at, at + pieceBytesMax))
      await pause?.()
    }
  store.adopt(reader.finish())
  rebuildDerived(store)
  store.watchers.touchAll()
}

/** What tells two states apart: servers that applied the same entries agree on it. */
export function digestOf(store: Store): string {
  const hash = createHash('sha256')
  let last: Uint8Array | undefined
  for (const record of recordsOf(store)) {
    if (last !== undefined) hash.update(last)
    last = record
  }
  return hash.digest('hex')
}

/** Clones now, encodes later. The last record is the digest of the others. */
function recordsOf(store: Store): Iterable<Uint8Array> {
  const tables = Array.from(store.tables.values(), (table) => table.clone())
  return (function* () {
    const hash = createHash('sha256')
    const header: SnapshotHeader = {
      format: snapshotFormat,
      version: snapshotVersion,
      tables: tables.map(({ name, size: rows }) => ({ name, rows })),
    }
    for (const value of eachOf(header, tables)) {
      const record = encodeRecord(value)
      hash.update(record)
      yield record
    }
    yield encodeRecord(hash.digest())
  })()
}

function* eachOf(
  header: SnapshotHeader,
  tables: readonly { all(): Iterable<object> }[],
): Iterable<object> {
  yield header
  for (const table of tables) yield* table.all()
}

function* pieces(records: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let gathered: Uint8Array[] = []
  let gatheredBytes = 0
  const take = (): Uint8Array => {
    const piece = Buffer.concat(gathered, gatheredBytes)
    gathered = []
    gatheredBytes = 0
    return piece
  }
  for (let record of records) {
    while (gatheredBytes + record.length > pieceBytesMax) {
      const roomBytes = pieceBytesMax - gatheredBytes
      gathered.push(record.subarray(0, roomBytes))
      gatheredBytes = pieceBytesMax
      record = record.subarray(roomBytes)
      yield take()
    }
    gathered.push(record)
    gatheredBytes += record.length
    if (gathered.length === pieceRecordsMax) yield take()
  }
  if (gatheredBytes > 0) yield take()
}
