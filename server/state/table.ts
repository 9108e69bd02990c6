import { must } from '../model/assert.ts'
import { PackedRows } from './packed-rows.ts'
import type { Packing } from './packed-rows.ts'
import { newTree, ObjectRows, range } from './rows.ts'
import type { Rows, Tree } from './rows.ts'
import type { WatchSet } from './watch.ts'

/**
 * A table: rows under a primary key, found again by indexes, all in copy-on-write B-trees, so that a clone for a snapshot costs
 * nothing and keeps its content while writes go on. Rows are frozen by convention: a write puts a new row in the old one's place.
 *
 * Keys compare by UTF-16 unit; where bytes decide the order (KV) the definition's `key` gives a byte string.
 */
export interface TableDefinition<Row, Index extends string = never> {
  /** Also the first part of the table's topics, and its name in snapshots: never change one that was released. */
  readonly name: string
  readonly key: (row: Row) => string
  /** Each index: the values a row is found under; none leaves the row out of that index. */
  readonly indexes: { readonly [Name in Index]: (row: Row) => readonly string[] }
  /** Where there may be millions of rows: they are kept in bytes, and the keys are byte strings. */
  readonly packing?: Packing<Row>
}

export function defineTable<Row, Index extends string = never>(
  definition: TableDefinition<Row, Index>,
): TableDefinition<Row, Index> {
  return definition
}

/** Ends an index value, so that `web` never finds `web-admin`. No name in Consul holds a NUL. */
const end = '\u0000'

export class Table<Row extends object, Index extends string = never> {
  readonly definition: TableDefinition<Row, Index>
  #rows: Rows<Row>
  /** Rows themselves where they are objects, else their keys. */
  readonly #indexes: Map<Index, Tree<Row | string>>

  constructor(definition: TableDefinition<Row, Index>, source?: Table<Row, Index>) {
    this.definition = definition
    const { indexes, packing } = definition
    if (source) this.#rows = source.#rows.clone()
    else this.#rows = packing ? new PackedRows(packing) : new ObjectRows<Row>()
    this.#indexes = new Map(
      (Object.keys(indexes) as Index[]).map((name) => [
        name,
        source ? source.#tree(name).clone() : newTree(),
      ]),
    )
  }

  get name(): string {
    return this.definition.name
  }

  get size(): number {
    return this.#rows.size
  }

  /** The row under this key. Watching it waits for its coming, change or going. */
  get(key: string, watch?: WatchSet): Row | undefined {
    watch?.add(this.topic(key))
    return this.#rows.get(key)
  }

  /** Every row, in key order. */
  all(watch?: WatchSet): Iterable<Row> {
    watch?.add(this.name)
    return this.#rows.values()
  }

  /** Rows whose key begins with the prefix, in key order. */
  withPrefix(prefix: string, watch?: WatchSet): Iterable<Row> {
    watch?.addPrefix(this.topic(prefix))
    return this.#rows.beginning(prefix)
  }

  /** Rows that the index finds under this value, in key order. */
  by(index: Index, value: string, watch?: WatchSet): Iterable<Row> {
    watch?.add(this.indexTopic(index, value))
    return this.#rowsOf(range(this.#tree(index), value + end))
  }

  /** Rows that the index finds under a value that begins so, in the order of the values. */
  beginning(index: Index, prefix: string): Iterable<Row> {
    return this.#rowsOf(range(this.#tree(index), prefix))
  }

  /** Every row that the index holds, in the order of its values. */
  allBy(index: Index, watch?: WatchSet): Iterable<Row> {
    watch?.add(this.name)
    return this.#rowsOf(this.#tree(index).values())
  }

  /** Whether the index finds any row under this value. */
  has(index: Index, value: string): boolean {
    return this.by(index, value)[Symbol.iterator]().next().done !== true
  }

  /** What a waiter for one row waits for; beginnings of it are prefix topics. */
  topic(key: string): string {
    return `${this.name}/${key}`
  }

  indexTopic(index: Index, value: string): string {
    return `${this.name}.${index}/${value}`
  }

  /** An O(1) copy that later writes to this table don't change. */
  clone(): Table<Row, Index> {
    return new Table(this.definition, this)
  }

  /** Puts a row in (or takes it out) and gives the one that was there. Only transactions write. */
  replace(key: string, row: Row | undefined): Row | undefined {
    const before = this.#rows.get(key)
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
    this.#index(key, before, row)
    return before
  }

  /** What a snapshot holds of rows that are packed, in key order, many in a piece; undefined where they are not. */
  records(): Iterable<Uint8Array> | undefined {
    return this.#rows instanceof PackedRows ? this.#rows.records() : undefined
  }

  /** Puts a row in from its record, behind all others; false where that is no record of this table, or not in order. */
  append(record: Buffer): boolean {
    if (!(this.#rows instanceof PackedRows)) return false
    const row: Row | undefined = this.#rows.append(record)
    if (row === undefined) return false
    this.#index(this.definition.key(row), undefined, row)
    return true
  }

  clear(): void {
    this.adopt(new Table(this.definition))
  }

  /** Takes the rows of another table of the same definition for its own, at no cost; the other is not to be used any more. */
  adopt(other: Table<Row, Index>): void {
    this.#rows = other.#rows
    for (const name of this.#indexes.keys()) this.#indexes.set(name, other.#tree(name))
  }

  /** The topics that a change from one row to the other touches. */
  *touched(key: string, before: Row | undefined, after: Row | undefined): Iterable<string> {
    yield this.name
    yield this.topic(key)
    for (const name of this.#indexes.keys()) {
      const values = this.definition.indexes[name]
      const both = new Set([
        ...(before === undefined ? [] : values(before)),
        ...(after === undefined ? [] : values(after)),
      ])
      for (const value of both) yield this.indexTopic(name, value)
    }
  }

  #index(key: string, before: Row | undefined, after: Row | undefined): void {
    for (const [name, tree] of this.#indexes) {
      const values = this.definition.indexes[name]
      if (before !== undefined) for (const value of values(before)) tree.delete(value + end + key)
      if (after === undefined) continue
      const found = this.definition.packing === undefined ? after : key
      for (const value of values(after)) tree.set(value + end + key, found)
    }
  }

  #rowsOf(found: Iterable<Row | string>): Iterable<Row> {
    const isPacked = this.definition.packing !== undefined
    return isPacked ? this.#unpacked(found as Iterable<string>) : (found as Iterable<Row>)
  }

  *#unpacked(keys: Iterable<string>): Iterable<Row> {
    for (const key of keys) yield must(this.#rows.get(key), 'a row that an index finds')
  }

  #tree(index: Index): Tree<Row | string> {
    const tree = this.#indexes.get(index)
    if (!tree) throw new RangeError(`table ${this.name} has no index ${index}`)
    return tree
  }
}

/** Any table, where its rows don't matter. */
export type AnyTable = Table<object, string>
