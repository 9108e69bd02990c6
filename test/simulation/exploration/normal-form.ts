import type { RaftMessage } from '../../../server/raft/core/messages.ts'
import { origin } from '../../../server/raft/types.ts'
import type { ServerState } from './server-states.ts'

/**
 * What a message still is to who may receive it, now and ever after: what it says; a word from the past, which does the same whatever
 * it says; or nothing. Terms on a disk never fall, so it stays so. Worlds that differ in what is nothing are one.
 */
export type Standing = 'present' | 'past' | 'nothing'

export function standingOf(message: RaftMessage, to: ServerState): Standing {
  const { term } = message
  const { disk, role } = to
  switch (message.kind) {
    // An old leader is told so, and an old candidate refused.
    case 'append':
    case 'heartbeat':
    case 'vote':
    case 'preVote':
      return term < disk.term ? 'past' : 'present'
    // Nobody becomes a candidate of a term that he knew, so nobody waits for these again.
    case 'voteResponse':
      return term > disk.term || (to.term === term && role === 'candidate') ? 'present' : 'nothing'
    case 'appendResponse':
    case 'heartbeatResponse': {
      const leads = to.term === term && (role === 'candidate' || role === 'leader')
      return term > disk.term || leads ? 'present' : 'nothing'
    }
    case 'preVoteResponse': {
      const isNothing = message.granted ? term <= disk.term : term < disk.term
      return isNothing ? 'nothing' : 'present'
    }
    case 'timeoutNow':
      return term < disk.term ? 'nothing' : 'present'
    case 'snapshotChunk':
    case 'snapshotChunkResponse':
      return 'present'
    default:
      return message satisfies never
  }
}

/** Stands for everything of its kind that is of the past. */
export function pastOf({ kind }: RaftMessage): RaftMessage {
  switch (kind) {
    case 'vote':
      return { kind, term: 1, lastLog: origin, transfer: false }
    case 'preVote':
      return { kind, term: 1, lastLog: origin }
    default:
      return { kind: 'heartbeat', term: 1, commit: 0, round: 0, sentAtMs: 0 }
  }
}
