import { assert } from '../../model/assert.ts'
import type { Entry, EntryKind, NodeId } from '../types.ts'
import { decodeMembership, membersOf } from './membership.ts'
import { Progress } from './progress.ts'
import { membershipOf } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/** What a leader keeps, and how it writes its own log. */

export function createLeadership(raft: RaftState): Leadership {
  return {
    noopIndex: raft.log.last.index + 1,
    progress: new Map(),
    settledMembership: 0,
    heartbeatDueMs: raft.nowMs,
    noticeDueMs: null,
    leaseFloorMs: -Infinity,
    leaseForfeited: false,
    transfer: null,
    reads: { queue: [], lastPosition: 0, sentPosition: 0, confirmedPosition: 0 },
    uncommittedBytes: 0,
    jointTicket: null,
  }
}

/** Appends to the log we lead. It is sent when the turn ends, before it is on our own disk (thesis §10.2.1). */
export function appendOwn(raft: RaftState, kind: EntryKind, payload: Uint8Array): Entry {
  const { leadership, log } = raft
  assert(leadership !== null, 'only a leader appends')
  const entry: Entry = { index: log.last.index + 1, term: raft.term, kind, payload }
  log.append(entry)
  leadership.uncommittedBytes += payload.byteLength
  if (kind === 'membership') {
    raft.members.append({ index: entry.index, membership: decodeMembership(payload) })
    followMembers(raft, leadership)
  }
  return entry
}

/** Begins to follow every member that is new. Who was removed is followed until `forgetRemoved`. */
export function followMembers(raft: RaftState, leadership: Leadership): void {
  const { config, nowMs, log } = raft
  for (const id of membersOf(membershipOf(raft))) {
    if (id === config.id || leadership.progress.has(id)) continue
    leadership.progress.set(
      id,
      new Progress({
        next: Math.max(leadership.noopIndex, log.last.index),
        nowMs,
        inflight: {
          messagesMax: config.inflightMessagesMax,
          bytesMax: config.inflightBytesMax,
        },
      }),
    )
  }
}

/**
 * Once a removal is committed, and the turn's appends carried that commit to whom it concerns, they are on their own: a
 * server that was never told would campaign for ever (thesis §4.2.3).
 */
export function forgetRemoved(raft: RaftState, leadership: Leadership): void {
  const { index, membership } = raft.members.latest
  if (index > raft.log.committed || index === leadership.settledMembership) return
  leadership.settledMembership = index
  const members = new Set<NodeId>(membersOf(membership))
  for (const id of leadership.progress.keys()) if (!members.has(id)) leadership.progress.delete(id)
}
