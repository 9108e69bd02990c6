import { writesUnderWayMax } from '../model/methods.ts'

/**
 * Numbers for the writes that a server forwards. The cluster remembers the outcome of a write under its number modulo
 * `writesUnderWayMax`, so a number must not be taken while an older one of the same place is still under way: its outcome would
 * be forgotten while it may yet be asked for. A place that is free again goes to the end of the queue, and a number is never
 * given twice.
 */
export class WriteNames {
  /** The next number of each free place, in a ring. */
  readonly #free = Float64Array.from({ length: writesUnderWayMax }, (_, place) => place + 1)
  #first = 0
  #count = writesUnderWayMax

  /** A number, to be given back when the write is over; `undefined` when too many are under way. */
  take(): number | undefined {
    if (this.#count === 0) return undefined
    const sequence = this.#free[this.#first]
    this.#first = (this.#first + 1) % writesUnderWayMax
    this.#count -= 1
    return sequence
  }

  giveBack(sequence: number): void {
    this.#free[(this.#first + this.#count) % writesUnderWayMax] = sequence + writesUnderWayMax
    this.#count += 1
  }
}
