import { assert, must } from '../../server/model/assert.ts'
import { defaultRaftConfig } from '../../server/raft/core/config.ts'
import type { RaftConfig } from '../../server/raft/core/config.ts'
import { firstEntry } from '../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { AppendBatch, RaftEvent, RaftOutput } from '../../server/raft/core/output.ts'
import { RaftCore } from '../../server/raft/core/raft.ts'
import { emptyMembership } from '../../server/raft/types.ts'
import type { Entry, Membership, NodeId, SnapshotMeta } from '../../server/raft/types.ts'
import { MemoryDisk } from './raft-disk.ts'

/**
 * Several cores, joined by a network that delivers when told, over disks that write when told. What must hold of every
 * cluster whatever happens is checked at every turn; a test only says what should happen.
 */
export class RaftCluster {
  readonly nodes = new Map<NodeId, ClusterNode>()
  /** Messages on their way, oldest first. */
  network: Envelope[] = []
  /** Who led each term: never two. */
  readonly #leaders = new Map<number, NodeId>()
  /** What was applied at each index, by whoever came first. */
  readonly #committed = new Map<number, string>()
  readonly #options: ClusterOptions
  /** What was applied at an index, as `term:payload`; undefined if nobody has. */
  committedAt(index: number): string | undefined {
    return this.#committed.get(index)
  }

  /** Told of everything that happens; the scripts print it. */
  observe: (observation: Observation) => void = () => {}

  constructor(options: ClusterOptions) {
    this.#options = options
    for (const id of options.members ?? membersIn(options.membership)) this.add(id)
  }

