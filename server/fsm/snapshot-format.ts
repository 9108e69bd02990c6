import { encodeMsgpack } from '../wire/msgpack.ts'

/**
 * The whole state as a stream of records, in pieces of no meaning:
 *
 *     ┌──────┬─────────────────────────────┐   ┌──────┬─────┐         ┌──────┬────────┐
 *     │ size │ header                      │   │ size │ row │   ...   │ size │ digest │
 *     │ u32  │ {format, version, tables}   │   │ u32  │     │         │ u32  │ sha256 │
 *     └──────┴─────────────────────────────┘   └──────┴─────┘         └──────┴────────┘
 *
 * Sizes are little endian, what follows each is msgpack: a row is a map. But where a table keeps its rows packed (KV), its records
 * are those of its pages as they are (server/state/page.ts): a u32 with the key's size, the key, and the row in the table's own
 * packing. The header names every table with the count of its rows; the rows follow, table after table in that order and each
 * table's by key. The digest is that of all bytes before it. Two servers that applied the same entries give the same bytes,
 * since rows are written with their fields as the commands made them.
 */
export interface SnapshotHeader {
  readonly format: typeof snapshotFormat
  readonly version: number
  readonly tables: readonly { readonly name: string; readonly rows: number }[]
}

export const snapshotFormat = 'praetor-state'
/** In version 1 every row was a map. */
export const snapshotVersion = 2

/** What stands before each record: its size, in so many bytes. */
export const recordHeadBytes = 4

export function encodeRecord(value: unknown): Uint8Array {
  const content = encodeMsgpack(value)
  const record = Buffer.allocUnsafe(recordHeadBytes + content.length)
  record.writeUInt32LE(content.length, 0)
  record.set(content, recordHeadBytes)
  return record
}
