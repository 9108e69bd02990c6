import { Type } from 'typebox'

import type { Immutable } from './immutable.ts'

/** Where a node stands in the space of network distances (Dabek et al., Vivaldi, SIGCOMM 2004): seconds in eight dimensions. */
export const Coordinate = Type.Object({
  Vec: Type.Array(Type.Number()),
  Error: Type.Number(),
  Adjustment: Type.Number(),
  Height: Type.Number(),
})
export type Coordinate = Immutable<Type.Static<typeof Coordinate>>

/** Where a node stands that has measured no distance yet: so does every node of a cluster of one. */
export const origin: Coordinate = {
  Vec: [0, 0, 0, 0, 0, 0, 0, 0],
  Error: 1.5,
  Adjustment: 0,
  Height: 1e-5,
}

/** Where a node stands; in an enterprise's Consul a node stands in each of its network segments. */
export const NodeCoordinate = Type.Object({
  Node: Type.String(),
  Segment: Type.String(),
  Coord: Coordinate,
})
export type NodeCoordinate = Immutable<Type.Static<typeof NodeCoordinate>>

/** Where the servers of a data centre stand among those of all. */
export const DatacenterCoordinates = Type.Object({
  Datacenter: Type.String(),
  AreaID: Type.String(),
  Coordinates: Type.Array(NodeCoordinate),
})
export type DatacenterCoordinates = Immutable<Type.Static<typeof DatacenterCoordinates>>

/** Coordinates of other dimensions are of another space: between them there is no distance. */
export function isCompatible(a: Coordinate, b: Coordinate): boolean {
  return a.Vec.length === b.Vec.length
}

/** Whether all of it are numbers that one can reckon with. */
export function isValid({ Vec, Error: error, Adjustment, Height }: Coordinate): boolean {
  return [...Vec, error, Adjustment, Height].every(Number.isFinite)
}

/**
 * The estimated round trip between two nodes in seconds, to the nanosecond. Both are in the same space (`isCompatible`). The
 * adjustments count as long as they leave anything.
 */
export function roundTripSeconds(a: Coordinate, b: Coordinate): number {
  const bare = unadjustedSeconds(a, b)
  const adjusted = bare + a.Adjustment + b.Adjustment
  return Math.trunc((adjusted > 0 ? adjusted : bare) * 1e9) / 1e9
}

/** The way through the space and, at both ends, down from the height: the access link that every path shares. */
export function unadjustedSeconds(a: Coordinate, b: Coordinate): number {
  let square = 0
  for (const [at, value] of a.Vec.entries()) square += (value - (b.Vec[at] ?? 0)) ** 2
  return Math.sqrt(square) + a.Height + b.Height
}
