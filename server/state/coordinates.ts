import type { Coordinate, NodeCoordinate } from '../model/coordinate.ts'
import { isSame } from './equality.ts'
import { nodeKey, onNode } from './schema.ts'
import type { Indexed, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { WatchSet } from './watch.ts'

/** Notes where nodes stand. Of a node that is not there nothing is kept: nobody would take it away again. */
export function putCoordinates(
  store: Store,
  tx: Transaction,
  updates: readonly NodeCoordinate[],
): void {
  for (const row of updates) {
    if (store.nodes.get(nodeKey(row.Node)) === undefined) continue
    const before = store.coordinates.get(store.coordinates.definition.key(row))
    if (before !== undefined && isSame(before, row)) continue
    tx.put(store.coordinates, row)
    tx.bump('coordinates')
  }
}

export function deleteCoordinates(store: Store, tx: Transaction, node: string): void {
  for (const key of Array.from(
    store.coordinates.withPrefix(onNode(node)),
    store.coordinates.definition.key,
  )) {
    tx.delete(store.coordinates, key)
    tx.bump('coordinates')
  }
}

export function listCoordinates(
  store: Store,
  watch?: WatchSet,
): Indexed<readonly NodeCoordinate[]> {
  return { index: store.maxIndex(['coordinates']), value: [...store.coordinates.all(watch)] }
}

/** A node's, one for each segment, under the name that was asked for. */
export function coordinatesOfNode(
  store: Store,
  Node: string,
  watch?: WatchSet,
): Indexed<readonly NodeCoordinate[]> {
  const rows = store.coordinates.withPrefix(onNode(Node), watch)
  return {
    index: store.maxIndex(['coordinates']),
    value: Array.from(rows, ({ Segment, Coord }) => ({ Node, Segment, Coord })),
  }
}

/**
 * Two coordinates that can be compared: of the segment that one of them is alone in, else of the empty one, which is the servers'.
 * Undefined where there are no such two.
 */
export function comparable(
  ours: readonly NodeCoordinate[],
  theirs: readonly NodeCoordinate[],
): readonly [Coordinate, Coordinate] | undefined {
  const segment = only(theirs) ?? only(ours) ?? ''
  const a = ours.find(({ Segment }) => Segment === segment)
  const b = theirs.find(({ Segment }) => Segment === segment)
  return a && b && [a.Coord, b.Coord]
}

function only(rows: readonly NodeCoordinate[]): string | undefined {
  return rows.length === 1 ? rows[0]?.Segment : undefined
}
