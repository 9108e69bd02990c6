import { isCompatible, isValid, origin } from '../model/coordinate.ts'
import { PraetorError } from '../model/errors.ts'
import { coordinatesOfNode, listCoordinates } from '../state/coordinates.ts'
import type { EndpointTable } from './call.ts'

export const coordinateEndpoints = {
  'Coordinate.ListNodes': {
    kind: 'read',
    run: (store, _args, _query, watch) => listCoordinates(store, watch),
  },

  'Coordinate.Node': {
    kind: 'read',
    run: (store, { Node }, _query, watch) => coordinatesOfNode(store, Node, watch),
  },

  // Done as soon as it is noted: coordinates come all the time, are written a few at a time, and one that is lost is soon replaced.
  'Coordinate.Update': {
    kind: 'write',
    async run({ coordinateUpdates }, { Node, Segment, Coord }) {
      if (!isValid(Coord)) throw new PraetorError('failed', 'invalid coordinate')
      if (!isCompatible(Coord, origin)) throw new PraetorError('failed', 'incompatible coordinate')
      coordinateUpdates.add({ Node, Segment, Coord })
    },
  },
} satisfies Pick<EndpointTable, 'Coordinate.ListNodes' | 'Coordinate.Node' | 'Coordinate.Update'>
