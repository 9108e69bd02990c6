import { assertNever } from '../../server/model/assert.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { RaftEvent } from '../../server/raft/core/output.ts'
import type { NodeId } from '../../server/raft/types.ts'
import type { Scheduler } from './scheduler.ts'
import type { Turn } from './server.ts'

/** How much of a run is told when it fails. */
const linesMax = 80

interface Happening {
  readonly atMs: number
  readonly what: string | { readonly id: NodeId; readonly turn: Turn }
}

/** The last things that happened, put in words only if somebody must read them. */
export class Story {
  readonly #scheduler: Scheduler
  #happenings: Happening[] = []

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  line(what: string): void {
    this.#keep({ atMs: this.#scheduler.nowMs, what })
  }

  turn(id: NodeId, turn: Turn): void {
    const { append, apply, role, send } = turn.output
    const isQuiet = append === null && role === null && apply.length === 0 && send.length === 0
    if (!isQuiet || turn.events.length > 1)
      this.#keep({ atMs: this.#scheduler.nowMs, what: { id, turn } })
  }

  print(): string {
    return this.#happenings
      .slice(-linesMax)
      .map(({ atMs, what }) => {
        const text = typeof what === 'string' ? what : describeTurn(what.id, what.turn)
        return `${(atMs / 1000).toFixed(4).padStart(9)}  ${text}`
      })
      .join('\n')
  }

  #keep(happening: Happening): void {
    this.#happenings.push(happening)
    if (this.#happenings.length >= 4 * linesMax)
      this.#happenings = this.#happenings.slice(-linesMax)
  }
}

function describeTurn(id: NodeId, { events, output, status }: Turn): string {
  const { role, term, lastIndex, durableIndex, commitIndex, appliedIndex } = status
  const parts = [
    `${id} ${role} t${term} last ${lastIndex} durable ${durableIndex} commit ${commitIndex} applied ${appliedIndex}`,
  ]
  const stepped = events.filter(({ kind }) => kind !== 'tick').map(describeEvent)
  if (stepped.length > 0) parts.push(`← ${stepped.join(', ')}`)
  const { append, restore, send } = output
  if (append !== null) {
    const { entries, hardState, seq, snapshot, truncateFrom } = append
    const said = [`#${seq}`]
    if (hardState !== null) said.push(`t${hardState.term} vote ${hardState.vote}`)
    if (truncateFrom !== null) said.push(`truncate ${truncateFrom}`)
    if (snapshot !== null) said.push(`snapshot ${snapshot.index}@${snapshot.term}`)
    said.push(...entries.map(({ index, kind, term: of }) => `${index}@${of} ${kind}`))
    parts.push(`disk ${said.join(' ')}`)
  }
  if (restore !== null) parts.push(`restore ${restore.index}`)
  if (send.length > 0)
    parts.push(`→ ${send.map(({ to, message }) => `${to} ${describe(message)}`).join(', ')}`)
  return parts.join(' | ')
}

function describeEvent(event: RaftEvent): string {
  switch (event.kind) {
    case 'message':
      return `${event.from} ${describe(event.message)}`
    case 'appendDone':
      return `done #${event.seq}`
    case 'applyDone':
      return `applied ${event.index}`
    default:
      return event.kind
  }
}

function describe(message: RaftMessage): string {
  const { kind, term } = message
  switch (message.kind) {
    case 'append': {
      const { commit, entries, previous } = message
      return `append t${term} after ${previous.index}@${previous.term} +${entries.length} commit ${commit}`
    }
    case 'appendResponse':
      return `${message.accepted ? 'ack' : 'nack'} t${term} ${message.index}`
    case 'heartbeat':
      return `beat t${term} commit ${message.commit} round ${message.round}`
    case 'heartbeatResponse':
      return `beaten t${term} round ${message.round}`
    case 'vote': {
      const { lastLog, transfer } = message
      return `vote t${term} last ${lastLog.index}@${lastLog.term}${transfer ? ' by transfer' : ''}`
    }
    case 'preVote':
      return `${kind} t${term} last ${message.lastLog.index}@${message.lastLog.term}`
    case 'voteResponse':
    case 'preVoteResponse':
      return `${kind} t${term} ${message.granted ? 'yes' : 'no'}`
    case 'snapshotChunk':
      return `chunk t${term} of ${message.snapshot.index} at ${message.offsetBytes}`
    case 'snapshotChunkResponse':
      return `chunk next t${term} ${message.nextOffsetBytes}`
    case 'timeoutNow':
      return `timeoutNow t${term}`
    default:
      return assertNever(message)
  }
}
