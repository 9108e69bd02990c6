import type { CoordinateUpdates } from '../endpoints/method.ts'
import type { NodeCoordinate } from '../model/coordinate.ts'

/** How coordinates are written: many in one entry of the log, and no more in a period than the log should bear. */
export interface CoordinateRhythm {
  readonly periodMs: number
  /** Coordinates in one entry. */
  readonly batchSize: number
  /** Entries in one period; what is beyond them is dropped, and told again soon enough. */
  readonly batchesMax: number
}

/** Consul's. */
export const coordinateRhythm: CoordinateRhythm = {
  periodMs: 5_000,
  batchSize: 128,
  batchesMax: 5,
}

/** The newest coordinate of each node and segment that is not written yet. */
export class PendingCoordinates implements CoordinateUpdates {
  readonly #rhythm: CoordinateRhythm
  #pending = new Map<string, NodeCoordinate>()

  constructor(rhythm: CoordinateRhythm) {
    this.#rhythm = rhythm
  }

  get periodMs(): number {
    return this.#rhythm.periodMs
  }

  add(update: NodeCoordinate): void {
    this.#pending.set(`${update.Node}:${update.Segment}`, update)
  }

  /** What is to be written this period, entry by entry, and how many have no room. None of them is pending any longer. */
  take(): { readonly batches: readonly (readonly NodeCoordinate[])[]; readonly dropped: number } {
    const { batchSize, batchesMax } = this.#rhythm
    const pending = [...this.#pending.values()]
    this.#pending = new Map()
    const kept = pending.slice(0, batchSize * batchesMax)
    const batches: NodeCoordinate[][] = []
    for (let start = 0; start < kept.length; start += batchSize)
      batches.push(kept.slice(start, start + batchSize))
    return { batches, dropped: pending.length - kept.length }
  }
}
