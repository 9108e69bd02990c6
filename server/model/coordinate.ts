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

export const NodeCoordinate = Type.Object({
  Node: Type.String(),
  Segment: Type.String(),
  Coord: Coordinate,
})
