import type { Level } from './plan.ts'

/** A mistake somebody could make in one line, and what Raft says about it. */
export interface Mutation {
  readonly name: string
  readonly level: Level
  /** From the root. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly from: string
  readonly to: string
}

const core = 'server/raft/core'

export const mutations: readonly Mutation[] = [
  {
    name: 'a leader counts entries of older terms (figure 8)',
    level: 'core',
    file: `${core}/replication.ts`,
    from: 'if (index <= log.committed || log.term(index) !== raft.term) return',
    to: 'if (index <= log.committed) return',
  },
  {
    name: 'a vote is told before it is durable',
    level: 'core',
    file: `${core}/election.ts`,
    from: "sendWhenDurable(raft, from, { kind: 'voteResponse', term: raft.term, granted })",
    to: "send(raft, from, { kind: 'voteResponse', term: raft.term, granted })",
  },
  {
    name: 'a second vote in the same term',
    level: 'core',
    file: `${core}/election.ts`,
    from: 'return raft.vote === candidate || (raft.vote === null && raft.leader === null)',
    to: 'return raft.vote === candidate || raft.leader === null',
  },
  {
    name: 'a vote for a log that is behind',
    level: 'core',
    file: `${core}/election.ts`,
    from: 'request.term === raft.term && mayVoteFor(raft, from) && raft.log.isUpToDate(request.lastLog)',
    to: 'request.term === raft.term && mayVoteFor(raft, from)',
  },
  {
    name: 'a candidate counts its own vote before it is durable',
    level: 'core',
    file: `${core}/election.ts`,
    from: '  becomeCandidate(raft)\n  const { transfer } = options',
    to: '  becomeCandidate(raft)\n  tally(raft, raft.config.id, true)\n  const { transfer } = options',
  },
  {
    name: 'a candidate asks for votes before its own is durable',
    level: 'core',
    file: `${core}/election.ts`,
    from: 'for (const id of otherVoters(raft)) sendWhenDurable(raft, id, request)',
    to: 'for (const id of otherVoters(raft)) send(raft, id, request)',
  },
  {
    name: 'elections without asking first (no PreVote)',
    level: 'core',
    file: `${core}/election.ts`,
    from: '  becomePreCandidate(raft)\n',
    to: '  return campaignForReal(raft, { transfer: false })\n',
  },
  {
    name: 'a restarted server forgets that it promised to wait',
    level: 'core',
    file: `${core}/election.ts`,
    from: 'if (startedMs === null || nowMs - startedMs < config.electionTimeoutMinMs) return true',
    to: 'if (startedMs === null) return true',
  },
  {
    name: 'an append is acknowledged before it is durable',
    level: 'core',
    file: `${core}/follower.ts`,
    from: "sendWhenDurable(raft, to, { kind: 'appendResponse', term, accepted: true, index, hint: origin })",
    to: "send(raft, to, { kind: 'appendResponse', term, accepted: true, index, hint: origin })",
  },
  {
    name: 'a follower commits what an append says that it refuses',
    level: 'core',
    file: `${core}/follower.ts`,
    from: 'const hint = log.latestNotAfter(previous.index, previous.term)',
    to: 'const hint = log.latestNotAfter(previous.index, previous.term)\n    log.commitThrough(Math.min(append.commit, log.last.index))',
  },
  {
    name: 'a refusal is counted as an acknowledgement',
    level: 'core',
    file: `${core}/replication.ts`,
    from: 'if (response.accepted) accepted(raft, progress, response)',
    to: 'if (response.accepted || response.index > 0) accepted(raft, progress, response)',
  },
  {
    name: 'an old append shortens the log',
    level: 'core',
    file: `${core}/log.ts`,
    from: 'if (fork === -1) return { truncatedFrom: null, appended: [] }',
    to: 'if (fork === -1) { const end = entries.at(-1)?.index ?? this.#last.index; if (end < this.#last.index && end >= this.#committed) this.#truncate(end + 1); return { truncatedFrom: null, appended: [] } }',
  },
  {
    name: 'a completed write vouches for entries that replaced its own (ABA)',
    level: 'core',
    file: `${core}/log.ts`,
    from: 'for (const batch of this.#writing) batch.through = Math.min(batch.through, from - 1)',
    to: 'void from',
  },
  {
    name: 'a heartbeat tells of commits that the follower may not have',
    level: 'core',
    file: `${core}/sending.ts`,
    from: 'const commit = Math.min(progress.match, raft.log.committed)',
    to: 'const commit = raft.log.committed',
  },
  {
    name: 'a membership that was taken back stays in effect',
    level: 'core',
    file: `${core}/membership-history.ts`,
    from: 'const kept = this.#entries.filter((entry) => entry.index < index)',
    to: 'const kept = this.#entries.filter((entry) => entry.index < index + 1)',
  },
  {
    name: 'members are changed before anything of the term is committed (2015)',
    level: 'core',
    file: `${core}/reconfigure.ts`,
    from: 'if (committed < leadership.noopIndex || index > committed || isJoint(membership))',
    to: 'if (index > committed || isJoint(membership))',
  },
  {
    name: 'members are changed while another change is under way',
    level: 'core',
    file: `${core}/reconfigure.ts`,
    from: 'if (committed < leadership.noopIndex || index > committed || isJoint(membership))',
    to: 'if (committed < leadership.noopIndex || isJoint(membership))',
  },
  {
    name: 'a joint membership asks its new half only',
    level: 'core',
    file: `${core}/quorum.ts`,
    from: '    majorityReached(membership.outgoing, reached),\n',
    to: '    Infinity,\n',
  },
  {
    name: 'learners are counted',
    level: 'core',
    file: `${core}/replication.ts`,
    from: 'const index = quorumReached(membershipOf(raft), (id) =>',
    to: 'const counted = { ...membershipOf(raft), voters: [...membershipOf(raft).voters, ...membershipOf(raft).learners] }\n  const index = quorumReached(counted, (id) =>',
  },
  {
    name: 'a snapshot is installed over newer commits',
    level: 'core',
    file: `${core}/snapshot.ts`,
    from: 'if (!isSuperfluous(raft, snapshot)) {',
    to: 'if (snapshot.index !== raft.log.committed) {',
  },
  {
    name: 'a heartbeat answer to an older round confirms newer reads',
    level: 'core',
    file: `${core}/replication.ts`,
    from: 'progress.ackedRound = Math.max(progress.ackedRound, response.round)',
    to: 'progress.ackedRound = leadership.reads.lastPosition',
  },
  {
    name: 'a new leader reads before its first entry is committed',
    level: 'core',
    file: `${core}/read-index.ts`,
    from: 'const index = Math.max(log.committed, leadership.noopIndex)',
    to: 'const index = log.committed',
  },
  {
    name: 'a lease counts from when the answer came',
    level: 'core',
    file: `${core}/replication.ts`,
    from: 'progress.ackedSentMs = Math.max(progress.ackedSentMs, response.sentAtMs)',
    to: 'progress.ackedSentMs = raft.nowMs',
  },
  {
    name: 'a leader that hands over keeps its lease',
    level: 'core',
    file: `${core}/lease.ts`,
    from: 'if (leadership === null || leadership.leaseForfeited || leadership.transfer !== null) return null',
    to: 'if (leadership === null) return null',
  },
  {
    name: 'a proposal that may yet be committed is called lost',
    level: 'core',
    file: `${core}/tickets.ts`,
    from: "this.#settled.push({ ticket, outcome: 'unknown', leader })",
    to: "this.#settled.push({ ticket, outcome: 'lost', leader })",
  },
  {
    name: 'the log calls a batch durable that was not synced',
    level: 'driver',
    file: 'server/raft/storage/wal.ts',
    from: '    segment.file.sync((error) => {\n      if (error === undefined) this.#wrote(pending)',
    to: '    setImmediate(() => this.#wrote(pending))\n    segment.file.sync((error) => {\n      if (error === undefined) return',
  },
  {
    name: 'a failed sync is taken for one that succeeded',
    level: 'driver',
    file: 'server/raft/storage/wal.ts',
    from: '      if (error === undefined) this.#wrote(pending)\n      else this.#fail(error)',
    to: '      void error\n      this.#wrote(pending)',
  },
  {
    name: 'damage in the middle of the log is cut off like a torn write',
    level: 'driver',
    file: 'server/raft/storage/recovery.ts',
    from: 'if (flaw !== undefined && this.#isLaterBatch(bytes, segment))',
    to: 'if (flaw === undefined && this.#isLaterBatch(bytes, segment))',
  },
  {
    name: 'a snapshot gets its name before it is durable',
    level: 'driver',
    file: 'server/raft/storage/snapshots.ts',
    from: '    await synced(file)\n    file.close()',
    to: '    file.close()',
  },
  {
    name: 'nobody sees that the machine slept',
    level: 'driver',
    file: 'server/raft/clock-watch.ts',
    from: 'return Math.abs(apart(this.#clock) - this.#apartMs) <= toleranceMs',
    to: 'return true',
  },
  {
    name: 'a lease is believed though its time is up',
    level: 'driver',
    file: 'server/raft/driver.ts',
    from: 'return lease !== null && this.#options.clock.monotonicMs() < lease.untilMs',
    to: 'return lease !== null',
  },
]
