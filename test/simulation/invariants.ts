import { must } from '../../server/model/assert.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { AppendBatch, RaftOutput } from '../../server/raft/core/output.ts'
import { quorumReached } from '../../server/raft/core/quorum.ts'
import type { RaftStatus } from '../../server/raft/core/raft.ts'
import type {
  Entry,
  EntryId,
  Index,
  Membership,
  NodeId,
  Recovered,
} from '../../server/raft/types.ts'
import type { ModelEntry } from './model-log.ts'
import { ServerModel } from './server-model.ts'
import type { Turn } from './server.ts'
import { hold } from './violation.ts'

interface Committed {
  readonly entry: ModelEntry
  /** The earliest term in which it is known to have been committed: leaders of later ones have it. */
  readonly inTerm: number
}

/**
 * What must be true of a cluster after every turn of any of its servers (Raft figure 3, and what our own promises add). It is
 * told what each turn was, keeps its own books of logs, disks and votes, and believes no server about another.
 */
export class Invariants {
  readonly #servers = new Map<NodeId, ServerModel>()
  readonly #leaders = new Map<number, NodeId>()
  /** Who was given whose vote: `voter term` to candidate. */
  readonly #votes = new Map<string, NodeId>()
  /** Chain by `index term`. */
  readonly #chains = new Map<string, number>()
  readonly #committed: Committed[] = []
  readonly #placed = new Map<string, Index>()
  readonly #promiseMs: number
  /** The newest term that somebody leads or led. */
  newestTermLed = 0

  /** `promiseMs`: how long a server stays with a leader that it heard. */
  constructor(promiseMs: number) {
    this.#promiseMs = promiseMs
  }

  /** Where in the log a payload was committed, if it was. */
  positionOf(payload: Uint8Array): Index | undefined {
    return this.#placed.get(nameOf(payload))
  }

  get commitIndex(): Index {
    return this.#committed.length
  }

  started(id: NodeId, recovered: Recovered): void {
    const server = this.#server(id)
    server.restarted(recovered, (entry) => this.#committedEntry(entry))
    for (let index = 1; index <= server.log.lastIndex; index += 1)
      this.#checkMatching(server, index)
    this.#learnCommit(server, server.commit)
  }

  turned(id: NodeId, { events, output, status }: Turn): void {
    const server = this.#server(id)
    const lookUp = (entry: EntryId): ModelEntry => this.#committedEntry(entry)
    for (const event of events) {
      if (event.kind === 'appendDone') server.acknowledged(event.seq, lookUp)
    }
    this.#checkProgressOfTime(server, status)
    this.#checkVote(server, events, output)
    const before = server.log.membership().membership
    this.#checkLog(server, output, status, lookUp)
    if (status.role === 'leader') this.#checkLeader(server, status, before)
    this.#checkReads(server, events, output, before)
    for (const { to, message } of output.send) this.#checkPromise(server, to, message)
    this.#checkCommit(server, output, status, before)
    this.#checkApply(server, output, status)
    server.role = status.role
    server.term = status.term
  }

  #server(id: NodeId): ServerModel {
    if (!this.#servers.has(id)) this.#servers.set(id, new ServerModel(id))
    return must(this.#servers.get(id), 'a server')
  }

  #committedEntry({ index, term }: EntryId): ModelEntry {
    const committed = this.#committed[index - 1]
    hold(
      committed !== undefined && committed.entry.term === term,
      'SnapshotOfCommitted',
      () => `a snapshot ends with entry ${index} of term ${term}, which is not committed`,
    )
    return committed.entry
  }

  #checkProgressOfTime(server: ServerModel, { commitIndex, term }: RaftStatus): void {
    const { id } = server
    hold(term >= server.term, 'TermNeverFalls', () => `${id} went from ${server.term} to ${term}`)
    hold(
      commitIndex >= server.commit,
      'CommitNeverFalls',
      () => `${id} went from ${server.commit} to ${commitIndex}`,
    )
  }