  /** A new server with the cluster's first entry, or with nothing at all. */
  add(id: NodeId, options: { readonly empty?: boolean } = {}): ClusterNode {
    const log = this.#options.logs?.[id] ?? []
    const first = options.empty === true ? [] : [firstEntry(this.#options.membership)]
    const disk = new MemoryDisk([...first, ...log])
    const lastTerm = disk.lastIndex() === 0 ? 0 : disk.term(disk.lastIndex())
    const term = Math.max(lastTerm, options.empty === true ? 0 : (this.#options.term ?? 0))
    disk.hardState = { term, vote: null, commit: 0 }
    const node: ClusterNode = {
      id,
      disk,
      core: this.#core(id, disk),
      nowMs: 0,
      isUp: true,
      writing: [],
      applying: [],
      chores: [],
      state: emptyState,
      files: new Map(),
      incoming: null,
      settled: [],
      reads: [],
    }
    this.nodes.set(id, node)
    return node
  }

  node(id: NodeId): ClusterNode {
    return must(this.nodes.get(id), `there is no server ${id}`)
  }

  core(id: NodeId): RaftCore {
    return this.node(id).core
  }

  get leader(): NodeId | null {
    const leading = this.up().filter(({ core }) => core.status().role === 'leader')
    const newest = leading.toSorted((a, b) => b.core.status().term - a.core.status().term)[0]
    return newest?.id ?? null
  }

  up(): ClusterNode[] {
    return [...this.nodes.values()].filter(({ isUp }) => isUp)
  }

  /** Steps events and carries out nothing of what they lead to. */
  turn(id: NodeId, ...events: readonly RaftEvent[]): RaftOutput {
    const node = this.node(id)
    for (const event of events) node.core.step(event)
    const output = node.core.take()
    this.#check(node, output)
    for (const { to, message } of output.send) this.network.push({ from: id, to, message })
    if (output.append !== null) node.writing.push(output.append)
    if (output.restore !== null) node.applying.push({ restore: output.restore })
    if (output.apply.length > 0) node.applying.push({ apply: output.apply })
    if (output.compactThrough !== null) node.disk.compactThrough(output.compactThrough)
    node.chores.push(...output.snapshots)
    node.settled.push(...output.settled)
    node.reads.push(...output.reads)
    this.observe({ node, events, output })
    return output
  }

  /** The clock of one server is now this. */
  tickAt(id: NodeId, nowMs: number): void {
    const node = this.node(id)
    node.nowMs = Math.max(node.nowMs, nowMs)
    this.turn(id, { kind: 'tick', nowMs: node.nowMs })
  }

  /** Time passes for one server, in steps that no process would take for a stall. */
  tick(id: NodeId, durationMs: number): void {
    const node = this.node(id)
    const stepMs = this.config(id).heartbeatMs / 2
    for (let leftMs = durationMs; leftMs > 0; leftMs -= stepMs) {
      node.nowMs += Math.min(stepMs, leftMs)
      this.turn(id, { kind: 'tick', nowMs: node.nowMs })
    }
  }

  /** Time passes for everybody, and everything that can happen meanwhile does. */
  run(durationMs: number): void {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 50) {
      for (const { id } of this.up()) this.tick(id, 50)
      this.settle()
    }
  }

  /** Makes the oldest batch durable. Returns whether there was one. */
  write(id: NodeId): boolean {
    const node = this.node(id)
    const batch = node.writing.shift()
    if (batch === undefined) return false
    node.disk.write(batch)
    this.turn(id, { kind: 'appendDone', seq: batch.seq })
    return true
  }

  /** Applies the oldest slice. */
  apply(id: NodeId): boolean {
    const node = this.node(id)
    const work = node.applying.shift()
    if (work === undefined) return false
    if ('restore' in work) {
      const file = must(node.files.get(work.restore.index), 'it was received before')
      node.state = stateIn(file)
    } else {
      for (const entry of work.apply) node.state = this.#applied(node, entry)
    }
    this.turn(id, { kind: 'applyDone', index: node.state.index })
    return true
  }

  /** Reads or writes a piece of a snapshot. */
  chore(id: NodeId): boolean {
    const node = this.node(id)
    const order = node.chores.shift()
    if (order === undefined) return false
    const chunkBytes = this.#options.chunkBytes ?? 1 << 20
    if (order.kind === 'stream') {
      const { to, offsetBytes } = order
      const newest = Math.max(...node.files.keys())
      const file = node.files.get(order.snapshot?.index ?? newest)
      if (file === undefined) this.turn(id, { kind: 'streamFailed', to })
      else {
        const data = file.data.subarray(offsetBytes, offsetBytes + chunkBytes)
        const last = offsetBytes + chunkBytes >= file.data.byteLength
        const chunk = { snapshot: file.meta, offsetBytes, data, last }
        this.turn(id, { kind: 'chunkRead', to, chunk })
      }
      return true
    }
    const { from, chunk } = order
    if (node.incoming?.meta.index !== chunk.snapshot.index)
      node.incoming = { meta: chunk.snapshot, data: new Uint8Array() }
    const held = node.incoming.data
    const isNext = chunk.offsetBytes === held.byteLength
    if (isNext) node.incoming.data = Uint8Array.from([...held, ...chunk.data])
    if (isNext && chunk.last) {
      node.files.set(chunk.snapshot.index, node.incoming)
      node.incoming = null
      this.turn(id, { kind: 'snapshotReceived', from, snapshot: chunk.snapshot })
    } else {
      const nextOffsetBytes = node.incoming.data.byteLength
      this.turn(id, { kind: 'chunkStored', from, snapshot: chunk.snapshot, nextOffsetBytes })
    }
    return true
  }

  /** The state machine's snapshot, durable and reported. */
  saveSnapshot(id: NodeId): SnapshotMeta {
    const node = this.node(id)
    const meta = node.core.snapshotMeta(node.state.index)
    const data = new TextEncoder().encode(JSON.stringify(node.state))
    node.files.set(meta.index, { meta, data })
    this.turn(id, { kind: 'snapshotSaved', snapshot: meta })
    return meta
  }

  deliver(envelope: Envelope): void {
    this.network = this.network.filter((other) => other !== envelope)
    const node = this.nodes.get(envelope.to)
    if (node === undefined || !node.isUp) return
    this.turn(envelope.to, { kind: 'message', from: envelope.from, message: envelope.message })
  }

  drop(matches: (envelope: Envelope) => boolean): void {
    this.network = this.network.filter((envelope) => !matches(envelope))
  }

  /** Everything that needs no time: writes, applies, deliveries, until nothing is left of those that `passes` lets through. */
  settle(passes: (envelope: Envelope) => boolean = () => true): void {
    for (let round = 0; round < 100_000; round += 1) {
      let isBusy = false
      for (const { id } of this.up())
        isBusy = this.write(id) || this.apply(id) || this.chore(id) || isBusy
      const next = this.network.find((envelope) => this.#connected(envelope) && passes(envelope))
      if (next !== undefined) this.deliver(next)
      else if (!isBusy) return
    }
    assert(false, 'the cluster never comes to rest')
  }

  /** What was not durable is gone. */
  crash(id: NodeId): void {
    const node = this.node(id)
    node.isUp = false
    node.writing = []
    node.applying = []
    node.chores = []
    node.incoming = null
  }

  restart(id: NodeId): void {
    const node = this.node(id)
    const { snapshot } = node.disk
    const file = snapshot === null ? undefined : must(node.files.get(snapshot.index), 'its file')
    node.state = file === undefined ? emptyState : stateIn(file)
    node.core = this.#core(id, node.disk)
    node.isUp = true
  }

  /** Cut links, from and to. Messages on them are lost when they would be delivered. */
  readonly cut = new Set<string>()

  isolate(id: NodeId): void {
    for (const other of this.nodes.keys()) {
      this.cut.add(`${id}>${other}`)
      this.cut.add(`${other}>${id}`)
    }
  }

  heal(): void {
    this.cut.clear()
  }

  config(id: NodeId): RaftConfig {
    const share = ((Number(id) || 0) % 10) / 10
    // Commits are told at once, so that a script shows what follows from what.
    return {
      ...defaultRaftConfig,
      commitNoticeMs: 0,
      id,
      rng: () => share,
      ...this.#options.config,
    }
  }

  #connected({ from, to }: Envelope): boolean {
    if (!this.cut.has(`${from}>${to}`)) return true
    this.drop((envelope) => envelope.from === from && envelope.to === to)
    return false
  }

  #core(id: NodeId, disk: MemoryDisk): RaftCore {
    return new RaftCore(this.config(id), disk.recover())
  }

  #applied(node: ClusterNode, entry: Entry): AppliedState {
    assert(entry.index === node.state.index + 1, `${node.id} applies ${entry.index} out of turn`)
    const identity = `${entry.term}:${Buffer.from(entry.payload).toString('base64')}`
    const known = this.#committed.get(entry.index)
    assert(
      known === undefined || known === identity,
      `two entries were committed at ${entry.index}`,
    )
    this.#committed.set(entry.index, identity)
    return { index: entry.index, digest: digest(`${node.state.digest}/${identity}`) }
  }

  #check(node: ClusterNode, output: RaftOutput): void {
    const { role, term, commitIndex, lastIndex, appliedIndex } = node.core.status()
    assert(appliedIndex <= commitIndex && commitIndex <= lastIndex, 'applied <= committed <= last')
    if (role === 'leader') {
      const known = this.#leaders.get(term)
      assert(known === undefined || known === node.id, `${known} and ${node.id} lead term ${term}`)
      this.#leaders.set(term, node.id)
    }
    for (const { message } of output.send) assert(message.term >= 1, 'a message has a term')
  }
}

