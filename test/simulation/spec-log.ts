import type { TracedBatch, TracedEntry } from '../../server/raft/trace.ts'
import type { Index, Membership, SnapshotMeta, Term } from '../../server/raft/types.ts'

/** A log as the specification has it: what a snapshot stands for, and entries. Values; a change gives another. */
export interface SpecLog {
  readonly base: {
    readonly index: Index
    readonly term: Term
    readonly membership: Membership | null
  }
  readonly entries: readonly TracedEntry[]
}

export const emptyLog: SpecLog = { base: { index: 0, term: 0, membership: null }, entries: [] }

export function lastOf({ base, entries }: SpecLog): { readonly index: Index; readonly term: Term } {
  return entries.at(-1) ?? base
}

export function entryAt({ base, entries }: SpecLog, index: Index): TracedEntry | undefined {
  return entries[index - base.index - 1]
}

/** Undefined beyond the end, and below the base. */
export function termAt(log: SpecLog, index: Index): Term | undefined {
  return index === log.base.index ? log.base.term : entryAt(log, index)?.term
}

/** The newest one in the log, which is in effect (thesis §4.1). */
export function membershipOf({ base, entries }: SpecLog): Membership | null {
  const newest = entries.findLast(({ kind }) => kind === 'membership')
  return newest === undefined ? base.membership : (JSON.parse(newest.body) as Membership)
}

export function written(log: SpecLog, { entries, snapshot, truncateFrom }: TracedBatch): SpecLog {
  let after = log
  if (truncateFrom !== null)
    after = {
      ...after,
      entries: after.entries.slice(0, Math.max(0, truncateFrom - 1 - log.base.index)),
    }
  if (snapshot !== null && snapshot.index > lastOf(after).index) after = logAfter(snapshot)
  return entries.length === 0 ? after : { ...after, entries: [...after.entries, ...entries] }
}

export function logAfter({ index, membership, term }: SnapshotMeta): SpecLog {
  return { base: { index, term, membership }, entries: [] }
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
  log: SpecLog,
): boolean {
  const last = lastOf(log)
  return asker.term > last.term || (asker.term === last.term && asker.index >= last.index)
}
