import { assert, assertNever } from '../../model/assert.ts'
import type { EntryId, Index, Membership, NodeId, Recovered, SnapshotMeta, Term } from '../types.ts'
import type { RaftConfig } from './config.ts'
import { tickElection } from './election.ts'
import { leaseOf } from './lease.ts'
import type { Lease } from './lease.ts'
import type { RaftEvent, RaftOutput, Role, RoleChange } from './output.ts'
import type { Progress } from './progress.ts'
import { propose } from './proposals.ts'
import { readIndex } from './read-index.ts'
import { onMessage } from './receive.ts'
import { tickLeader } from './replication.ts'
import { restartElectionTimer } from './role.ts'
import {
  onChunkRead,
  onChunkStored,
  onSnapshotReceived,
  onSnapshotSaved,
  onStreamFailed,
} from './snapshot.ts'
import { createState, membershipOf } from './state.ts'
import type { RaftState } from './state.ts'
import { beginTransfer, continueTransfer } from './transfer.ts'
import { deferStaged, leadTurn, onAppendDone, takeBatch, takeCommitted } from './turn.ts'

/**
 * One server's part in the consensus, as a value: events in, an output per turn, nothing else. No clock, chance, file or
 * socket; the same events give the same outputs, in production and in a simulator.
 *
 *      tick · message · propose · readIndex         send · append · restore · apply
 *      transfer · appendDone · applyDone  ──step──►       │ settled · reads · snapshots
 *      snapshot…, chunk…                          ◄─take──┘ role · membership · compactThrough
 *
 * Breaking one of its own invariants throws AssertionFailed; the process must end then. Nothing else is thrown.
 */
export class RaftCore {
  readonly #raft: RaftState
  #reportedRole: RoleChange | null = null
  #reportedMembership: Membership | null = null

  constructor(config: RaftConfig, recovered: Recovered) {
    this.#raft = createState(config, recovered)
  }

  step(event: RaftEvent): void {
    const raft = this.#raft
    const { leadership } = raft
    switch (event.kind) {
      case 'tick':
        return tick(raft, event.nowMs)
      case 'clockJumped':
        return distrustTime(raft)
      case 'message':
        return onMessage(raft, event.from, event.message)
      case 'propose':
      case 'proposeMembership':
        return propose(raft, event)
      case 'readIndex':
        return readIndex(raft, event.ticket)
      case 'transfer':
        beginTransfer(raft, event.to)
        if (leadership !== null) continueTransfer(raft, leadership)
        return
      case 'appendDone':
        return onAppendDone(raft, event.seq)
      case 'applyDone':
        return raft.log.appliedThrough(event.index)
      case 'snapshotSaved':
        return onSnapshotSaved(raft, event.snapshot)
      case 'chunkStored':
        return onChunkStored(raft, event)
      case 'snapshotReceived':
        return onSnapshotReceived(raft, event.from, event.snapshot)
      case 'chunkRead':
        if (leadership !== null) onChunkRead(raft, leadership, event)
        return
      case 'streamFailed':
        if (leadership !== null) onStreamFailed(leadership, event.to)
        return
      case 'unreachable':
        leadership?.progress.get(event.to)?.unreachable()
        return
      default:
        return assertNever(event)
    }
  }

  /** What the events since the last call amount to. */
  take(): RaftOutput {
    const raft = this.#raft
    const { outbox } = raft
    leadTurn(raft)
    const append = takeBatch(raft)
    deferStaged(raft)
    const apply = takeCommitted(raft)
    const { send, reads, snapshots, restore, compactThrough } = outbox
    outbox.send = []
    outbox.reads = []
    outbox.snapshots = []
    outbox.restore = null
    outbox.compactThrough = null
    const settled = raft.tickets.take()
    const role = this.#roleChange()
    const membership = this.#membershipChange()
    return {
      send,
      append,
      restore,
      apply,
      settled,
      reads,
      snapshots,
      compactThrough,
      role,
      membership,
    }
  }