export interface ClusterOptions {
  readonly membership: Membership
  /** Servers to begin with; the membership's when left out. */
  readonly members?: readonly NodeId[]
  readonly config?: Partial<RaftConfig>
  /** Entries after the first, by server. */
  readonly logs?: Readonly<Record<NodeId, readonly Entry[]>>
  /** The term everybody knows of, when it is later than their logs'. */
  readonly term?: number
  readonly chunkBytes?: number
}

export interface ClusterNode {
  readonly id: NodeId
  readonly disk: MemoryDisk
  core: RaftCore
  nowMs: number
  isUp: boolean
  writing: AppendBatch[]
  applying: ({ readonly restore: SnapshotMeta } | { readonly apply: readonly Entry[] })[]
  chores: RaftOutput['snapshots'][number][]
  state: AppliedState
  /** By index: those under their final name, complete. */
  readonly files: Map<number, SnapshotFile>
  incoming: SnapshotFile | null
  settled: RaftOutput['settled'][number][]
  reads: RaftOutput['reads'][number][]
}

export interface AppliedState {
  readonly index: number
  readonly digest: string
}

const emptyState: AppliedState = { index: 0, digest: '' }

function stateIn(file: SnapshotFile): AppliedState {
  return JSON.parse(new TextDecoder().decode(file.data)) as AppliedState
}

export interface SnapshotFile {
  readonly meta: SnapshotMeta
  data: Uint8Array
}

export interface Envelope {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: RaftMessage
}

export interface Observation {
  readonly node: ClusterNode
  readonly events: readonly RaftEvent[]
  readonly output: RaftOutput
}

export function members(voters: readonly NodeId[], learners: readonly NodeId[] = []): Membership {
  const addresses = Object.fromEntries([...voters, ...learners].map((id) => [id, `${id}:8300`]))
  return { ...emptyMembership, voters, learners, addresses }
}

/** Entries after the cluster's first, one per term given: `entriesOf([1, 1, 2])` are 2@1, 3@1, 4@2. */
export function entriesOf(terms: readonly number[]): Entry[] {
  return terms.map((term, at) => ({
    index: at + 2,
    term,
    kind: 'command',
    payload: new TextEncoder().encode(`${at + 2}@${term}`),
  }))
}

function membersIn({ voters, outgoing, learners, learnersNext }: Membership): NodeId[] {
  return [...new Set([...voters, ...outgoing, ...learners, ...learnersNext])]
}

/** FNV-1a: equal histories are equal, and unequal ones are not by accident of a test's size. */
function digest(text: string): string {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return (hash >>> 0).toString(16)
}
