import { hash } from 'node:crypto'

import { must } from '../../server/model/assert.ts'
import { defaultRaftConfig } from '../../server/raft/core/config.ts'
import { firstEntry } from '../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { AppendBatch, RaftEvent } from '../../server/raft/core/output.ts'
import { RaftCore } from '../../server/raft/core/raft.ts'
import type { RaftState } from '../../server/raft/core/state.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import type { Entry, NodeId } from '../../server/raft/types.ts'
import { MemoryDisk } from '../support/raft-disk.ts'
import { Invariants } from './invariants.ts'

/** One step that the world can take. */
export type Action =
  /** A server's patience ends, and so did everybody's loyalty before. Those who hear its pre-vote answer at once. */
  | { readonly kind: 'campaign'; readonly id: NodeId }
  /** Time for a leader's heartbeats. */
  | { readonly kind: 'beat'; readonly id: NodeId }
  | { readonly kind: 'propose'; readonly id: NodeId }
  /** The oldest batch is durable. */
  | { readonly kind: 'write'; readonly id: NodeId }
  | { readonly kind: 'deliver'; readonly from: NodeId; readonly to: NodeId; readonly text: string }
  /** And restarts; `isWritten`: what was on its way to the disk got there, and nobody was told. */
  | { readonly kind: 'crash'; readonly id: NodeId; readonly isWritten: boolean }

export interface Bounds {
  readonly servers: number
  readonly termMax: number
  /** After the cluster's first. */
  readonly entriesMax: number
  readonly crashesMax: number
  readonly beatsMax: number
}

interface Server {
  readonly id: NodeId
  readonly disk: MemoryDisk
  core: RaftCore
  nowMs: number
  pending: AppendBatch[]
  proposed: number
}

interface Envelope {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: RaftMessage
  readonly text: string
}

const patienceMs = 4

/** With which all logs begin. */
export function firstOf({ servers }: Bounds): Entry {
  const voters = Array.from({ length: servers }, (_, at) => String(at + 1))
  return firstEntry({ ...emptyMembership, voters })
}

/** Nobody campaigns of its own accord: the search says when. */
const never = 1e9

/**
 * A few cores, and everything that can happen to them next. Messages are a set: a lost one is one that is never delivered, and
 * any may come before any other.
 */
export class World {
  readonly #bounds: Bounds
  readonly #servers = new Map<NodeId, Server>()
  #network: Envelope[] = []
  #crashes = 0
  #beats = 0
  readonly #invariants = new Invariants(patienceMs)

  constructor(bounds: Bounds, first: Entry) {
    this.#bounds = bounds
    for (let server = 1; server <= bounds.servers; server += 1) {
      const id = String(server)
      const disk = new MemoryDisk([first])
      disk.hardState = { term: 1, vote: null, commit: 0 }
      this.#servers.set(id, this.#boot({ id, disk, nowMs: 0, proposed: 0 }))
    }
  }

  get commitIndex(): number {
    return this.#invariants.commitIndex
  }

