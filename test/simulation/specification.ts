import type {
  TracedBatch,
  TracedContent,
  TracedMessage,
  TracedStart,
  TracedTurn,
  TraceEvent,
} from '../../server/raft/trace.ts'
import type { HardState, Index, Membership, NodeId, Term } from '../../server/raft/types.ts'
import { isQuorum, isUpToDate, SpecLog } from './spec-log.ts'

/**
 * Raft as a relation between what was and what may be next: figure 2 of the paper, with pre-votes, transfers, memberships and
 * snapshots, over logs, votes and commits. It does not say what a server does, only what it may; nothing of the core's code is in
 * it. A trace (server/raft/trace.ts), of a simulator or of servers in the world, is accepted if every turn in it is allowed
 * after those before.
 *
 * The events of a trace must be in an order in which nothing is received before it was sent.
 */
export class Specification {
  readonly #servers = new Map<NodeId, Server>()
  /** Every message that was ever sent: each may come late, often, or never. */
  readonly #sent = new Set<string>()
  /** Terms of committed entries. */
  readonly #committed = new Map<Index, Term>()

  /** Null, or the rule that does not allow it. */
  reject(event: TraceEvent): string | null {
    return event.kind === 'start' ? this.#start(event) : this.#turn(event)
  }

  /** What the event tells of having received, and nobody is known to have sent. */
  unsent(event: TraceEvent): TracedMessage | undefined {
    if (event.kind === 'start') return undefined
    return event.received.find(
      ({ message, peer }) => !this.#sent.has(nameOf(peer, event.server, message)),
    )
  }

