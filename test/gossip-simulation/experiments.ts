import type { Experiment } from './experiment.ts'
import { bursts } from './experiments/bursts.ts'
import { deaf } from './experiments/deaf.ts'
import { grid } from './experiments/grid.ts'
import { hour } from './experiments/hour.ts'
import { loss } from './experiments/loss.ts'
import { many } from './experiments/many.ts'
import { pauses } from './experiments/pauses.ts'
import { size } from './experiments/size.ts'

/** In the order of the tables. */
export const experiments: readonly Experiment[] = [
  loss,
  hour,
  grid,
  deaf,
  many,
  size,
  bursts,
  pauses,
]
