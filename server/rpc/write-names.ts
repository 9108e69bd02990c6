import { writesUnderWayMax } from '../model/methods.ts'

/**
 * Numbers for the writes that a node sends on. The cluster remembers the outcome of a write under its number modulo
 * `writesUnderWayMax`, its place, so a number must not be taken while an older one of the same place is still under way: its
 * outcome would be forgotten while it may yet be asked for. The place that was free last is taken first, so that the cluster
 * remembers no more outcomes of a node than it ever had writes under way; and a number is never given twice.
 */
export class WriteNames {
  readonly #placesMax: number
  /** The next number of each free place that was taken before. */
  readonly #free: number[] = []
  #places = 0

  constructor(placesMax: number = writesUnderWayMax) {
    this.#placesMax = placesMax
  }

  /** A number, to be given back when the write is over; `undefined` when too many are under way. */
  take(): number | undefined {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#places === this.#placesMax) return undefined
    this.#places += 1
    return this.#places
  }

  giveBack(sequence: number): void {
    this.#free.push(sequence + writesUnderWayMax)
  }
}
