import sorted from 'sorted-btree'

// sorted-btree is CommonJS whose named exports Node can't see; the class is the default of its default.
const BTree = sorted.default
export type Tree<Value> = InstanceType<typeof BTree<string, Value>>

/** A copy-on-write B-tree whose keys compare by UTF-16 unit. */
export function newTree<Value>(): Tree<Value> {
  return new BTree<string, Value>(undefined, byUnit)
}

const byUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The rows of a table under their keys, in key order: as objects in a B-tree (here), or, where there may be millions of them,
 * packed into pages (packed-rows.ts). What iterates is not to be gone on with once a row was written.
 */
export interface Rows<Row> {
  readonly size: number
  get(key: string): Row | undefined
  set(key: string, row: Row): void
  delete(key: string): void
  values(): Iterable<Row>
  /** Rows whose key begins with the prefix. */
  beginning(prefix: string): Iterable<Row>
  /** An O(1) copy; writes to either don't change the other. */
  clone(): Rows<Row>
}

/** Rows as they are: reading one costs nothing, and each is an object that the collector looks at. */
export class ObjectRows<Row> implements Rows<Row> {
  readonly #tree: Tree<Row>

  constructor(tree = newTree<Row>()) {
    this.#tree = tree
  }

  get size(): number {
    return this.#tree.size
  }

  get(key: string): Row | undefined {
    return this.#tree.get(key)
  }

  set(key: string, row: Row): void {
    this.#tree.set(key, row)
  }

  delete(key: string): void {
    this.#tree.delete(key)
  }

  values(): Iterable<Row> {
    return this.#tree.values()
  }

  beginning(prefix: string): Iterable<Row> {
    return range(this.#tree, prefix)
  }

  clone(): ObjectRows<Row> {
    return new ObjectRows(this.#tree.clone())
  }
}

/** What a tree holds under keys that begin with the prefix, in their order. */
export function* range<Value>(tree: Tree<Value>, prefix: string): Iterable<Value> {
  for (const [key, value] of tree.entries(prefix)) {
    if (!key.startsWith(prefix)) return
    yield value
  }
}
