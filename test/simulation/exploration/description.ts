import { decodeMembership } from '../../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../../server/raft/core/messages.ts'
import type { AppendBatch } from '../../../server/raft/core/output.ts'
import type { Leadership, Outbox, RaftState } from '../../../server/raft/core/state.ts'
import type { Entry, HardState, Membership, NodeId } from '../../../server/raft/types.ts'
import { hold } from '../violation.ts'
import { entriesOf, type Process } from './process.ts'
import type { Renaming } from './renaming.ts'

/**
 * Everything that decides what a server will do next, as a text; by other names of the servers if so wished. Two servers with one
 * description are one state. Left out is what follows from the rest, what only time decides, and what bounds that are never reached
 * here would decide.
 */
export function describeProcess({ core, disk, pending }: Process, name: Renaming): string {
  const state = core.state()
  const { config, leader, leadership, log, members, role, term, vote, votes } = state
  const entries = log.last.index === 0 ? [] : log.entries(1, log.last.index, everything)
  return JSON.stringify([
    name(config.id),
    [term, named(vote, name), role, named(leader, name)],
    [...votes].map(([id, isGranted]) => [name(id), isGranted]).toSorted(byText),
    describeEntries(entries, name),
    [log.durable, log.committed, log.applied, members.latest.index],
    describeOutbox(state.outbox, name),
    leadership === null ? null : describeLeadership(leadership, name),
    [describeHardState(disk.hardState, name), describeEntries(entriesOf(disk), name)],
    pending.map((batch) => describeBatch(batch, name)),
  ])
}

/** The same for every time at which it could be sent. */
export function describeMessage(message: RaftMessage, name: Renaming): string {
  switch (message.kind) {
    case 'append':
      return JSON.stringify({ ...message, entries: describeEntries(message.entries, name) })
    case 'heartbeat':
    case 'heartbeatResponse':
      return JSON.stringify({ ...message, sentAtMs: 0 })
    default:
      return JSON.stringify(message)
  }
}

export function describeEntries(entries: readonly Entry[], name: Renaming): unknown[] {
  return entries.map(({ kind, payload, term }) =>
    kind === 'membership' ? [term, describeMembership(decodeMembership(payload), name)] : term,
  )
}

function describeMembership(membership: Membership, name: Renaming): unknown {
  const { learners, learnersNext, outgoing, voters } = membership
  return [voters, outgoing, learners, learnersNext].map((ids) => ids.map(name).toSorted())
}

function describeHardState({ commit, term, vote }: HardState, name: Renaming): unknown {
  return [term, named(vote, name), commit]
}

function describeBatch(batch: AppendBatch, name: Renaming): unknown {
  const { entries, hardState, truncateFrom } = batch
  return [
    hardState && describeHardState(hardState, name),
    truncateFrom,
    describeEntries(entries, name),
  ]
}

function describeOutbox(outbox: Outbox, name: Renaming): unknown {
  const { doneSeq, lastSeq, waiting, writtenHardState } = outbox
  // The same words said twice arrive as once, as messages are a set.
  const promises = new Set(
    waiting.flatMap(({ deferred, seq }) =>
      deferred.map((item) =>
        item.kind === 'selfVote'
          ? `${lastSeq - seq} ${item.term}`
          : `${lastSeq - seq} ${name(item.outbound.to)} ${describeMessage(item.outbound.message, name)}`,
      ),
    ),
  )
  return [lastSeq - doneSeq, [...promises].toSorted(), describeHardState(writtenHardState, name)]
}

function describeLeadership(leadership: Leadership, name: Renaming): unknown {
  const { jointTicket, noopIndex, progress, reads, settledMembership, transfer } = leadership
  return [
    [noopIndex, settledMembership, jointTicket !== null],
    [...progress]
      .map(([id, { ackedRound, match, next, paused, sentCommit, state }]) => [
        name(id),
        [match, next, state, paused, sentCommit, ackedRound],
      ])
      .toSorted(byText),
    [reads.queue.map(({ index, position }) => [position, index]), reads.lastPosition],
    [reads.sentPosition, reads.confirmedPosition],
    transfer && [name(transfer.to), transfer.asked, transfer.held.length],
  ]
}

function named(id: NodeId | null, name: Renaming): NodeId | null {
  return id === null ? null : name(id)
}

function byText([one]: readonly unknown[], [other]: readonly unknown[]): number {
  return String(one) < String(other) ? -1 : 1
}

const everything = { entriesMax: Infinity, bytesMax: Infinity }

/** What the above takes into account, or may leave out. */
const known: readonly (readonly [of: (state: RaftState) => object | null, fields: string])[] = [
  [
    (state) => state,
    'config log members tickets nowMs startedMs term vote role leader contactMs electionSinceMs electionTimeoutMs electionsLost ' +
      'votes leadership outbox',
  ],
  [
    ({ leadership }) => leadership,
    'noopIndex progress settledMembership heartbeatDueMs noticeDueMs leaseFloorMs leaseForfeited transfer reads uncommittedBytes jointTicket',
  ],
  [
    ({ leadership }) => leadership?.progress.values().next().value ?? null,
    'state match next sentCommit paused inflights stream sinceMs heardMs ackedSentMs ackedRound',
  ],
  [
    ({ outbox }) => outbox,
    'send staged waiting lastSeq doneSeq writtenHardState reads snapshots restore snapshot compactAfter compactThrough snapshotIndex',
  ],
]

/** A field that is not known of here may tell states apart, and then a search would overlook some. */
export function checkKnown(state: RaftState): void {
  for (const [of, fields] of known) {
    const unknown = Object.keys(of(state) ?? {}).filter(
      (field) => !fields.split(' ').includes(field),
    )
    hold(unknown.length === 0, 'Description', () => `nobody said what to make of ${unknown.join()}`)
  }
}
