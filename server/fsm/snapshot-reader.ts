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
    let buffer = Buffer.concat([this.#rest, bytes])
    while (buffer.length >= recordHeadBytes) {
      const end = recordHeadBytes + buffer.readUInt32LE(0)
      if (end > recordBytesMax) throw damaged(`a record of ${end} bytes`)
      if (end > buffer.length) break
      this.#record(buffer.subarray(0, end))
      buffer = buffer.subarray(end)
    }
    this.#rest = buffer
  }

  /** The tables, once everything has come and was found right. */
  finish(): ReadonlyMap<string, AnyTable> {
    if (this.#state !== 'done' || this.#rest.length > 0) throw damaged('it is cut short')
    return this.#tables
  }

  #record(record: Buffer): void {
    if (this.#state === 'done') throw damaged('records after its end')
    const value = decode(record.subarray(recordHeadBytes))
    const next = this.#awaited[0]
    if (this.#state === 'rows' && next === undefined) return this.#end(value)
    this.#hash.update(record)
    if (this.#state === 'header') return this.#begin(value)
    const { table } = must(next, 'a table whose rows come')
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw damaged(`no row of ${table.name}`)
    try {
      table.replace(table.definition.key(value), value)
    } catch (error) {
      // Its fields are not of their types, so nothing can be found by them.
      throw error instanceof TypeError ? damaged(`no row of ${table.name}`) : error
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
