import { PraetorError } from '../model/errors.ts'
import { CallFailed } from './caller.ts'
import { NotLeader } from './error-wire.ts'

/**
 * What became of a call that failed. It was `undone`: nothing came of it, and it may be made again, here or elsewhere. Its fate is
 * `unknown`: it may have been carried out, or be yet. Or it was `answered`, with an error that will be the same next time.
 */
export type Fate = 'undone' | 'unknown' | 'answered'

export function fateOf(error: unknown): Fate {
  if (error instanceof NotLeader) return 'undone'
  if (error instanceof CallFailed) return error.sent ? 'unknown' : 'undone'
  if (!(error instanceof PraetorError)) return 'answered'
  return raftTexts.find(([text]) => error.message.endsWith(text))?.[1] ?? 'answered'
}

/** What Raft says when leadership goes while a call is under way: in Consul's words, so that a Consul is understood too. */
const raftTexts: readonly (readonly [string, Fate])[] = [
  ["the data directory's disk is full or does not keep up", 'undone'],
  ['node is not the leader', 'undone'],
  ['leadership lost while committing log', 'unknown'],
  ['raft is already shutdown', 'unknown'],
]