  /** A process begins with what is durable, and perhaps with some of what was being written, in order. */
  #start(event: TracedStart): string | null {
    const { entries, hardState, server: id, snapshot } = event
    const known = this.#servers.get(id)
    const found = (snapshot === null ? SpecLog.empty : SpecLog.after(snapshot)).append(entries)
    if (known !== undefined) {
      const isFound = (): boolean =>
        sameId(known.durable.last, found.last) &&
        entries.every((entry) => sameEntry(known.durable.entry(entry.index), entry)) &&
        known.durableState.term === hardState.term &&
        known.durableState.vote === hardState.vote
      while (!isFound()) {
        const batch = known.pending.shift()
        if (batch === undefined) return `${id} lost what was durable`
        land(known, batch)
      }
    }
    this.#servers.set(id, {
      log: known?.durable ?? found,
      durable: known?.durable ?? found,
      durableState: hardState,
      pending: [],
      role: 'follower',
      term: hardState.term,
      commit: Math.max(hardState.commit, snapshot?.index ?? 0),
      facts: new Map(),
      offered: new Map(),
    })
    return null
  }

  #turn(event: TracedTurn): string | null {
    const { batch, durable, received, server: id } = event
    const server = this.#servers.get(id)
    if (server === undefined) return `${id} turns before it starts`
    const unsent = this.unsent(event)
    if (unsent !== undefined) {
      const { message, peer } = unsent
      return `${id} received ${message.kind} of term ${message.term} that ${peer} never sent`
    }
    for (const { message, peer } of received) learn(server, peer, message)
    const through = durable ?? 0
    while (server.pending[0] !== undefined && server.pending[0].seq <= through)
      land(server, server.pending.shift() as TracedBatch)
    const before = { ...server, pending: [...server.pending] }
    if (batch !== null) {
      server.log = server.log.written(batch)
      server.pending.push(batch)
    }
    const turn: Turn = { id, event, before, after: server }
    const refusal =
      mayHaveTerm(turn) ??
      mayVote(turn) ??
      mayLead(turn) ??
      this.#mayWrite(turn) ??
      this.#mayCommit(turn) ??
      firstOf(event.sent, (sent) => maySend(turn, sent))
    if (refusal !== null) return `${id}: ${refusal}`
    for (const { message, peer } of event.sent) this.#sent.add(nameOf(id, peer, message))
    server.role = event.role
    server.term = event.term
    server.commit = event.commit
    // Answers of an older term may still wait for the disk.
    const oldest = server.durableState.term - 1
    for (const term of server.facts.keys()) if (term < oldest) server.facts.delete(term)
    return null
  }

  /** A log grows by what its own leader appends, or takes over a leader's, giving up only what contradicts it (§5.3). */
  #mayWrite({ before, event }: Turn): string | null {
    const { batch, received, role, term } = event
    if (batch === null) return null
    const { entries, snapshot, truncateFrom } = batch
    const isInstalled = snapshot !== null && snapshot.index > before.log.last.index
    const isReplaced = snapshot !== null && snapshot.index > before.commit && !isInstalled
    if ((isInstalled || isReplaced) && this.#committed.get(snapshot.index) !== snapshot.term)
      return `installs a snapshot of entry ${snapshot.index}, which is not committed`
    if (truncateFrom !== null && !isInstalled && snapshot === null) {
      if (before.role === 'leader' && role === 'leader' && before.term === term)
        return `leads term ${term} and takes back entries`
      if (truncateFrom <= before.commit) return `takes back committed entries from ${truncateFrom}`
      const contradicts = ({ message }: TracedMessage): boolean =>
        message.kind === 'append' &&
        message.entries.some(
          (entry) =>
            entry.index <= truncateFrom && !sameEntry(before.log.entry(entry.index), entry),
        )
      if (!received.some(contradicts))
        return `takes back entries from ${truncateFrom}, which nothing contradicts`
    }
    return firstOf(entries, (entry) => {
      const isOffered = received.some(
        ({ message }) =>
          message.kind === 'append' && message.entries.some((offered) => sameEntry(offered, entry)),
      )
      const isOwn =
        (before.role === 'leader' && before.term === entry.term) ||
        isElected(before, event, entry.term)
      return isOffered || isOwn
        ? null
        : `appends entry ${entry.index} of term ${entry.term} that nobody sent`
    })
  }

  /** A leader commits what a quorum holds, by an entry of its own term (§5.4.2); others what a leader tells them of. */
  #mayCommit({ id, event, before, after }: Turn): string | null {
    const { batch, commit, received } = event
    if (commit < before.commit) return `commit falls from ${before.commit} to ${commit}`
    if (commit === before.commit) return null
    const { log } = after
    if (commit > log.last.index) return `commits ${commit}, beyond its log`
    const isTold = received.some(({ message }) => {
      switch (message.kind) {
        case 'append':
          return Math.min(message.commit, message.previous.index + message.entries.length) >= commit
        case 'heartbeat':
          return message.commit >= commit
        default:
          return false
      }
    })
    const isInstalled = batch?.snapshot?.index === commit
    const isHeldAlready = [...after.offered].some(
      ([index, term]) => index >= commit && log.term(index) === term,
    )
    const term = before.role === 'leader' ? before.term : event.term
    const isLeader = before.role === 'leader' || event.role === 'leader'
    const isHeld = (membership: Membership | null): boolean =>
      isQuorum(membership, (voter) =>
        voter === id
          ? after.durable.last.index >= commit
          : (factsOf(after, term).matches.get(voter) ?? 0) >= commit,
      )
    const isCounted =
      isLeader &&
      log.term(commit) === term &&
      (isHeld(before.log.membership) || isHeld(log.membership))
    if (!isTold && !isInstalled && !isHeldAlready && !isCounted)
      return `commits ${commit} without cause`
    for (let index = before.commit + 1; index <= commit; index += 1) {
      const own = log.term(index)
      if (own === undefined) continue
      if ((this.#committed.get(index) ?? own) !== own) return `commits another entry ${index}`
      this.#committed.set(index, own)
    }
    return null
  }
}

interface Server {
  log: SpecLog
  durable: SpecLog
  durableState: HardState
  readonly pending: TracedBatch[]
  role: TracedTurn['role']
  term: Term
  commit: Index
  /** What it was told in each term that is not over. */
  readonly facts: Map<Term, Facts>
  /** Snapshots that it was sent a part of: whatever a snapshot holds is committed, whenever it turns out to be held already. */
  readonly offered: Map<Index, Term>
}

