import { roundTripSeconds } from '../model/coordinate.ts'
import type { NodeCoordinate } from '../model/coordinate.ts'
import { comparable, coordinatesOfNode } from '../state/coordinates.ts'
import type { Store } from '../state/store.ts'

/**
 * Rows by how far their nodes are from the one named. What can't be compared comes last, and among equals the order stays; where
 * nobody knows where that node stands, it all stays as it is.
 */
export function nearestFirst<Row>(
  store: Store,
  rows: readonly Row[],
  near: string,
  nodeOf: (row: Row) => string,
): readonly Row[] {
  const from = coordinatesOfNode(store, near).value
  if (from.length === 0) return rows
  const distances = new Map<string, number>()
  const distanceTo = (row: Row): number => {
    const node = nodeOf(row)
    const known = distances.get(node)
    if (known !== undefined) return known
    const seconds = distance(from, coordinatesOfNode(store, node).value)
    distances.set(node, seconds)
    return seconds
  }
  return rows.toSorted((a, b) => compare(distanceTo(a), distanceTo(b)))
}

function distance(from: readonly NodeCoordinate[], to: readonly NodeCoordinate[]): number {
  const pair = comparable(from, to)
  return pair === undefined ? Infinity : roundTripSeconds(...pair)
}

/** Infinities are equal; their difference would be no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b
}
