import { assert } from '../../model/assert.ts'
import { origin } from '../types.ts'
import type { NodeId } from '../types.ts'
import type { Append, Heartbeat } from './messages.ts'
import { followLog } from './reconfigure.ts'
import { hearLeader } from './role.ts'
import { send, sendWhenDurable } from './state.ts'
import type { RaftState } from './state.ts'

/** What a server does as its leader says (Raft §5.3, figure 2). The messages are of our own term. */

export function onAppend(raft: RaftState, from: NodeId, append: Append): void {
  hearLeader(raft, from)
  const { log, term } = raft
  const { previous, entries } = append
  if (previous.index < log.committed) {
    // What is committed agrees, even if it was compacted here and can not be compared. Never a conflict.
    return acknowledge(raft, from, log.committed)
  }
  if (!log.has(previous)) {
    const hint = log.latestNotAfter(previous.index, previous.term)
    const { index } = previous
    const refusal = { kind: 'appendResponse', term, accepted: false, index, hint } as const
    return sendWhenDurable(raft, from, refusal)
  }
  const merged = log.merge(entries)
  followLog(raft, merged)
  if (merged.truncatedFrom !== null) raft.tickets.truncatedFrom(merged.truncatedFrom, from)
  // Not our own last index: what we have beyond this message may be another leader's.
  const agreed = previous.index + entries.length
  log.commitThrough(Math.min(append.commit, agreed))
  acknowledge(raft, from, agreed)
}

/** Answered at once: it promises time, and time needs no disk. */
export function onHeartbeat(raft: RaftState, from: NodeId, heartbeat: Heartbeat): void {
  hearLeader(raft, from)
  const { commit, round, sentAtMs } = heartbeat
  assert(
    commit <= raft.log.last.index,
    `${from} knows that this server had entry ${commit}, and its log ends at ${raft.log.last.index}: ` +
      'its data was lost or replaced by older data. It must join again with an empty data directory and a new id',
  )
  raft.log.commitThrough(commit)
  send(raft, from, { kind: 'heartbeatResponse', term: raft.term, round, sentAtMs })
}

/** Our log is the leader's through `index`, and will be durably so when this leaves. */
export function acknowledge(raft: RaftState, to: NodeId, index: number): void {
  const { term } = raft
  sendWhenDurable(raft, to, { kind: 'appendResponse', term, accepted: true, index, hint: origin })
}
