import type { Table } from './table.ts'

/** What the index table holds: the last raft index that changed a table, a service, whatever a read's index depends on. */
export interface IndexRow {
  readonly Key: string
  readonly Value: number
}

/** Locks that were lost with their session: nobody may take these keys for so long. */
export interface LockRelease {
  readonly keys: readonly string[]
  readonly delayMs: number
}

interface Change {
  readonly undo: () => void
  readonly touched: () => Iterable<string>
}

/**
 * The writes of one log entry. All of them happen, or, if `undo` is called, none: each write notes how to take it back. Nobody is
 * woken before the whole has happened.
 */
export class Transaction {
  /** The raft index of the entry: what new rows get as CreateIndex and changed ones as ModifyIndex. */
  readonly index: number
  readonly #indexes: Table<IndexRow>
  readonly #changes: Change[] = []
  #lockReleases: LockRelease[] = []

  constructor(index: number, indexes: Table<IndexRow>) {
    this.index = index
    this.#indexes = indexes
  }

  /** Puts a row under its key, in place of the one that was there. */
  put<Row extends object, Index extends string>(table: Table<Row, Index>, row: Row): void {
    this.#replace(table, table.definition.key(row), row)
  }

  delete<Row extends object, Index extends string>(table: Table<Row, Index>, key: string): boolean {
    return this.#replace(table, key, undefined) !== undefined
  }

  /** Notes that this transaction changed what the named index stands for. */
  bump(...keys: readonly string[]): void {
    for (const Key of keys) this.put(this.#indexes, { Key, Value: this.index })
  }

  /** Forgets a named index, as when the last instance of a service goes. */
  forget(key: string): void {
    this.delete(this.#indexes, key)
  }

  /** Notes that locks were lost, for those who listen to the store; they hear of it when all is done. */
  releaseLocks(release: LockRelease): void {
    this.#lockReleases.push(release)
  }

  get lockReleases(): readonly LockRelease[] {
    return this.#lockReleases
  }

  get changed(): boolean {
    return this.#changes.length > 0
  }

  /** Takes every write back, last first. */
  undo(): void {
    while (this.#changes.length > 0) this.#changes.pop()?.undo()
    this.#lockReleases = []
  }

  /** Every topic that this transaction touched. */
  *touched(): Iterable<string> {
    for (const change of this.#changes) yield* change.touched()
  }

  #replace<Row extends object, Index extends string>(
    table: Table<Row, Index>,
    key: string,
    row: Row | undefined,
  ): Row | undefined {
    const before = table.replace(key, row)
    if (before === undefined && row === undefined) return undefined
    this.#changes.push({
      undo: () => void table.replace(key, before),
      touched: () => table.touched(key, before, row),
    })
    return before
  }
}
