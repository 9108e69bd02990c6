import { assertNever } from '../../server/model/assert.ts'
import { decodeMembership } from '../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { AppendBatch, RaftOutput } from '../../server/raft/core/output.ts'
import type { Entry, EntryId, Membership, NodeId } from '../../server/raft/types.ts'

/** How the traces say what happened: one line an effect, an entry as index@term. */

export function describeOutput(id: NodeId, output: RaftOutput): string[] {
  const { role, membership, append, send, restore, apply, settled, reads, snapshots } = output
  const lines: string[] = []
  if (role !== null) {
    const leader = role.leader === null || role.leader === id ? '' : `, led by ${role.leader}`
    lines.push(`${id} is ${role.role} in term ${role.term}${leader}`)
  }
  if (membership !== null) lines.push(`${id} counts ${describeMembership(membership)}`)
  if (append !== null) lines.push(`${id} writes #${append.seq}: ${describeBatch(append)}`)
  for (const { to, message } of send) lines.push(`${id} → ${to} ${describeMessage(message)}`)
  for (const order of snapshots) {
    if (order.kind === 'stream')
      lines.push(`${id} streams to ${order.to} from ${order.offsetBytes}`)
    else lines.push(`${id} stores from ${order.from} at ${order.chunk.offsetBytes}`)
  }
  if (restore !== null) lines.push(`${id} restores ${describeId(restore)}`)
  if (apply.length > 0) lines.push(`${id} applies ${describeEntries(apply)}`)
  for (const settlement of settled) lines.push(`${id} settles ${describeEnd(settlement)}`)
  for (const read of reads) lines.push(`${id} answers read ${describeEnd(read)}`)
  if (output.compactThrough !== null) lines.push(`${id} compacts through ${output.compactThrough}`)
  return lines
}

export function describeMessage(message: RaftMessage): string {
  const head = `${message.kind} ${message.term}`
  switch (message.kind) {
    case 'preVote':
      return `${head}: log ends ${describeId(message.lastLog)}`
    case 'vote':
      return `${head}: log ends ${describeId(message.lastLog)}${message.transfer ? ', transfer' : ''}`
    case 'preVoteResponse':
    case 'voteResponse':
      return `${head}: ${message.granted ? 'granted' : 'refused'}`
    case 'append': {
      const { previous, entries, commit } = message
      return `${head}: after ${describeId(previous)} [${describeEntries(entries)}] commit ${commit}`
    }
    case 'appendResponse':
      if (message.accepted) return `${head}: has ${message.index}`
      return `${head}: refused ${message.index}, could agree at ${describeId(message.hint)}`
    case 'heartbeat':
      return `${head}: commit ${message.commit}${message.round === 0 ? '' : ` round ${message.round}`}`
    case 'heartbeatResponse':
      return `${head}:${message.round === 0 ? '' : ` round ${message.round}`} answered`
    case 'snapshotChunk': {
      const { snapshot, offsetBytes, data, last } = message
      const range = `${offsetBytes}..${offsetBytes + data.byteLength}`
      return `${head}: ${describeId(snapshot)} bytes ${range}${last ? ', the last' : ''}`
    }
    case 'snapshotChunkResponse':
      return `${head}: ${describeId(message.snapshot)} from ${message.nextOffsetBytes}`
    case 'timeoutNow':
      return head
    default:
      return assertNever(message)
  }
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries
    .map((entry) => {
      if (entry.kind === 'command')
        return `${describeId(entry)} ${new TextDecoder().decode(entry.payload)}`
      if (entry.kind === 'noop') return `${describeId(entry)} noop`
      return `${describeId(entry)} ${describeMembership(decodeMembership(entry.payload))}`
    })
    .join(', ')
}

export function describeMembership(membership: Membership): string {
  const { voters, outgoing, learners, learnersNext } = membership
  const outgoingHalf = outgoing.length > 0 ? `&(${outgoing.join(' ')})` : ''
  const next = learnersNext.length > 0 ? ` learnersNext (${learnersNext.join(' ')})` : ''
  const learning = learners.length > 0 ? ` learners (${learners.join(' ')})` : ''
  return `voters (${voters.join(' ')})${outgoingHalf}${learning}${next}`
}

export function describeId({ index, term }: EntryId): string {
  return `${index}@${term}`
}

function describeBatch({ hardState, truncateFrom, snapshot, entries }: AppendBatch): string {
  const parts: string[] = []
  if (hardState !== null) {
    const { term, vote, commit } = hardState
    parts.push(`term ${term} vote ${vote ?? '-'} commit ${commit}`)
  }
  if (truncateFrom !== null) parts.push(`without ${truncateFrom}…`)
  if (snapshot !== null) parts.push(`snapshot ${describeId(snapshot)}`)
  if (entries.length > 0) parts.push(describeEntries(entries))
  return parts.join(' | ')
}

function describeEnd(end: RaftOutput['settled'][number] | RaftOutput['reads'][number]): string {
  const { ticket } = end
  switch (end.outcome) {
    case 'committed':
      return `${ticket}: committed at ${describeId(end)}`
    case 'ready':
      return `${ticket}: ready at ${end.index}`
    case 'refused':
      return `${ticket}: refused, ${end.reason}`
    case 'notLeader':
    case 'lost':
    case 'unknown':
      return `${ticket}: ${end.outcome}, leader ${end.leader ?? '-'}`
    default:
      return assertNever(end)
  }
}