/** What messages of a term told their receiver. */
interface Facts {
  readonly preVotes: Set<NodeId>
  readonly votes: Set<NodeId>
  /** How far others' logs are known to be the leader's. */
  readonly matches: Map<NodeId, Index>
  /** Where appends ended, and in which term. */
  readonly agreed: Map<Index, Term>
  isAskedToCampaign: boolean
}

interface Turn {
  readonly id: NodeId
  readonly event: TracedTurn
  readonly before: Readonly<Server>
  readonly after: Readonly<Server>
}

/** Terms rise by a message of that term, or by a candidacy (§5.1); speaking of a term is not entering it. */
function mayHaveTerm({ before, event, after }: Turn): string | null {
  const { received, term } = event
  if (term < before.term) return `the term falls from ${before.term} to ${term}`
  if (term === before.term) return null
  const isTold = received.some(
    ({ message }) =>
      message.term === term &&
      message.kind !== 'preVote' &&
      !(message.kind === 'preVoteResponse' && message.granted),
  )
  const isCandidacy = after.pending.at(-1)?.hardState?.term === term
  return isTold || isCandidacy ? null : `enters term ${term} without cause`
}

/** One vote a term, for a log that is not behind (§5.2, §5.4.1). */
function mayVote({ id, event, before, after }: Turn): string | null {
  const state = event.batch?.hardState
  if (state === null || state === undefined || state.vote === null) return null
  const earlier = [before.durableState, ...before.pending.map(({ hardState }) => hardState)]
  const other = earlier.find(
    (known) => known?.term === state.term && known.vote !== null && known.vote !== state.vote,
  )
  if (other?.vote !== undefined)
    return `votes for ${state.vote} and ${other.vote} in term ${state.term}`
  const isNew = !earlier.some((known) => known?.term === state.term && known.vote === state.vote)
  if (!isNew || state.vote === id) return null
  const isAsked = event.received.some(
    ({ message, peer }) =>
      message.kind === 'vote' &&
      peer === state.vote &&
      message.term === state.term &&
      (isUpToDate(message.lastLog, before.log) || isUpToDate(message.lastLog, after.log)),
  )
  return isAsked ? null : `votes for ${state.vote}, which did not ask or has an older log`
}

function mayLead({ before, event }: Turn): string | null {
  const { role, term } = event
  if (role !== 'leader' || (before.role === 'leader' && before.term === term)) return null
  return isElected(before, event, term) ? null : `leads term ${term} without a quorum's votes`
}

/** Its own vote counts when it is durable, like any. */
function isElected(server: Readonly<Server>, { server: id }: TracedTurn, term: Term): boolean {
  const { durableState, log } = server
  const isOwn = durableState.term === term && durableState.vote === id
  const { votes } = factsOf(server, term)
  return isQuorum(log.membership, (voter) => votes.has(voter) || (voter === id && isOwn))
}