  /** All servers are alike at first, so it is no loss that the first is the first to campaign. */
  actions(): Action[] {
    const { beatsMax, crashesMax, entriesMax, termMax } = this.#bounds
    const actions: Action[] = this.#network.map(({ from, text, to }) => ({
      kind: 'deliver',
      from,
      to,
      text,
    }))
    const isNew = [...this.#servers.values()].every(({ core }) => core.status().term === 1)
    for (const { core, id, pending } of this.#servers.values()) {
      const { lastIndex, role, term } = core.status()
      if (pending.length > 0) actions.push({ kind: 'write', id })
      if (role !== 'leader' && term < termMax && !(isNew && id !== '1'))
        actions.push({ kind: 'campaign', id })
      if (role === 'leader' && lastIndex <= entriesMax) actions.push({ kind: 'propose', id })
      if (role === 'leader' && this.#beats < beatsMax) actions.push({ kind: 'beat', id })
      if (this.#crashes >= crashesMax) continue
      actions.push({ kind: 'crash', id, isWritten: false })
      if (pending.length > 0) actions.push({ kind: 'crash', id, isWritten: true })
    }
    return actions
  }

  /** Throws a Violation, or the core's own AssertionFailed, if what follows must not be. */
  take(action: Action): void {
    switch (action.kind) {
      case 'campaign':
        return this.#campaign(this.#server(action.id))
      case 'beat': {
        const server = this.#server(action.id)
        this.#beats += 1
        server.nowMs += 1
        return this.#turn(server, { kind: 'tick', nowMs: server.nowMs })
      }
      case 'propose': {
        const server = this.#server(action.id)
        server.proposed += 1
        const { term } = server.core.status()
        const payload = new TextEncoder().encode(`${action.id} ${term} ${server.proposed}`)
        return this.#turn(server, { kind: 'propose', ticket: server.proposed, payload })
      }
      case 'write': {
        const server = this.#server(action.id)
        const batch = must(server.pending.shift(), 'a batch')
        server.disk.write(batch)
        return this.#turn(server, { kind: 'appendDone', seq: batch.seq })
      }
      case 'deliver': {
        const { from, text, to } = action
        const envelope = must(
          this.#network.find(
            (other) => other.from === from && other.to === to && other.text === text,
          ),
          'a message',
        )
        this.#network = this.#network.filter((other) => other !== envelope)
        return this.#turn(this.#server(to), { kind: 'message', from, message: envelope.message })
      }
      default: {
        const { disk, id, nowMs, pending, proposed } = this.#server(action.id)
        this.#crashes += 1
        const first = pending[0]
        if (action.isWritten && first !== undefined) disk.write(first)
        this.#servers.set(id, this.#boot({ id, disk, nowMs, proposed }))
      }
    }
  }

  /** Equal for equal worlds, and for no others but by an accident of 128 bits. */
  key(): string {
    const servers = [...this.#servers.values()].map((server) => [
      describeState(server.core.state(), server.nowMs),
      server.disk.hardState,
      server.disk.lastIndex(),
      server.pending.map((batch) => ({
        ...batch,
        seq: batch.seq - server.core.state().outbox.lastSeq,
      })),
    ])
    const messages = this.#network.map(({ from, text, to }) => `${from}${to}${text}`).toSorted()
    const all = JSON.stringify([servers, messages, this.#crashes, this.#beats])
    return hash('md5', all, 'base64')
  }

  #server(id: NodeId): Server {
    return must(this.#servers.get(id), 'a server')
  }

  #boot(given: Omit<Server, 'core' | 'pending'>): Server {
    const { disk, id } = given
    const recovered = disk.recover()
    this.#invariants.started(id, recovered)
    const core = new RaftCore(
      {
        ...defaultRaftConfig,
        electionTimeoutMinMs: patienceMs,
        heartbeatMs: 1,
        leaseGuardMs: 1,
        id,
        rng: () => never,
      },
      recovered,
    )
    const server = { ...given, core, pending: [] }
    this.#turn(server, { kind: 'tick', nowMs: given.nowMs })
    return server
  }

  #campaign(server: Server): void {
    for (const other of this.#servers.values())
      if (other.core.status().role !== 'leader') this.#grow(other, 6)
    // The one thing that is done to a core from outside: its timer fires now.
    ;(server.core.state() as RaftState).electionTimeoutMs = 0
    this.#grow(server, 1)
    const asked = this.#network.filter(({ message }) => message.kind === 'preVote')
    for (const { from, message, to } of asked)
      this.#turn(this.#server(to), { kind: 'message', from, message })
    const answered = this.#network.filter(({ message }) => message.kind === 'preVoteResponse')
    for (const { from, message, to } of answered)
      this.#turn(this.#server(to), { kind: 'message', from, message })
    this.#network = this.#network.filter(
      ({ message }) => message.kind !== 'preVote' && message.kind !== 'preVoteResponse',
    )
  }

  /** In steps that no core would take for a stall. */
  #grow(server: Server, byMs: number): void {
    for (let leftMs = byMs; leftMs > 0; leftMs -= 2) {
      server.nowMs += Math.min(2, leftMs)
      this.#turn(server, { kind: 'tick', nowMs: server.nowMs })
    }
  }

  #turn(server: Server, ...events: RaftEvent[]): void {
    const { core, id } = server
    for (const event of events) core.step(event)
    const output = core.take()
    this.#invariants.turned(id, { events, output, status: core.status() })
    for (const { message, to } of output.send) this.#send(id, to, message)
    if (output.append !== null) server.pending.push(output.append)
    const last = output.apply.at(-1)
    // Applying takes no time here: it is no part of what the servers agree on.
    if (last !== undefined) this.#turn(server, { kind: 'applyDone', index: last.index })
  }

  /** Answers to heartbeats are lost: they carry nothing of the log. */
  #send(from: NodeId, to: NodeId, message: RaftMessage): void {
    if (message.kind === 'heartbeatResponse') return
    const text = JSON.stringify(
      message.kind === 'heartbeat' ? { ...message, sentAtMs: 0 } : message,
    )
    const isThere = this.#network.some(
      (other) => other.from === from && other.to === to && other.text === text,
    )
    if (!isThere) this.#network.push({ from, to, message, text })
  }
}

/** What a core will do next depends on nothing else, given that time is what the search makes it. */
function describeState(state: Readonly<RaftState>, nowMs: number): unknown {
  const { config, leader, leadership, log, outbox, role, startedMs, term, vote, votes } = state
  const terms: (number | undefined)[] = []
  for (let index = log.base.index; index <= log.last.index; index += 1) terms.push(log.term(index))
  const { doneSeq, lastSeq, staged, waiting, writtenHardState } = outbox
  // The same words said twice arrive as once: messages are a set.
  const promises = new Set(
    waiting.flatMap(({ deferred, seq }) =>
      deferred.map((item) => `${lastSeq - seq} ${JSON.stringify(item)}`),
    ),
  )
  const lead =
    leadership === null
      ? null
      : [
          leadership.noopIndex,
          leadership.heartbeatDueMs - nowMs,
          [...leadership.progress].map(([id, progress]) => {
            const { inflights, match, next, paused, sentCommit, sinceMs, state: mode } = progress
            return [id, match, next, mode, paused, sentCommit, inflights.count, sinceMs - nowMs]
          }),
        ]
  return [
    config.id,
    [term, vote, role, leader, Math.min(patienceMs, nowMs - (startedMs ?? 0))],
    [...votes],
    [log.base, terms, log.durable, log.committed, log.applied],
    [lastSeq - doneSeq, staged, [...promises]],
    writtenHardState,
    lead,
  ]
}
