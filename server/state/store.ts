import { assert, must } from '../model/assert.ts'
import {
  autopilotTable,
  checkTable,
  coordinateTable,
  instanceTable,
  kvTable,
  nodeTable,
  outcomeTable,
  serviceNameTable,
  serviceTable,
  sessionTable,
  tombstoneTable,
} from './schema.ts'
import { defineTable, Table } from './table.ts'
import type { AnyTable, TableDefinition } from './table.ts'
import { Transaction } from './transaction.ts'
import type { IndexRow, LockRelease } from './transaction.ts'
import { Watchers } from './watch.ts'
import type { WatchSet } from './watch.ts'

const indexTable = defineTable<IndexRow>({ name: 'index', key: (row) => row.Key, indexes: {} })

/** What a read found, and the index it stands at: what a blocking query waits to see exceeded. */
export interface Indexed<Value> {
  readonly index: number
  readonly value: Value
}

/**
 * Everything the cluster agreed on, as tables. It changes only through `write`, once per log entry and in log order; reading is
 * plain method calls, since a write is never half done when other code runs.
 */
export class Store {
  readonly watchers = new Watchers()
  readonly #tables = new Map<string, AnyTable>()
  readonly #lockListeners = new Set<(release: LockRelease) => void>()
  readonly indexes = this.#table(indexTable)
  readonly kv = this.#table(kvTable)
  readonly tombstones = this.#table(tombstoneTable)
  readonly sessions = this.#table(sessionTable)
  readonly nodes = this.#table(nodeTable)
  readonly services = this.#table(serviceTable)
  readonly checks = this.#table(checkTable)
  readonly outcomes = this.#table(outcomeTable)
  readonly autopilot = this.#table(autopilotTable)
  readonly coordinates = this.#table(coordinateTable)
  readonly instances = new Table(instanceTable)
  readonly serviceNames = new Table(serviceNameTable)

  /**
   * Carries out one log entry. Whatever throws inside takes all of the entry's writes back and is passed on.
   */
  write<T>(index: number, work: (tx: Transaction) => T): T {
    const tx = new Transaction(index, this.indexes)
    let result: T
    try {
      result = work(tx)
    } catch (error) {
      tx.undo()
      throw error
    }
    this.watchers.touch(tx.touched())
    for (const release of tx.lockReleases)
      for (const listener of this.#lockListeners) listener(release)
    return result
  }

  /**
   * Calls back for every session that ended while it held locks with a delay, once the end is committed. A leader keeps those
   * delays; they are not state, since they are measured by its own clock. The result takes the wish back.
   */
  onLockReleased(listener: (release: LockRelease) => void): () => void {
    this.#lockListeners.add(listener)
    return () => void this.#lockListeners.delete(listener)
  }

  /** The newest of the named indexes; 0 where none was ever bumped. */
  maxIndex(keys: readonly string[], watch?: WatchSet): number {
    let max = 0
    for (const key of keys) max = Math.max(max, this.indexes.get(key, watch)?.Value ?? 0)
    return max
  }

  /** True until the first entry was applied: there is nothing yet that a stale read could show. */
  get isEmpty(): boolean {
    return this.indexes.size === 0
  }

  /**
   * Tables in the order of their definition: what a snapshot writes and a restore reads. Instances and service names are not
   * among them, as they follow from the others: who fills the tables by hand calls `rebuildDerived` after.
   */
  get tables(): ReadonlyMap<string, AnyTable> {
    return this.#tables
  }

  /** Puts these tables' rows in place of all there was. The caller then sees to what is derived from them, and to who waits. */
  adopt(tables: ReadonlyMap<string, AnyTable>): void {
    for (const [name, table] of this.#tables)
      table.adopt(must(tables.get(name), `a restored state has a table ${name}`))
  }

  #table<Row extends object, Index extends string>(
    definition: TableDefinition<Row, Index>,
  ): Table<Row, Index> {
    assert(!this.#tables.has(definition.name), `two tables are called ${definition.name}`)
    const table = new Table(definition)
    this.#tables.set(definition.name, table as unknown as AnyTable)
    return table
  }
}
