import { assert } from '../../server/model/assert.ts'
import type { RaftConfig } from '../../server/raft/core/config.ts'
import type { Outbound, RaftMessage } from '../../server/raft/core/messages.ts'
import type { RaftEvent, RaftOutput } from '../../server/raft/core/output.ts'
import type { RaftCore, RaftStatus } from '../../server/raft/core/raft.ts'
import type { Entry, NodeId } from '../../server/raft/types.ts'
import { origin } from '../../server/raft/types.ts'
import { entriesOf, members, RaftCluster } from './raft-cluster.ts'
import type { ClusterNode } from './raft-cluster.ts'

/** Server 1 of a cluster whose other members are played by the test. */
export class Solo {
  readonly #cluster: RaftCluster
  outputs: RaftOutput[] = []

  constructor(options: SoloOptions = {}) {
    const { voters = ['1', '2', '3'], learners = [], log = [], term = 1, config = {} } = options
    this.#cluster = new RaftCluster({
      membership: members(voters, learners),
      members: ['1'],
      logs: { 1: entriesOf(log) },
      term,
      config,
    })
    this.#cluster.observe = ({ output }) => this.outputs.push(output)
    this.#cluster.tick('1', 50)
    if (options.cold === true) return
    // Past what it may have promised before it started.
    if (voters.some((id) => id !== '1')) this.#cluster.tick('1', 1000)
    this.outputs = []
  }

  get core(): RaftCore {
    return this.#cluster.core('1')
  }

  get status(): RaftStatus {
    return this.core.status()
  }

  get node(): ClusterNode {
    return this.#cluster.node('1')
  }

  step(...events: readonly RaftEvent[]): Outbound[] {
    return this.#during(() => this.#cluster.turn('1', ...events))
  }

  /** What it says to a message at once, before any write is done. */
  hear(from: NodeId, message: RaftMessage): Outbound[] {
    return this.step({ kind: 'message', from, message })
  }

  /** What it says to a message in the end, when everything is written and applied. */
  tell(from: NodeId, message: RaftMessage): Outbound[] {
    return this.#during(() => {
      this.#cluster.turn('1', { kind: 'message', from, message })
      this.#finish()
    })
  }

  /** The oldest batch is durable. */
  write(): Outbound[] {
    return this.#during(() => this.#cluster.write('1'))
  }

  /** Everything is written and applied. */
  finish(): Outbound[] {
    return this.#during(() => this.#finish())
  }

  tick(durationMs: number): Outbound[] {
    return this.#during(() => this.#cluster.tick('1', durationMs))
  }

  tickAt(nowMs: number): Outbound[] {
    return this.#during(() => this.#cluster.tickAt('1', nowMs))
  }

  /** Time passes until it asks for votes, or four seconds. */
  timeOut(): Outbound[] {
    for (let waitedMs = 0; waitedMs < 4000; waitedMs += 50) {
      const sent = this.tick(50)
      if (sent.some(({ message }) => message.kind === 'preVote' || message.kind === 'vote'))
        return sent
      if (this.status.role !== 'follower') return sent
    }
    return []
  }

  /** Asks, and is granted it by everybody. */
  becomeCandidate(): void {
    this.timeOut()
    const term = this.status.term + 1
    for (const id of this.#others())
      if (this.status.role === 'preCandidate')
        this.hear(id, { kind: 'preVoteResponse', term, granted: true })
    assert(this.status.role === 'candidate', 'it campaigns')
  }

  /** Wins, with its first entry written and answered by nobody. */
  becomeLeader(): void {
    this.becomeCandidate()
    const { term } = this.status
    for (const id of this.#others())
      if (this.status.role === 'candidate')
        this.hear(id, { kind: 'voteResponse', term, granted: true })
    this.#finish()
    assert(this.status.role === 'leader', 'it leads')
    this.outputs = []
  }

  /** Every other has everything. */
  acknowledge(...ids: readonly NodeId[]): Outbound[] {
    const { term, lastIndex } = this.status
    return this.#during(() => {
      for (const id of ids.length > 0 ? ids : this.#others())
        this.#cluster.turn('1', { kind: 'message', from: id, message: has(term, lastIndex) })
      this.#finish()
    })
  }

  propose(text: string, ticket = 1): Outbound[] {
    return this.step({ kind: 'propose', ticket, payload: new TextEncoder().encode(text) })
  }

  restart(): void {
    this.#cluster.crash('1')
    this.#cluster.restart('1')
  }

  saveSnapshot(): void {
    this.#cluster.saveSnapshot('1')
  }

  applied(): Entry[] {
    return this.outputs.flatMap(({ apply }) => apply)
  }

  #finish(): void {
    while (this.#cluster.write('1') || this.#cluster.apply('1'));
  }

  #others(): NodeId[] {
    const { voters, outgoing, learners } = this.status.membership
    return [...new Set([...voters, ...outgoing, ...learners])].filter((id) => id !== '1')
  }

  #during(act: () => unknown): Outbound[] {
    this.#cluster.network = []
    act()
    return this.#cluster.network.map(({ to, message }) => ({ to, message }))
  }
}

export interface SoloOptions {
  readonly voters?: readonly NodeId[]
  readonly learners?: readonly NodeId[]
  /** Terms of the entries after the first. */
  readonly log?: readonly number[]
  readonly term?: number
  readonly config?: Partial<RaftConfig>
  /** Only its first tick has passed. */
  readonly cold?: boolean
}

/** An append in `term` after `[index, term]`, of entries whose terms are given. */
export function append(
  term: number,
  after: readonly [index: number, term: number],
  terms: readonly number[],
  commit = 0,
): RaftMessage {
  const [index, previousTerm] = after
  const entries: Entry[] = terms.map((entryTerm, at) => ({
    index: index + 1 + at,
    term: entryTerm,
    kind: 'command',
    payload: new TextEncoder().encode(`${index + 1 + at}@${entryTerm}`),
  }))
  return { kind: 'append', term, previous: { index, term: previousTerm }, entries, commit }
}

export function heartbeat(
  term: number,
  options: { commit?: number; round?: number } = {},
): RaftMessage {
  const { commit = 0, round = 0 } = options
  return { kind: 'heartbeat', term, commit, round, sentAtMs: 0 }
}

export function has(term: number, index: number): RaftMessage {
  return { kind: 'appendResponse', term, accepted: true, index, hint: origin }
}

export function refuses(
  term: number,
  index: number,
  hint: readonly [index: number, term: number],
): RaftMessage {
  const [hintIndex, hintTerm] = hint
  return {
    kind: 'appendResponse',
    term,
    accepted: false,
    index,
    hint: { index: hintIndex, term: hintTerm },
  }
}

export function kinds(sent: readonly Outbound[]): string[] {
  return sent.map(({ to, message }) => `${to} ${message.kind}`)
}