/** What may be said, and when: promises need the disk, and a leader's words need a leader. */
function maySend(
  { id, event, before, after }: Turn,
  { message, peer }: TracedMessage,
): string | null {
  const { term } = message
  const { durable, durableState } = after
  const stillLeads = event.role === 'leader' && event.term === term
  const leads = stillLeads || (before.role === 'leader' && before.term === term)
  // Who is deposed in the turn may lose, in the same turn, what it had told before that.
  const { log } = stillLeads ? after : before
  const what = `tells ${peer} ${message.kind} of term ${term}`
  switch (message.kind) {
    case 'preVote':
    case 'preVoteResponse':
    case 'snapshotChunkResponse':
      return null
    case 'vote': {
      if (durableState.term < term) return `${what} before it is durable`
      const { isAskedToCampaign } = factsOf(after, term - 1)
      const { preVotes } = factsOf(after, term)
      const isAllowed =
        (message.transfer && isAskedToCampaign) ||
        isQuorum(before.log.membership, (voter) => voter === id || preVotes.has(voter))
      return isAllowed ? null : `${what} without having asked`
    }
    case 'voteResponse':
      if (!message.granted || durableState.term > term) return null
      return durableState.term === term && durableState.vote === peer
        ? null
        : `${what} before it is durable`
    case 'append': {
      const { commit, entries, previous } = message
      if (!leads) return `${what} and does not lead`
      const isOwnLog =
        (log.term(previous.index) ?? previous.term) === previous.term &&
        entries.every((entry) => sameEntry(log.entry(entry.index) ?? entry, entry))
      if (!isOwnLog) return `${what} with entries that it does not have`
      return commit <= event.commit ? null : `${what} with a commit that it does not know of`
    }
    case 'appendResponse': {
      if (!message.accepted) return null
      if (durableState.term < term) return `${what} before the term is durable`
      const { index } = message
      if (index > durable.last.index) return `${what} before entry ${index} is durable`
      const agreed = factsOf(after, term).agreed.get(index)
      return index <= event.commit || agreed === durable.term(index)
        ? null
        : `${what} for entry ${index}, about which nothing was said`
    }
    case 'heartbeat': {
      if (!leads) return `${what} and does not lead`
      const match = factsOf(after, term).matches.get(peer) ?? 0
      return message.commit <= Math.min(match, event.commit)
        ? null
        : `${what} with commit ${message.commit}, and knows of ${match}`
    }
    case 'heartbeatResponse': {
      const isEcho = event.received.some(
        (heard) =>
          heard.message.kind === 'heartbeat' &&
          heard.peer === peer &&
          heard.message.round === message.round &&
          heard.message.sentAtMs === message.sentAtMs,
      )
      return isEcho ? null : `${what} unasked`
    }
    case 'snapshotChunk':
    case 'timeoutNow':
      return leads ? null : `${what} and does not lead`
    default:
      return message satisfies never
  }
}

function learn(server: Server, from: NodeId, message: TracedContent): void {
  const facts = factsOf(server, message.term)
  switch (message.kind) {
    case 'preVoteResponse':
      if (message.granted) facts.preVotes.add(from)
      return
    case 'voteResponse':
      if (message.granted) facts.votes.add(from)
      return
    case 'append': {
      const { entries, previous } = message
      const last = entries.at(-1) ?? previous
      facts.agreed.set(last.index, last.term)
      return
    }
    case 'appendResponse':
      if (message.accepted)
        facts.matches.set(from, Math.max(message.index, facts.matches.get(from) ?? 0))
      return
    case 'timeoutNow':
      facts.isAskedToCampaign = true
      return
    case 'snapshotChunk':
      server.offered.set(message.snapshot.index, message.snapshot.term)
      return
    default:
  }
}

function factsOf(server: Readonly<Server>, term: Term): Facts {
  const known = server.facts.get(term)
  if (known !== undefined) return known
  const facts: Facts = {
    preVotes: new Set(),
    votes: new Set(),
    matches: new Map(),
    agreed: new Map(),
    isAskedToCampaign: false,
  }
  server.facts.set(term, facts)
  return facts
}

function land(server: Server, batch: TracedBatch): void {
  server.durable = server.durable.written(batch)
  if (batch.hardState !== null) server.durableState = batch.hardState
}

type Id = { readonly index: Index; readonly term: Term }

function sameId(one: Id, other: Id): boolean {
  return one.index === other.index && one.term === other.term
}

function sameEntry(
  one: (Id & { readonly body: string }) | undefined,
  other: Id & { readonly body: string },
): boolean {
  return one !== undefined && sameId(one, other) && one.body === other.body
}

/** The same for the message as it was sent and as it came, whatever the order of its fields. */
function nameOf(from: NodeId, to: NodeId, message: TracedContent): string {
  if (!('snapshot' in message)) return `${from}>${to} ${JSON.stringify(message)}`
  const { kind, snapshot, term } = message
  const offset = kind === 'snapshotChunk' ? message.offsetBytes : message.nextOffsetBytes
  return `${from}>${to} ${kind} ${term} ${snapshot.index}@${snapshot.term} ${offset}`
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = find(item)
    if (found !== null) return found
  }
  return null
}
