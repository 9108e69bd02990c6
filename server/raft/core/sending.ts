import { must } from '../../model/assert.ts'
import type { NodeId } from '../types.ts'
import { sizeOf } from './log.ts'
import type { Progress } from './progress.ts'
import { send } from './state.ts'
import type { Leadership, RaftState } from './state.ts'

/**
 * What a leader says unasked. Appends are computed when a turn ends and not when something is proposed, so everything
 * proposed in a turn shares one message per follower.
 */

export function sendAppends(raft: RaftState, leadership: Leadership): void {
  const isDue = isNoticeDue(raft, leadership)
  let isAwaited = false
  for (const [to, progress] of leadership.progress) {
    const owes = (): boolean => owesEntries(raft, progress) || (isDue && owesCommit(raft, progress))
    // Ends because each send advances `next`, fills the window, or pauses a probe.
    while (!progress.blocked() && owes()) sendAppend(raft, to, progress)
    isAwaited ||= !progress.blocked() && owesCommit(raft, progress)
  }
  const dueMs = leadership.noticeDueMs ?? raft.nowMs + raft.config.commitNoticeMs
  leadership.noticeDueMs = isAwaited ? dueMs : null
}

/** An append without entries after everything sent: its refusal is how lost appends are noticed. */
export function sendEmptyAppend(raft: RaftState, to: NodeId, progress: Progress): void {
  const index = progress.next - 1
  const term = raft.log.term(index)
  // What was sent last is compacted already: only a probe from what is known to have arrived can go on.
  if (term === undefined) return progress.becomeProbe()
  sendAppendAfter(raft, to, { index, term, withEntries: false }, progress)
}

/** On the control connection, to every member. The commit stays within what that follower is known to have. */
export function sendHeartbeats(raft: RaftState, leadership: Leadership): void {
  const round = leadership.reads.lastPosition
  leadership.reads.sentPosition = round
  for (const [to, progress] of leadership.progress) {
    const commit = Math.min(progress.match, raft.log.committed)
    progress.sentCommit = Math.max(progress.sentCommit, commit)
    send(raft, to, { kind: 'heartbeat', term: raft.term, commit, round, sentAtMs: raft.nowMs })
  }
}

/** Asks for the next chunk to be read and sent, from where the follower is. */
export function orderChunk(raft: RaftState, to: NodeId, progress: Progress): void {
  const stream = must(progress.stream, 'only a snapshot is streamed')
  stream.orderedMs = raft.nowMs
  const { snapshot, offsetBytes } = stream
  raft.outbox.snapshots.push({ kind: 'stream', to, snapshot, offsetBytes })
}

function owesEntries({ log }: RaftState, progress: Progress): boolean {
  return progress.next <= log.last.index || progress.state === 'probe'
}

function owesCommit({ log }: RaftState, progress: Progress): boolean {
  return progress.sentCommit < Math.min(log.committed, progress.next - 1)
}

/** That members changed is told at once: those who left are told now or never. */
function isNoticeDue(raft: RaftState, leadership: Leadership): boolean {
  const { config, log, members, nowMs } = raft
  const { noticeDueMs, settledMembership } = leadership
  if (config.commitNoticeMs === 0 || (noticeDueMs !== null && nowMs >= noticeDueMs)) return true
  const { index } = members.latest
  return index > settledMembership && index <= log.committed
}

function sendAppend(raft: RaftState, to: NodeId, progress: Progress): void {
  const index = progress.next - 1
  const term = raft.log.term(index)
  if (term !== undefined)
    return sendAppendAfter(raft, to, { index, term, withEntries: true }, progress)
  // The log no longer reaches back that far. A follower that does not answer gets no snapshot pushed at it.
  if (raft.nowMs - progress.heardMs >= raft.config.electionTimeoutMinMs) return progress.pause()
  progress.becomeSnapshot(raft.nowMs)
  orderChunk(raft, to, progress)
}

function sendAppendAfter(
  raft: RaftState,
  to: NodeId,
  after: { readonly index: number; readonly term: number; readonly withEntries: boolean },
  progress: Progress,
): void {
  const { log, config, term } = raft
  const { appendEntriesMax: entriesMax, appendBytesMax: bytesMax } = config
  const entries = after.withEntries
    ? log.entries(after.index + 1, log.last.index, { entriesMax, bytesMax })
    : []
  send(raft, to, {
    kind: 'append',
    term,
    previous: { term: after.term, index: after.index },
    entries,
    commit: log.committed,
  })
  progress.sent(after.index + entries.length, sizeOf(entries), log.committed)
}
