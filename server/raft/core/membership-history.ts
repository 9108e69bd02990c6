import { assert } from '../../model/assert.ts'
import type { Index, Membership, MembershipEntry } from '../types.ts'

/**
 * Which membership was appended where: the snapshot's, and every one in the log after it. A membership is in effect from the
 * moment it is appended, so taking an entry back must bring back the one before it, and truncation may take back several at
 * once; hence the whole list, and not only "committed and latest".
 *
 * Invariant: indexes strictly increase; there is always at least one.
 */
export class MembershipHistory {
  #entries: MembershipEntry[]

  constructor(base: MembershipEntry, later: readonly MembershipEntry[]) {
    this.#entries = [base]
    for (const entry of later) this.append(entry)
  }

  /** In effect now. */
  get latest(): MembershipEntry {
    return this.#entries.at(-1) as MembershipEntry
  }

  /** In effect at that place of the log. The place must not be older than what was compacted. */
  at(index: Index): MembershipEntry {
    const found = this.#entries.findLast((entry) => entry.index <= index)
    assert(found !== undefined, `the membership at ${index} is compacted`)
    return found
  }

  append(entry: MembershipEntry): void {
    assert(entry.index > this.latest.index, 'memberships are appended in order')
    this.#entries.push(entry)
  }

  /** Entries with this index and above are no more. Returns whether a membership went with them. */
  truncateFrom(index: Index): boolean {
    const kept = this.#entries.filter((entry) => entry.index < index)
    assert(kept.length > 0, 'the base membership is committed')
    const changed = kept.length < this.#entries.length
    this.#entries = kept
    return changed
  }

  /** Forgets what nobody can ask for any more. */
  compactThrough(index: Index): void {
    const base = this.at(index)
    this.#entries = this.#entries.filter((entry) => entry.index >= base.index)
  }

  reset(index: Index, membership: Membership): void {
    this.#entries = [{ index, membership }]
  }
}
