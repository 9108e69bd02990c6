import { createHash } from 'node:crypto'

import { rebuildDerived } from '../state/derived.ts'
import type { Store } from '../state/store.ts'
import { encodeRecord, snapshotFormat, snapshotVersion } from './snapshot-format.ts'
import type { SnapshotHeader } from './snapshot-format.ts'
import { SnapshotReader } from './snapshot-reader.ts'

/** What one piece holds at most: about a millisecond's work each. */
const pieceBytesMax = 256 * 1024
const pieceRecordsMax = 512

/**
 * The state at this moment, in pieces to be taken whenever there is time; what is written meanwhile is not in them. A piece's bytes
 * are good until the next is asked for.
 */
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
  for (const records of recordsOf(store)) hash.update(records)
  return hash.digest('hex')
}

/** Clones now, encodes later: whole records, one or many at a time, all but the digest. */
function recordsOf(store: Store): Iterable<Uint8Array> {
  const tables = Array.from(store.tables.values(), (table) => table.clone())
  return (function* () {
    const header: SnapshotHeader = {
      format: snapshotFormat,
      version: snapshotVersion,
      tables: tables.map(({ name, size: rows }) => ({ name, rows })),
    }
    yield encodeRecord(header)
    for (const table of tables) {
      const packed = table.records()
      if (packed !== undefined) yield* packed
      else for (const row of table.all()) yield encodeRecord(row)
    }
  })()
}

/**
 * The records in pieces, and behind them the digest. All pieces are of one buffer: a buffer for each would be as much garbage as
 * the state is large, and make the collector run again and again.
 */
function* pieces(records: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafeSlow(pieceBytesMax)
  let [filled, gathered] = [0, 0]
  const take = (): Uint8Array => {
    const taken = piece.subarray(0, filled)
    hash.update(taken)
    filled = gathered = 0
    return taken
  }
  for (let record of records) {
    while (filled + record.length > pieceBytesMax) {
      const roomBytes = pieceBytesMax - filled
      piece.set(record.subarray(0, roomBytes), filled)
      filled = pieceBytesMax
      record = record.subarray(roomBytes)
      yield take()
    }
    piece.set(record, filled)
    filled += record.length
    gathered += 1
    if (gathered === pieceRecordsMax) yield take()
  }
  if (filled > 0) yield take()
  yield encodeRecord(hash.digest())
}
