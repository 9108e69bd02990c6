import { majority } from '../../../server/raft/core/quorum.ts'
import type { Index, Membership, NodeId } from '../../../server/raft/types.ts'
import { hold } from '../violation.ts'
import type { Action } from './actions.ts'
import type { Past } from './memory.ts'
import { serverIn, type ServerState, type Terms } from './server-states.ts'

/** One server's step, as the others stand. */
export interface Happening {
  readonly action: Action
  readonly before: ServerState
  readonly after: ServerState
  /** All of them, after it. */
  readonly servers: readonly ServerState[]
  /** Up to where reads may be answered that became ready. */
  readonly ready: readonly Index[]
}

/** What servers have to do with each other (Raft, figure 3). Gives what is to be remembered of it, or null; throws a Violation. */
export function judged(happening: Happening, past: Past): Past | null {
  const { action, after, before, ready } = happening
  const isRead = action.event.kind === 'read'
  const isElected =
    after.role === 'leader' && (before.role !== 'leader' || before.term !== after.term)
  const isMore = after.commit > before.commit && action.event.kind !== 'crash'
  if (isElected) checkElection(happening, past)
  if (after !== before) checkLogs(happening)
  if (after !== before && after.role === 'leader') checkMatches(happening)
  if (isMore) checkCommit(happening, past)
  for (const index of ready) checkRead(happening, past, index)
  if (!isElected && !isMore && !isRead && ready.length === 0 && action.cost === null) return null
  const { leaders, readFloor, used } = past
  const committed = isMore ? committedThrough(after, past) : past.committed
  return {
    leaders: isElected ? { ...leaders, [after.term]: after.id } : leaders,
    committed,
    readFloor: isRead ? committed.length : ready.length > 0 ? null : readFloor,
    used: action.cost === null ? used : { ...used, [action.cost]: used[action.cost] + 1 },
  }
}

function committedThrough(
  { commit, log, term: by }: ServerState,
  { committed }: Past,
): Past['committed'] {
  const more = log.slice(committed.length, commit).map((term) => ({ term, by }))
  return more.length === 0 ? committed : [...committed, ...more]
}

function checkElection({ after, before, servers }: Happening, { committed, leaders }: Past): void {
  const { id, log, term } = after
  const other = leaders[term]
  hold(
    other === undefined,
    'ElectionSafety',
    () => `${id} leads term ${term}, which ${other === id ? 'it led before' : `${other} leads`}`,
  )
  const votes = (voter: NodeId): boolean => {
    const { disk } = serverIn(servers, voter)
    return disk.term > term || (disk.term === term && disk.vote === id)
  }
  hold(
    isQuorum(before.membership, votes),
    'ElectedByQuorum',
    () => `${id} leads term ${term} without the durable votes of a quorum`,
  )
  for (const [at, entry] of committed.entries())
    hold(
      entry.by >= term || log[at] === entry.term,
      'LeaderCompleteness',
      () => `${id} leads term ${term} and lacks entry ${at + 1}, committed in term ${entry.by}`,
    )
}

/** Two logs with the same entry at an index are the same up to there. */
function checkLogs({ after, servers }: Happening): void {
  for (const server of servers)
    for (const log of server === after ? [server.disk.log] : [server.log, server.disk.log])
      hold(
        isMatching(after.log, log),
        'LogMatching',
        () => `${after.id} has ${after.log.join(' ')}, and ${server.id} ${log.join(' ')}`,
      )
}

function checkMatches({ after, servers }: Happening): void {
  const { id, log, matches, term } = after
  for (const [follower, match] of matches) {
    const { disk } = serverIn(servers, follower)
    hold(
      match === 0 || disk.term > term || disk.log[match - 1] === log[match - 1],
      'MatchIsDurable',
      () => `${id} counts on entry ${match} at ${follower}, whose disk does not hold it`,
    )
  }
}

function checkCommit({ after, before, servers }: Happening, { committed }: Past): void {
  const { commit, id, log, membership, role, term } = after
  for (let index = before.commit + 1; index <= commit; index += 1) {
    const known = committed[index - 1]
    hold(
      known === undefined || known.term === log[index - 1],
      'StateMachineSafety',
      () => `${id} commits another entry ${index} than was committed`,
    )
  }
  if (role !== 'leader') return
  const holds = (voter: NodeId): boolean =>
    serverIn(servers, voter).disk.log[commit - 1] === log[commit - 1]
  // A membership counts from when it is appended, and the turn may have begun a next one.
  hold(
    isQuorum(before.membership, holds) || isQuorum(membership, holds),
    'CommittedByQuorum',
    () => `${id} commits entry ${commit} in term ${term}, and no quorum of disks holds it`,
  )
}

function checkRead({ after }: Happening, { readFloor }: Past, index: Index): void {
  hold(
    readFloor === null || index >= readFloor,
    'ReadIsConfirmed',
    () => `${after.id} reads at ${index}, and ${readFloor} was committed when it was asked`,
  )
}

/** Whether all is the same up to the last index at which the entries are. */
function isMatching(one: Terms, other: Terms): boolean {
  let at = Math.min(one.length, other.length) - 1
  while (at >= 0 && one[at] !== other[at]) at -= 1
  for (; at >= 0; at -= 1) if (one[at] !== other[at]) return false
  return true
}

function isQuorum({ outgoing, voters }: Membership, agrees: (id: NodeId) => boolean): boolean {
  return [voters, outgoing].every(
    (ids) => ids.length === 0 || ids.filter(agrees).length >= majority(ids.length),
  )
}
