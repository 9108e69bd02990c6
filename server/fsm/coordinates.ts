import type { NodeCoordinate } from '../model/coordinate.ts'
import { putCoordinates } from '../state/coordinates.ts'
import type { Command } from './command.ts'

export interface CoordinatesUpdate {
  readonly Updates: readonly NodeCoordinate[]
}

export const coordinateCommands = {
  'coordinates-update': {
    number: 9,
    apply: (store, tx, { Updates }) => putCoordinates(store, tx, Updates),
  } satisfies Command<CoordinatesUpdate, void>,
}
