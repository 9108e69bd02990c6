import { createHash } from 'node:crypto'

import { must } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import { Table } from '../state/table.ts'
import type { AnyTable } from '../state/table.ts'
import { decodeMsgpack, MalformedMsgpack } from '../wire/msgpack.ts'
import { recordHeadBytes, snapshotFormat, snapshotVersion } from './snapshot-format.ts'
import type { SnapshotHeader } from './snapshot-format.ts'

/** Builds tables from a snapshot's bytes as they come. The form is drawn in snapshot-format.ts. */
export class SnapshotReader {
  readonly #hash = createHash('sha256')
  /** Each table with the count of rows that are still to come. */
  readonly #tables: ReadonlyMap<string, AnyTable>
  #awaited: { readonly table: AnyTable; rows: number }[] = []
  #state: 'header' | 'rows' | 'done' = 'header'
  /** Bytes of a record that has not wholly come. */
  #rest: Buffer = Buffer.alloc(0)

  /** The tables whose definitions the new ones get; they are not changed. */
  constructor(tables: ReadonlyMap<string, AnyTable>) {
    this.#tables = new Map(
      Array.from(tables, ([name, { definition }]) => [name, new Table(definition)]),
    )
  }

  read(bytes: Uint8Array): void {
    const buffer =
      this.#rest.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([this.#rest, bytes])
    let start = 0
    let hashed = 0
    while (buffer.length - start >= recordHeadBytes) {
      const end = start + recordHeadBytes + buffer.readUInt32LE(start)
      if (end - start > recordBytesMax) throw damaged(`a record of ${end - start} bytes`)
      if (end > buffer.length) break
      if (this.#isAtEnd) {
        this.#hash.update(buffer.subarray(hashed, start))
        hashed = end
      }
      this.#record(buffer.subarray(start, end))
      start = end
    }
    if (hashed < start) this.#hash.update(buffer.subarray(hashed, start))
    this.#rest = Buffer.from(buffer.subarray(start))
  }

  /** The tables, once everything has come and was found right. */
  finish(): ReadonlyMap<string, AnyTable> {
    if (this.#state !== 'done' || this.#rest.length > 0) throw damaged('it is cut short')
    return this.#tables
  }

  /** All rows have come: what follows is the digest of what was before it. */
  get #isAtEnd(): boolean {
    return this.#state === 'rows' && this.#awaited.length === 0
  }

  #record(record: Buffer): void {
    if (this.#state === 'done') throw damaged('records after its end')
    if (this.#state === 'header') return this.#begin(decode(record.subarray(recordHeadBytes)))
    const next = this.#awaited[0]
    if (next === undefined) return this.#end(decode(record.subarray(recordHeadBytes)))
    const { table } = next
    try {
      if (!put(table, record)) throw damaged(`no row of ${table.name}`)
    } catch (error) {
      // Its fields are not of their types, or end too early.
      if (error instanceof TypeError || error instanceof RangeError)
        throw damaged(`no row of ${table.name}`)
      throw error
    }
    this.#count()
  }

  #begin(value: unknown): void {
    const { format, version, tables = [] } = (value ?? {}) as Partial<SnapshotHeader>
    if (format !== snapshotFormat)
      throw new PraetorError('failed', 'this is no snapshot of a state')
    if (version !== snapshotVersion)
      throw new PraetorError('failed', `snapshots of version ${version} are unknown here`)
    for (const { name, rows } of tables) {
      const table = this.#tables.get(name)
      if (table === undefined)
        throw new PraetorError('failed', `the snapshot has a table ${name}, which is unknown here`)
      if (rows > 0) this.#awaited.push({ table, rows })
    }
    this.#state = 'rows'
  }

  #count(): void {
    const next = must(this.#awaited[0], 'a table whose rows come')
    next.rows -= 1
    if (next.rows === 0) this.#awaited.shift()
  }

  #end(value: unknown): void {
    if (!(value instanceof Uint8Array) || !this.#hash.digest().equals(value))
      throw damaged('its digest is another')
    this.#state = 'done'
  }
}

/** Puts the record's row in its table; false where it holds none. */
function put(table: AnyTable, record: Buffer): boolean {
  const { definition } = table
  if (definition.packing !== undefined) return table.append(record)
  const row = decode(record.subarray(recordHeadBytes))
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return false
  table.replace(definition.key(row), row)
  return true
}

/** No row is larger: a value is half a megabyte at most, and a request not much more. */
const recordBytesMax = 16 << 20

function decode(bytes: Uint8Array): unknown {
  try {
    return decodeMsgpack(bytes)
  } catch (error) {
    if (error instanceof MalformedMsgpack) throw damaged(error.message)
    throw error
  }
}

function damaged(how: string): PraetorError {
  return new PraetorError('failed', `the snapshot is damaged: ${how}`)
}