  /** Who answered a leader's heartbeat votes for nobody else for a while, also if it was started again meanwhile: leases rest on it. */
  #checkVote(server: ServerModel, events: Turn['events'], { append, send }: RaftOutput): void {
    const { id, log } = server
    const nowMs = events.findLast((event) => event.kind === 'tick')?.nowMs ?? server.toldMs
    server.toldMs = nowMs
    const vote = append?.hardState?.vote
    const isNew = vote !== server.vote.to || append?.hardState?.term !== server.vote.term
    if (append?.hardState && vote !== undefined && vote !== null && vote !== id && isNew) {
      const { term } = append.hardState
      server.vote = { term, to: vote }
      const request = events.findLast(
        (event) =>
          event.kind === 'message' &&
          event.from === vote &&
          event.message.kind === 'vote' &&
          event.message.term === term,
      )
      if (request?.kind === 'message' && request.message.kind === 'vote') {
        const { lastLog, transfer } = request.message
        hold(
          transfer || nowMs - server.promisedMs >= this.#promiseMs,
          'Loyalty',
          () =>
            `${id} votes for ${vote} ${nowMs - server.promisedMs} ms after it answered a leader`,
        )
        const last = must(log.at(log.lastIndex), 'a last entry')
        const isBehind =
          lastLog.term < last.term ||
          (lastLog.term === last.term &&
            lastLog.index < log.lastIndex &&
            append.truncateFrom === null)
        hold(!isBehind, 'VoteForNewerLog', () => `${id} votes for ${vote}, whose log is behind`)
      }
    }
    if (send.some(({ message }) => message.kind === 'heartbeatResponse')) server.promisedMs = nowMs
  }

  #checkLog(
    server: ServerModel,
    { append, restore }: RaftOutput,
    status: RaftStatus,
    lookUp: (id: EntryId) => ModelEntry,
  ): void {
    const { id, log } = server
    if (append !== null) {
      const { truncateFrom } = append
      const isSameLeader =
        server.role === 'leader' && status.role === 'leader' && server.term === status.term
      hold(
        !isSameLeader || (truncateFrom === null && restore === null),
        'LeaderAppendOnly',
        () => `${id} leads term ${status.term} and takes back entries from ${truncateFrom}`,
      )
      hold(
        truncateFrom === null || truncateFrom > server.commit || restore !== null,
        'CommittedStays',
        () => `${id} committed ${server.commit} and takes back entries from ${truncateFrom}`,
      )
      if (status.role === 'leader') this.#checkChange(server, append, status)
      server.append(append, lookUp)
      for (const { index } of append.entries) this.#checkMatching(server, index)
    }
    hold(
      status.lastIndex === log.lastIndex && status.lastTerm === log.at(log.lastIndex)?.term,
      'LogIsWritten',
      () => `${id} has ${status.lastIndex} entries, and gave ${log.lastIndex} to its disk`,
    )
    const { membership } = log.membership()
    if (server.goesBy === status.membership && server.should === membership) return
    server.goesBy = status.membership
    server.should = membership
    hold(
      JSON.stringify(status.membership) === JSON.stringify(membership),
      'MembershipIsNewest',
      () =>
        `${id} goes by ${JSON.stringify(status.membership)}, and its log by ${JSON.stringify(membership)}`,
    )
  }

  /** A leader changes members when the last change is committed, and something of its own term (Ongaro's correction of 2015). */
  #checkChange({ id, log }: ServerModel, { entries }: AppendBatch, status: RaftStatus): void {
    const { commitIndex, term } = status
    const isOwn = (entry: Entry): boolean => entry.kind === 'membership' && entry.term === term
    if (log.at(log.lastIndex)?.term !== term || !entries.some(isOwn)) return
    hold(
      commitIndex >= log.membership().index && log.at(commitIndex)?.term === term,
      'OneChangeAtATime',
      () => `${id} changes members in term ${term} with ${commitIndex} committed`,
    )
  }

  /** Two logs with the same entry at an index are the same up to there. */
  #checkMatching({ id, log }: ServerModel, index: Index): void {
    const entry = log.at(index)
    if (entry === undefined) return
    const name = `${index} ${entry.term}`
    const known = this.#chains.get(name)
    if (known === undefined) this.#chains.set(name, entry.chain)
    hold(
      known === undefined || known === entry.chain,
      'LogMatching',
      () => `${id} has another history before entry ${index} of term ${entry.term} than others`,
    )
  }

  #checkLeader(server: ServerModel, status: RaftStatus, before: Membership): void {
    const { id, log } = server
    const { progress, term } = status
    if (server.role !== 'leader' || server.term !== term) this.#checkElection(server, term, before)
    for (const [follower, { inflights, match }] of progress) {
      hold(inflights.count <= 256, 'InflightBound', () => `${id} has ${inflights.count} on the way`)
      const other = this.#servers.get(follower)
      if (other === undefined || other.durableState.term > term || match === 0) continue
      const entry = log.at(match)
      hold(
        entry === undefined || other.durable.holds(match, entry.chain),
        'MatchIsDurable',
        () => `${id} counts on entry ${match} at ${follower}, whose disk does not hold it`,
      )
    }
  }

  /** A read is good when a quorum answered what the leader said after it was asked (thesis §6.4). */
  #checkReads(
    server: ServerModel,
    events: Turn['events'],
    output: RaftOutput,
    before: Membership,
  ): void {
    const { answeredMs, id, log, reads } = server
    for (const event of events) {
      if (event.kind === 'readIndex')
        reads.set(event.ticket, { askedMs: server.toldMs, isConfirmed: false })
      if (event.kind !== 'message' || event.message.kind !== 'heartbeatResponse') continue
      const { sentAtMs, term } = event.message
      if (term >= server.term)
        answeredMs.set(event.from, Math.max(sentAtMs, answeredMs.get(event.from) ?? sentAtMs))
    }
    // It may be confirmed long before the state machine has what it needs, and by those who were members then.
    for (const read of reads.values())
      read.isConfirmed ||= [before, log.membership().membership].some(
        (membership) =>
          quorumReached(membership, (voter) =>
            voter === id ? Infinity : (answeredMs.get(voter) ?? -Infinity),
          ) >= read.askedMs,
      )
    for (const { outcome, ticket } of output.reads) {
      const isConfirmed = reads.get(ticket)?.isConfirmed === true
      reads.delete(ticket)
      hold(
        outcome !== 'ready' || isConfirmed,
        'ReadIsConfirmed',
        () => `${id} answers read ${ticket} by older rounds`,
      )
    }
  }

  #checkElection(server: ServerModel, term: number, before: Membership): void {
    const { id, log } = server
    const other = this.#leaders.get(term)
    hold(
      other === undefined || other === id,
      'ElectionSafety',
      () => `${other} and ${id} lead term ${term}`,
    )
    this.#leaders.set(term, id)
    this.newestTermLed = Math.max(this.newestTermLed, term)
    const { durableState } = server
    if (durableState.term === term && durableState.vote === id) this.#give(id, term, id)
    hold(
      quorumReached(before, (voter) => (this.#votes.get(`${voter} ${term}`) === id ? 1 : 0)) >= 1,
      'ElectedByQuorum',
      () => `${id} leads term ${term} without the durable votes of a quorum`,
    )
    const newest = this.#committed.findLastIndex(({ inTerm }) => inTerm < term)
    const chain = this.#committed[newest]?.entry.chain
    hold(
      chain === undefined || log.holds(newest + 1, chain),
      'LeaderCompleteness',
      () => `${id} leads term ${term} and does not have entry ${newest + 1}, which was committed`,
    )
  }

  /** What a message promises must be on the disk when it leaves. */
  #checkPromise(server: ServerModel, to: NodeId, message: RaftMessage): void {
    const { durable, durableState, id } = server
    if (message.kind === 'vote') {
      const { term } = message
      hold(
        durableState.term > term || (durableState.term === term && durableState.vote === id),
        'CandidacyIsDurable',
        () =>
          `${id} asks ${to} for a vote in term ${term}, in which its disk has no vote for itself`,
      )
    }
    if (message.kind === 'voteResponse' && message.granted) {
      const { term } = message
      hold(
        durableState.term > term || (durableState.term === term && durableState.vote === to),
        'VoteIsDurable',
        () => `${id} tells ${to} of a vote in term ${term} that its disk does not hold`,
      )
      this.#give(id, term, to)
    }
    if (message.kind !== 'appendResponse' || !message.accepted) return
    const { index, term } = message
    hold(
      durableState.term >= term,
      'TermIsDurable',
      () => `${id} answers in term ${term}, and its disk knows of ${durableState.term}`,
    )
    const leader = this.#servers.get(to)
    if (leader === undefined || leader.term !== term || leader.role !== 'leader') return
    const entry = leader.log.at(index)
    hold(
      entry === undefined || durable.holds(index, entry.chain),
      'AckIsDurable',
      () => `${id} tells ${to} that it has entry ${index}, and its disk has not`,
    )
  }

  #give(voter: NodeId, term: number, to: NodeId): void {
    const name = `${voter} ${term}`
    const other = this.#votes.get(name)
    hold(
      other === undefined || other === to,
      'OneVoteATerm',
      () => `${voter} votes for ${other} and for ${to} in term ${term}`,
    )
    this.#votes.set(name, to)
  }

  #checkCommit(
    server: ServerModel,
    output: RaftOutput,
    status: RaftStatus,
    before: Membership,
  ): void {
    const { id, log } = server
    const { commitIndex, lastIndex, role, term } = status
    if (commitIndex === server.commit) return
    hold(commitIndex <= lastIndex, 'CommitIsInLog', () => `${id} committed ${commitIndex}`)
    server.commit = commitIndex
    const isOwn = role === 'leader' && output.restore === null
    const entry = log.at(commitIndex)
    if (isOwn && entry !== undefined) {
      hold(
        entry.term === term,
        'LeaderCommitsItsTerm',
        () => `${id} leads term ${term} and counts entry ${commitIndex} of term ${entry.term}`,
      )
      // A membership counts from when it is appended, also for what stands before it; and the turn may have begun a next one.
      const memberships = [before, status.membership]
      const isHeld = memberships.some(
        (membership) =>
          quorumReached(membership, (voter) => (this.#holds(voter, commitIndex, entry) ? 1 : 0)) >=
          1,
      )
      hold(
        isHeld,
        'CommittedByQuorum',
        () => `${id} committed entry ${commitIndex}, and no quorum of disks holds it`,
      )
    }
    this.#learnCommit(server, commitIndex)
  }

  #holds(id: NodeId, index: Index, { chain }: ModelEntry): boolean {
    return this.#servers.get(id)?.durable.holds(index, chain) === true
  }

  /** Everybody's committed entries are the same. */
  #learnCommit({ id, log, term }: ServerModel, commit: Index): void {
    for (let index = this.#committed.length + 1; index <= commit; index += 1) {
      const entry = log.at(index)
      hold(entry !== undefined, 'CommitIsKnown', () => `${id} committed ${index} before anybody`)
      this.#committed.push({ entry, inTerm: term })
      if (entry.kind === 'command') this.#placed.set(nameOf(entry.payload), index)
    }
    if (commit === 0) return
    const { chain } = must(this.#committed[commit - 1], 'a committed entry').entry
    hold(
      log.holds(commit, chain),
      'StateMachineSafety',
      () => `${id} committed another entry ${commit} than others`,
    )
  }

  #checkApply(server: ServerModel, { apply, restore }: RaftOutput, status: RaftStatus): void {
    const { id } = server
    if (restore !== null) server.applied = restore.index
    for (const { index, payload, term } of apply) {
      hold(
        index === server.applied + 1 && index <= status.commitIndex,
        'AppliedInOrder',
        () =>
          `${id} applies entry ${index} after ${server.applied}; ${status.commitIndex} is committed`,
      )
      server.applied = index
      const { entry } = must(this.#committed[index - 1], 'a committed entry')
      hold(
        entry.term === term && nameOf(entry.payload) === nameOf(payload),
        'StateMachineSafety',
        () => `${id} applies another entry ${index} than others`,
      )
    }
    const { appliedIndex, firstIndex } = status
    hold(
      appliedIndex <= status.commitIndex &&
        firstIndex - 1 <= Math.max(appliedIndex, server.applied),
      'LogPointers',
      () => `${id}: first ${firstIndex}, applied ${appliedIndex}, committed ${status.commitIndex}`,
    )
  }
}

function nameOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('latin1')
}
