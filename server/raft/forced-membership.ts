import { assert } from '../model/assert.ts'
import { encodeMembership, normalize } from './core/membership.ts'
import type { LogStore } from './storage/port.ts'
import type { Entry, HardState, Membership, Recovered, Term } from './types.ts'

/**
 * Elections of a cluster's life, and then some: the distance by which a forced entry's term lies above its log's last one.
 */
const epochTerms = 2 ** 40
/** From there on terms are elections' again. */
const electionTerms = 2 ** 32

/**
 * Puts a membership at the end of the log that nobody voted for: how servers go on without others that are lost for good. The entry
 * is not called committed; who leads next commits it, with everything before it. README.md ("Lost majorities") says why the log
 * stays one that Raft could have made: its term
 *
 *   - is above every term that was ever elected, and below every one that will be: no entry but another server's forced one of the
 *     same log can have the same index and term;
 *   - keeps the order of the logs: the survivor whose log was the most up to date still is, and will lead.
 *
 * A log that ends with that very membership is left as it is: the process died before it could say that this was done.
 */
export async function forceMembership(
  logStore: Pick<LogStore, 'append' | 'lastIndex' | 'term'>,
  recovered: Recovered,
  forced: Membership,
): Promise<Recovered> {
  const membership = normalize(forced)
  const lastIndex = logStore.lastIndex()
  const latest = recovered.memberships.at(-1)
  if (latest?.index === lastIndex && isSame(latest.membership, membership)) return recovered
  const { snapshot } = recovered
  const lastTerm = snapshot?.index === lastIndex ? snapshot.term : logStore.term(lastIndex)
  const term = lastTerm + epochTerms
  const entry: Entry = {
    index: lastIndex + 1,
    term,
    kind: 'membership',
    payload: encodeMembership(membership),
  }
  const hardState: HardState = {
    term: nextElections(recovered.hardState.term, term),
    vote: null,
    commit: recovered.hardState.commit,
  }
  await new Promise<void>((resolve) => {
    logStore.append(
      { seq: 0, hardState, truncateFrom: null, snapshot: null, entries: [entry] },
      resolve,
    )
  })
  return {
    ...recovered,
    hardState,
    memberships: [...recovered.memberships, { index: entry.index, membership }],
  }
}

/** A term in which this server never voted, so that it owes nobody a vote. */
function nextElections(current: Term, forced: Term): Term {
  const term = Math.max(current + 1, forced + electionTerms)
  assert(Number.isSafeInteger(term), 'a log was forced thousands of times')
  return term
}

function isSame(a: Membership, b: Membership): boolean {
  return JSON.stringify(normalize(a)) === JSON.stringify(b)
}
