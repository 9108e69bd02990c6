import {
  isCompatible,
  isValid,
  origin,
  roundTripSeconds,
  unadjustedSeconds,
} from '../../model/coordinate.ts'
import type { Coordinate } from '../../model/coordinate.ts'
import type { Chance } from '../../runtime/chance.ts'

/** Serf's constants: all members of a pool must agree on them, as they do on the protocol. */
export interface VivaldiConfig {
  /** The most that a coordinate may doubt itself, and what it begins with. */
  readonly errorMax: number
  /** c_e: how fast the doubt follows what is measured (§3.3). */
  readonly errorWeight: number
  /** c_c: how far a measurement moves the node (§3.3). */
  readonly moveWeight: number
  /** Measurements that the adjustment is the mean of; 0 for no adjustment. */
  readonly adjustmentWindow: number
  readonly heightMinSeconds: number
  /** Measurements of one node that the median is taken of. */
  readonly medianOf: number
  /** ρ: how far from the origin its pull is felt, in seconds. */
  readonly gravityRho: number
  readonly roundTripMaxSeconds: number
}

export const vivaldiDefaults: VivaldiConfig = {
  errorMax: origin.Error,
  errorWeight: 0.25,
  moveWeight: 0.25,
  adjustmentWindow: 20,
  heightMinSeconds: origin.Height,
  medianOf: 3,
  gravityRho: 150,
  roundTripMaxSeconds: 10,
}

/** Below this two points are one, and a time is none. */
const zeroThreshold = 1e-6

/** What became of a measurement. */
export type Measured = 'moved' | 'refused' | 'reset'

/**
 * Where this node stands (Dabek et al., Vivaldi, SIGCOMM 2004, with heights), with Serf's additions: a median of each node's last
 * measurements against outliers, an adjustment for what no Euclidean space can hold (Lee et al., "On Suitability of Euclidean
 * Embedding of Internet Hosts", SIGMETRICS 2006), and a pull to the origin against drift (Ledlie et al., NSDI 2007).
 */
export class Vivaldi {
  readonly #config: VivaldiConfig
  readonly #chance: Chance
  readonly #origin: Coordinate
  readonly #samples: number[]
  readonly #recent = new Map<string, readonly number[]>()
  #sampleAt = 0
  #coordinate: Coordinate

  /** Begins at `start`: where it stood when it was last here, else at the origin, of as many dimensions. */
  constructor(chance: Chance, config: VivaldiConfig = vivaldiDefaults, start: Coordinate = origin) {
    this.#config = config
    this.#chance = chance
    this.#origin = {
      Vec: start.Vec.map(() => 0),
      Error: config.errorMax,
      Adjustment: 0,
      Height: config.heightMinSeconds,
    }
    this.#samples = Array.from({ length: config.adjustmentWindow }, () => 0)
    this.#coordinate = start
  }

  get coordinate(): Coordinate {
    return this.#coordinate
  }

  /** A round trip to `node`, which says that it stands at `other`. Refuses what can't be, whoever says so. */
  measure(node: string, other: Coordinate, seconds: number): Measured {
    if (!isCompatible(this.#coordinate, other) || !isValid(other)) return 'refused'
    if (!(seconds >= 0 && seconds <= this.#config.roundTripMaxSeconds)) return 'refused'
    const median = this.#medianWith(node, seconds)
    this.#spring(other, median)
    this.#adjust(other, median)
    this.#gravitate()
    if (isValid(this.#coordinate)) return 'moved'
    this.#coordinate = this.#origin
    return 'reset'
  }

  /** Drops what was measured of a node that is gone. */
  forget(node: string): void {
    this.#recent.delete(node)
  }

  #medianWith(node: string, seconds: number): number {
    const recent = [...(this.#recent.get(node) ?? []), seconds].slice(-this.#config.medianOf)
    this.#recent.set(node, recent)
    return recent.toSorted((a, b) => a - b)[recent.length >> 1] ?? seconds
  }

  /** The algorithm itself (Figure 3 of the paper): a spring of the measured length between here and there, relaxed a little. */
  #spring(other: Coordinate, measured: number): void {
    const { errorWeight, moveWeight, errorMax } = this.#config
    const here = this.#coordinate
    const seconds = Math.max(measured, zeroThreshold)
    const estimated = roundTripSeconds(here, other)
    const wrongness = Math.abs(estimated - seconds) / seconds
    const weight = here.Error / Math.max(here.Error + other.Error, zeroThreshold)
    const doubt = errorWeight * weight * wrongness + here.Error * (1 - errorWeight * weight)
    this.#coordinate = { ...here, Error: Math.min(doubt, errorMax) }
    this.#push(moveWeight * weight * (seconds - estimated), other)
  }

  /** Half of what the space gets wrong on the average, since both ends of an estimate add theirs. */
  #adjust(other: Coordinate, seconds: number): void {
    const { adjustmentWindow } = this.#config
    if (adjustmentWindow === 0) return
    this.#samples[this.#sampleAt] = seconds - unadjustedSeconds(this.#coordinate, other)
    this.#sampleAt = (this.#sampleAt + 1) % adjustmentWindow
    const sum = this.#samples.reduce((total, sample) => total + sample, 0)
    this.#coordinate = { ...this.#coordinate, Adjustment: sum / (2 * adjustmentWindow) }
  }

  #gravitate(): void {
    const seconds = roundTripSeconds(this.#origin, this.#coordinate)
    this.#push(-((seconds / this.#config.gravityRho) ** 2), this.#origin)
  }

  /** Moves away from `other`, or towards it where the force is negative, and up or down by the same measure. */
  #push(force: number, other: Coordinate): void {
    const here = this.#coordinate
    const { direction, length } = this.#away(here, other)
    const Vec = here.Vec.map((value, at) => value + (direction[at] ?? 0) * force)
    const Height =
      length > zeroThreshold
        ? Math.max(
            ((here.Height + other.Height) * force) / length + here.Height,
            this.#config.heightMinSeconds,
          )
        : here.Height
    this.#coordinate = { ...here, Vec, Height }
  }

  /** The direction from there to here; from two in one place, by chance, any. */
  #away(
    here: Coordinate,
    other: Coordinate,
  ): { readonly direction: readonly number[]; readonly length: number } {
    const way = here.Vec.map((value, at) => value - (other.Vec[at] ?? 0))
    const length = Math.hypot(...way)
    if (length > zeroThreshold) return { direction: way.map((value) => value / length), length }
    const drawn = here.Vec.map(() => this.#chance.fraction() - 0.5)
    const drawnLength = Math.hypot(...drawn)
    return {
      direction:
        drawnLength > zeroThreshold
          ? drawn.map((value) => value / drawnLength)
          : here.Vec.map((_, at) => (at === 0 ? 1 : 0)),
      length: 0,
    }
  }
}
