import { must } from '../../../server/model/assert.ts'
import { defaultRaftConfig, type RaftConfig } from '../../../server/raft/core/config.ts'
import type { Outbound, RaftMessage } from '../../../server/raft/core/messages.ts'
import type { AppendBatch, RaftEvent, ReadResult } from '../../../server/raft/core/output.ts'
import { RaftCore } from '../../../server/raft/core/raft.ts'
import type { RaftState } from '../../../server/raft/core/state.ts'
import type { Entry, HardState, NodeId } from '../../../server/raft/types.ts'
import { MemoryDisk } from '../../support/raft-disk.ts'

/** What may happen to a server. */
export type ServerEvent =
  | { readonly kind: 'deliver'; readonly from: NodeId; readonly message: RaftMessage }
  /** Its patience is at an end: it asks whether it would be elected. */
  | { readonly kind: 'campaign'; readonly isGranted: boolean }
  /** It leads, and hears nobody for an election timeout. */
  | { readonly kind: 'resign' }
  | { readonly kind: 'propose' }
  | { readonly kind: 'remove' | 'add' | 'transfer'; readonly id: NodeId }
  | { readonly kind: 'read' }
  /** Time for heartbeats. */
  | { readonly kind: 'beat' }
  /** The oldest batch is durable. */
  | { readonly kind: 'write' }
  /** And starts again. So many of the batches that were on their way got to the disk, and nobody was told. */
  | { readonly kind: 'crash'; readonly written: number }

/** What is on a disk, when a process starts. */
export interface Found {
  readonly hardState: HardState
  readonly entries: readonly Entry[]
}

/** What came of an event. */
export interface Doing {
  readonly sent: readonly Outbound[]
  readonly appended: readonly AppendBatch[]
  readonly reads: readonly ReadResult[]
}

const patienceMs = 4
/** Nobody campaigns of its own accord: the search says when. */
const never = 1e9
/** Commits are told when they are known. That they are told late happens here to messages. */
const atOnce = { commitNoticeMs: 0 }
const payload = new Uint8Array(1)

/**
 * One server: the production core over a disk that writes when told. Time is made abstract by letting too much of it pass: before
 * a message comes to a server that does not lead, every promise of it has run out. A promise could only make it ignore a vote, which
 * is as good as a message that was lost, and here any message may be.
 */
export class Process {
  readonly id: NodeId
  readonly core: RaftCore
  readonly disk: MemoryDisk
  /** Batches that are on their way to the disk. */
  readonly pending: AppendBatch[] = []
  #nowMs = 0
  #reads = 0

  constructor(id: NodeId, { entries, hardState }: Found) {
    this.id = id
    this.disk = new MemoryDisk(entries)
    this.disk.hardState = hardState
    const config: RaftConfig = {
      ...defaultRaftConfig,
      ...atOnce,
      electionTimeoutMinMs: patienceMs,
      heartbeatMs: 1,
      leaseGuardMs: 1,
      id,
      rng: () => never,
    }
    this.core = new RaftCore(config, this.disk.recover())
  }

  /** Its first turn. */
  start(): Doing {
    return this.#turn({ kind: 'tick', nowMs: 0 })
  }

  /** Whatever but a crash, which begins another process with what `found` tells. Throws what the core throws. */
  do(event: Exclude<ServerEvent, { kind: 'crash' }>): Doing {
    switch (event.kind) {
      case 'deliver': {
        const { from, message } = event
        const delivery: RaftEvent = { kind: 'message', from, message }
        // A leader's time stands still but for its heartbeats.
        if (this.core.status().role === 'leader') return this.#turn(delivery)
        this.#nowMs += patienceMs + 1
        return this.#turn(this.#tick(), delivery)
      }
      case 'campaign':
        // The one thing that is done to a core from outside: its timer fires now.
        ;(this.core.state() as RaftState).electionTimeoutMs = 0
        this.#nowMs += 1
        return event.isGranted ? this.#campaignGranted() : this.#turn(this.#tick())
      case 'resign': {
        const doings: Doing[] = []
        while (this.core.status().role === 'leader') {
          this.#nowMs += 1
          doings.push(this.#turn(this.#tick()))
        }
        return together(doings)
      }
      case 'propose':
        return this.#turn({ kind: 'propose', ticket: 1, payload })
      case 'remove':
      case 'add': {
        const { id } = event
        const change =
          event.kind === 'remove'
            ? ({ kind: 'remove', id } as const)
            : ({ kind: 'addVoter', id, address: '' } as const)
        return this.#turn({ kind: 'proposeMembership', ticket: 1, changes: [change] })
      }
      case 'transfer':
        return this.#turn({ kind: 'transfer', to: event.id })
      case 'read':
        this.#reads += 1
        return this.#turn({ kind: 'readIndex', ticket: this.#reads })
      case 'beat':
        this.#nowMs += 1
        return this.#turn(this.#tick())
      case 'write': {
        const batch = must(this.pending.shift(), 'a batch')
        this.disk.write(batch)
        return this.#turn({ kind: 'appendDone', seq: batch.seq })
      }
      default:
        return event satisfies never
    }
  }

  /** What the next process finds, if this one ends now with so many batches written of those on their way. */
  found(written = 0): Found {
    const disk = new MemoryDisk(entriesOf(this.disk))
    disk.hardState = this.disk.hardState
    for (const batch of this.pending.slice(0, written)) disk.write(batch)
    return { hardState: disk.hardState, entries: entriesOf(disk) }
  }

  /** Others answer its question, one after the other, until it is enough; the question itself goes nowhere. */
  #campaignGranted(): Doing {
    const { sent } = this.#turn(this.#tick())
    const asked = sent.flatMap(({ message, to }) =>
      message.kind === 'preVote' ? [{ message, to }] : [],
    )
    for (const { message, to } of asked) {
      const granted = { kind: 'preVoteResponse', term: message.term, granted: true } as const
      const doing = this.#turn({ kind: 'message', from: to, message: granted })
      if (this.core.status().role !== 'preCandidate') return doing
    }
    return { sent: [], appended: [], reads: [] }
  }

  #tick(): RaftEvent {
    return { kind: 'tick', nowMs: this.#nowMs }
  }

  #turn(...events: RaftEvent[]): Doing {
    for (const event of events) this.core.step(event)
    const { append, apply, reads, send } = this.core.take()
    const doing: Doing = { sent: send, appended: append === null ? [] : [append], reads }
    this.pending.push(...doing.appended)
    const last = apply.at(-1)
    // Applying takes no time here: it is no part of what the servers agree on.
    if (last === undefined) return doing
    return together([doing, this.#turn({ kind: 'applyDone', index: last.index })])
  }
}

export function entriesOf(disk: MemoryDisk): readonly Entry[] {
  const last = disk.lastIndex()
  return last === 0 ? [] : disk.entries(1, last, Infinity)
}

function together(doings: readonly Doing[]): Doing {
  return {
    sent: doings.flatMap(({ sent }) => sent),
    appended: doings.flatMap(({ appended }) => appended),
    reads: doings.flatMap(({ reads }) => reads),
  }
}
