import { must } from '../../model/assert.ts'
import type { Index, Term } from '../types.ts'

interface Range {
  readonly first: Index
  readonly term: Term
}

/**
 * The term of every entry, in memory for a few bytes a term: terms never fall along a log (Raft §5.3), so a log is a few ranges.
 * Knows nothing of where the log begins and ends: that is for its owner to ask within.
 */
export class TermRanges {
  #ranges: Range[] = []

  note(index: Index, term: Term): void {
    if (this.#ranges.at(-1)?.term !== term) this.#ranges.push({ first: index, term })
  }

  at(index: Index): Term {
    const { length } = this.#ranges
    const last = this.#ranges[length - 1]
    if (last !== undefined && last.first <= index) return last.term
    return must(this.#ranges[this.#search(index)], `a term for entry ${index}`).term
  }

  truncateFrom(index: Index): void {
    while ((this.#ranges.at(-1)?.first ?? 0) >= index) {
      if (this.#ranges.pop() === undefined) return
    }
  }

  /** What lies before `index` will not be asked for. */
  forgetBefore(index: Index): void {
    const start = this.#search(index)
    if (start > 0) this.#ranges.splice(0, start)
  }

  /** The last range that begins at or before `index`; -1 if none does. */
  #search(index: Index): number {
    let [low, high] = [0, this.#ranges.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (must(this.#ranges[middle], 'a range').first <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