  /** Null when reads must go through `readIndex`. */
  lease(): Lease | null {
    return leaseOf(this.#raft)
  }

  /** When there must be a turn even if nothing happens before the next tick; null when there need not. */
  dueMs(): number | null {
    return this.#raft.leadership?.noticeDueMs ?? null
  }

  /** What a snapshot of the state machine at `index` is to be called. `index` was applied and is not compacted. */
  snapshotMeta(index: Index): SnapshotMeta {
    const { log, members } = this.#raft
    assert(index <= log.applied, `entry ${index} is not applied`)
    const term = log.term(index)
    assert(term !== undefined, `entry ${index} is compacted`)
    return { index, term, membership: members.at(index).membership }
  }

  /** How far every other member is; nothing where this server does not lead. */
  followers(): readonly FollowerStatus[] {
    const { leadership, log } = this.#raft
    return Array.from(leadership?.progress ?? [], ([id, { match, heardMs }]) => ({
      id,
      // Where the log no longer reaches back that far, nobody can tell.
      last: { index: match, term: log.term(match) ?? 0 },
      heardMs,
    }))
  }

  /** For operators and tests. */
  status(): RaftStatus {
    const { config, term, vote, role, leader, log, members, leadership, contactMs } = this.#raft
    return {
      id: config.id,
      term,
      vote,
      role,
      leader,
      contactMs,
      firstIndex: log.firstIndex,
      lastIndex: log.last.index,
      lastTerm: log.last.term,
      durableIndex: log.durable,
      commitIndex: log.committed,
      appliedIndex: log.applied,
      membership: members.latest.membership,
      membershipIndex: members.latest.index,
      transferringTo: leadership?.transfer?.to ?? null,
      progress: leadership?.progress ?? new Map(),
    }
  }

  /** All of it, for who searches through every state and must tell them apart. Not to be changed. */
  state(): Readonly<RaftState> {
    return this.#raft
  }

  #roleChange(): RoleChange | null {
    const { role, term, leader } = this.#raft
    const last = this.#reportedRole
    if (last?.role === role && last.term === term && last.leader === leader) return null
    this.#reportedRole = { role, term, leader }
    return this.#reportedRole
  }

  #membershipChange(): Membership | null {
    const membership = membershipOf(this.#raft)
    if (membership === this.#reportedMembership) return null
    this.#reportedMembership = membership
    return membership
  }
}

export interface FollowerStatus {
  readonly id: NodeId
  /** The newest entry known to be durable there. */
  readonly last: EntryId
  /** When it was last heard, in the driver's monotonic time; -Infinity before. */
  readonly heardMs: number
}

export interface RaftStatus {
  readonly id: NodeId
  readonly term: Term
  readonly vote: NodeId | null
  readonly role: Role
  readonly leader: NodeId | null
  /** When a leader was last heard, in the driver's monotonic time; -Infinity before. */
  readonly contactMs: number
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly lastTerm: Term
  readonly durableIndex: Index
  readonly commitIndex: Index
  readonly appliedIndex: Index
  /** In effect, perhaps not committed: that it is when `membershipIndex <= commitIndex`. */
  readonly membership: Membership
  readonly membershipIndex: Index
  readonly transferringTo: NodeId | null
  /** Of every other member, when this server leads. Not to be kept across a step. */
  readonly progress: ReadonlyMap<NodeId, Readonly<Progress>>
}

function tick(raft: RaftState, nowMs: number): void {
  assert(nowMs >= raft.nowMs, `time went back from ${raft.nowMs} to ${nowMs}`)
  const gapMs = nowMs - raft.nowMs
  raft.nowMs = nowMs
  if (raft.startedMs === null) {
    raft.startedMs = nowMs
    restartElectionTimer(raft)
  } else if (gapMs > 2 * raft.config.heartbeatMs) {
    // The process stood still: words of a leader may be waiting in a socket, so the silence proves nothing.
    raft.electionSinceMs += gapMs - raft.config.heartbeatMs
    distrustTime(raft)
  }
  raft.tickets.tick(nowMs, raft.leader)
  if (raft.leadership === null) tickElection(raft)
  else tickLeader(raft, raft.leadership)
}

/** Only what is sent from now on renews a lease, and followers get as long as a new leader's would to answer. */
function distrustTime(raft: RaftState): void {
  const { leadership, nowMs } = raft
  if (leadership === null) return
  leadership.leaseFloorMs = nowMs
  for (const progress of leadership.progress.values()) progress.sinceMs = nowMs
}
