import type { TracedBatch, TracedEntry } from '../../server/raft/trace.ts'
import type { Index, Membership, SnapshotMeta, Term } from '../../server/raft/types.ts'

interface Base {
  readonly index: Index
  readonly term: Term
  readonly membership: Membership | null
}

interface Entries {
  /** After the base. The log is the first `count` of them; what follows is a longer log's that began with this one. */
  readonly shared: TracedEntry[]
  readonly count: number
}

/**
 * A log as the specification has it: what a snapshot stands for, and entries. A value: a change gives another. A log and the
 * longer one that was made of it share their entries, as servers in the world write hundreds of thousands.
 */
export class SpecLog {
  readonly base: Base
  readonly #entries: Entries
  /** The newest of the entries that are memberships, and the one before it, and so on. */
  readonly #newest: Newest | null

  private constructor(base: Base, entries: Entries, newest: Newest | null) {
    this.base = base
    this.#entries = entries
    this.#newest = newest
  }

  static readonly empty = new SpecLog(
    { index: 0, term: 0, membership: null },
    { shared: [], count: 0 },
    null,
  )

  static after({ index, membership, term }: SnapshotMeta): SpecLog {
    return new SpecLog({ index, term, membership }, { shared: [], count: 0 }, null)
  }

  get last(): { readonly index: Index; readonly term: Term } {
    const { count, shared } = this.#entries
    return shared[count - 1] ?? this.base
  }

  /** Undefined beyond the end, and below what the base left. */
  entry(index: Index): TracedEntry | undefined {
    const position = index - this.base.index - 1
    return position < this.#entries.count ? this.#entries.shared[position] : undefined
  }

  term(index: Index): Term | undefined {
    return index === this.base.index ? this.base.term : this.entry(index)?.term
  }

  /** The newest one in the log, which is in effect (thesis §4.1). */
  get membership(): Membership | null {
    return this.#newest?.membership ?? this.base.membership
  }

  append(added: readonly TracedEntry[]): SpecLog {
    if (added.length === 0) return this
    const { count } = this.#entries
    // Somebody else went on from here: from now on there are two.
    const shared =
      this.#entries.shared.length === count
        ? this.#entries.shared
        : this.#entries.shared.slice(0, count)
    let newest = this.#newest
    for (const entry of added) {
      shared.push(entry)
      if (entry.kind !== 'membership') continue
      const membership = JSON.parse(entry.body) as Membership
      newest = { index: entry.index, membership, before: newest }
    }
    return new SpecLog(this.base, { shared, count: shared.length }, newest)
  }

  /** Without the entries from there on. */
  truncate(from: Index): SpecLog {
    const count = Math.max(0, Math.min(this.#entries.count, from - 1 - this.base.index))
    let newest = this.#newest
    while (newest !== null && newest.index >= from) newest = newest.before
    return new SpecLog(this.base, { shared: this.#entries.shared, count }, newest)
  }

  written({ entries, snapshot, truncateFrom }: TracedBatch): SpecLog {
    const kept = truncateFrom === null ? this : this.truncate(truncateFrom)
    const isGap = snapshot !== null && snapshot.index > kept.last.index
    return (isGap ? SpecLog.after(snapshot) : kept).append(entries)
  }
}

interface Newest {
  readonly index: Index
  readonly membership: Membership
  readonly before: Newest | null
}

/** Whether those who agree are a majority of the voters, and of the outgoing ones if there are any (Raft §6). */
export function isQuorum(membership: Membership | null, agrees: (id: string) => boolean): boolean {
  if (membership === null) return false
  const isMajority = (ids: readonly string[]): boolean => ids.filter(agrees).length * 2 > ids.length
  const { outgoing, voters } = membership
  return isMajority(voters) && (outgoing.length === 0 || isMajority(outgoing))
}

/** Raft §5.4.1. */
export function isUpToDate(
  asker: { readonly index: Index; readonly term: Term },
  { last }: SpecLog,
): boolean {
  return asker.term > last.term || (asker.term === last.term && asker.index >= last.index)
}
