import { assert, must } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { Chance } from '../runtime/chance.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { Applier, withoutShift } from './applier.ts'
import { defaultRaftConfig, type RaftConfig } from './core/config.ts'
import { decodeMembership, firstEntry } from './core/membership.ts'
import type { Outbound, RaftMessage } from './core/messages.ts'
import type {
  AppendBatch,
  MembershipChange,
  RaftEvent,
  RaftOutput,
  Settlement,
  Ticket,
  RoleChange,
} from './core/output.ts'
import { RaftCore } from './core/raft.ts'
import {
  noDiskSpace,
  notLeader,
  proposalBounds,
  Proposals,
  shutDown,
  whyNot,
  type ProposalBounds,
} from './proposals.ts'
import { Reads, type Waiter } from './reads.ts'
import { restorationMark, restorationPayloads } from './restoration.ts'
import { SnapshotKeeper, snapshotRhythm, type SnapshotRhythm } from './snapshot-keeper.ts'
import type { StateMachine } from './state-machine.ts'
import { describeRaft, type RaftStats } from './stats.ts'
import type { LogStore, SnapshotStore } from './storage/port.ts'
import {
  origin,
  type Entry,
  type HardState,
  type Index,
  type Membership,
  type NodeId,
  type Recovered,
  type SnapshotMeta,
} from './types.ts'

export interface RaftOptions<Result> {
  readonly id: NodeId
  /** Differences from the usual timings and bounds. */
  readonly config?: Partial<Omit<RaftConfig, 'id' | 'rng'>>
  /** Who takes part in a cluster that begins now; looked at only where there is no log yet. */
  readonly bootstrap?: Membership
  /** Both are the driver's from now on: it closes the log store. */
  readonly logStore: LogStore
  readonly snapshots: SnapshotStore
  readonly stateMachine: StateMachine<Result>
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly metrics: Metrics
  /**
   * The process can not go on: an invariant is broken or the disk failed. Ends it, so that it acknowledges nothing more. If it
   * returns (in a test) the driver is as good as dead: it refuses everything.
   */
  readonly fatal: (error: Error) => void
  /** Sends to other servers, in order for each; may lose. Without it there are none. */
  readonly send?: (messages: readonly Outbound[]) => void
  /** The members changed: whom to keep connections to. */
  readonly onMembership?: (membership: Membership) => void
  readonly rhythm?: SnapshotRhythm
  readonly proposalBounds?: ProposalBounds
}

/** A state to be restored, or as it was taken: `index` is the state's index at that moment. */
export interface StateArchive {
  readonly index: Index
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface TakenSnapshot extends StateArchive {
  readonly meta: SnapshotMeta
}

/** Payload bytes stepped in one turn: what a batch for the disk holds at most, but for its last entry. */
const turnBytesMax = 2 << 20

/** Messages from other servers that wait for a turn; beyond it they are lost, which the core expects of a network. */
const messagesMax = 16_384

/**
 * Opens consensus: restores the newest snapshot, and answers when the server takes part. `logStore` and `snapshots` must
 * belong together.
 */
export async function createRaft<Result>(options: RaftOptions<Result>): Promise<Raft<Result>> {
  const raft = new Raft(options)
  await raft.start()
  return raft
}

/**
 * Carries events to the core, and its outputs to disk, network and state machine in the order that core/output.ts asks for.
 * All of a turn of the event loop is one step: many proposals become one write, one sync and one message to each peer, with
 * nobody waiting for a timer.
 */
export class Raft<Result> implements AsyncDisposable {
  readonly #options: RaftOptions<Result>
  readonly #config: RaftConfig
  readonly #proposals: Proposals<Result>
  readonly #reads = new Reads()
  readonly #changing = new Map<Ticket, Waiter<void>>()
  readonly #applier: Applier<Result>
  readonly #keeper: SnapshotKeeper<Result>
  #core: RaftCore | null = null

  #events: RaftEvent[] = []
  #lastTicket: Ticket = 0
  #scheduled = false
  #stopped = false
  #ticking: Timer | null = null
  /** Proposals wait for the archive that is going through the log. */
  #restoring = false

  #role: RoleChange = { role: 'follower', term: 0, leader: null }
  /** This server leads, and its state holds everything that was committed before it did. */
  #leading = false
  readonly #onLeadership = new Set<(leading: boolean) => void>()

  constructor(options: RaftOptions<Result>) {
    const { clock, chance, log, metrics, snapshots, stateMachine } = options
    this.#options = options
    this.#config = {
      ...defaultRaftConfig,
      ...options.config,
      id: options.id,
      rng: () => chance.fraction(),
    }
    this.#proposals = new Proposals(options.proposalBounds ?? proposalBounds)
    this.#applier = new Applier({
      stateMachine,
      proposals: this.#proposals,
      clock,
      metrics,
      onApplied: (index) => this.#noteApplied(index),
      onMore: () => this.#schedule(),
      fatal: (error) => this.#fail(error),
    })
    this.#keeper = new SnapshotKeeper({
      applier: this.#applier,
      store: snapshots,
      rhythm: options.rhythm ?? snapshotRhythm,
      metaAt: (index) => this.#running().snapshotMeta(index),
      emit: (event) => this.#emit(event),
      clock,
      log,
      metrics,
    })
  }

  async start(): Promise<void> {
    const recovered = await recover(this.#options)
    const { snapshot } = recovered
    if (snapshot !== null)
      await this.#applier.restore(this.#options.snapshots.read(snapshot), snapshot)
    this.#core = new RaftCore(this.#config, recovered)
    this.#tick()
  }

  /**
   * Resolves with what the state machine gave for this entry, once it is durable on a majority and applied here. Rejects with a
   * PraetorError: not the leader, too large, queue full, disk full, shutting down (nothing was done), or leadership lost (it
   * may yet be done). The payload must not be changed afterwards and must not begin with `restorationMark`. An abort stops the
   * waiting, not the proposal.
   */
  propose(payload: Uint8Array, signal?: AbortSignal): Promise<Result> {
    assert(payload[0] !== restorationMark, 'a command may not begin with the byte 0xC1')
    const refusal =
      this.#refusal() ??
      (this.#options.logStore.hasRoom() ? undefined : noDiskSpace()) ??
      this.#proposals.refusal(payload)
    if (refusal !== undefined) return Promise.reject(refusal)
    return promised(signal, ({ resolve, reject }) => {
      const proposedAtMs = this.#options.clock.monotonicMs()
      this.#proposals.add({ payload, proposedAtMs, resolve, reject })
      this.#schedule()
    })
  }

  /** Resolves once this state holds all that was committed anywhere when it was asked, with the state's index then. */
  readIndex(signal?: AbortSignal): Promise<Index> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return promised(signal, (waiter) => {
      this.#reads.add(waiter)
      this.#schedule()
    })
  }

  /**
   * No other server can lead now, and this state holds everything that anyone was told is done: a leader tells only what it has
   * applied, and has applied what its predecessors told. So it may be read without asking.
   */
  leaseValid(): boolean {
    if (!this.#leading) return false
    const lease = this.#running().lease()
    return lease !== null && this.#options.clock.monotonicMs() < lease.untilMs
  }

  leader(): NodeId | undefined {
    return this.#role.leader ?? undefined
  }

  /** Whether this server leads and has applied an entry of its own term. */
  isLeader(): boolean {
    return this.#leading
  }

  /** Called with true once this server leads and its state is up to date, and with false when it no longer leads. */
  onLeadership(callback: (leading: boolean) => void): Disposable {
    this.#onLeadership.add(callback)
    if (this.#leading) callback(true)
    return { [Symbol.dispose]: () => this.#onLeadership.delete(callback) }
  }

  /** Since the leader was last heard: 0 on the leader, Infinity where none ever was. */
  lastContactMs(): number {
    if (this.#role.role === 'leader') return 0
    return this.#options.clock.monotonicMs() - this.#running().status().contactMs
  }

  /** The state's index: that of the last entry applied, as its rows carry it. */
  appliedIndex(): Index {
    return this.#applier.appliedIndex + this.#applier.shift
  }

  membership(): Membership {
    return this.#running().status().membership
  }

  stats(): RaftStats {
    return describeRaft({
      status: this.#running().status(),
      applied: this.#applier.appliedIndex,
      pending: this.#applier.pending,
      lastContactMs: this.lastContactMs(),
      lastSnapshot: this.#options.snapshots.list()[0]?.meta ?? origin,
      shift: this.#applier.shift,
    })
  }

  /** Takes a snapshot of the state as it is now. Its chunks are those the state machine gave, to be read before the next but one. */
  async snapshot(): Promise<TakenSnapshot> {
    if (this.#stopped) throw shutDown()
    const { shift } = this.#applier
    const { meta } = await this.#keeper.take()
    const chunks = withoutShift(this.#options.snapshots.read(meta))
    return { meta, index: meta.index + shift, chunks }
  }

  /**
   * Replaces the state by that of an archive, on every server, at one place of the log. What is proposed meanwhile waits and
   * comes after. The state's index continues above both the archive's and its own.
   */
  async restore(archive: StateArchive, signal?: AbortSignal): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    if (this.#restoring) throw new PraetorError('conflict', 'a snapshot is being restored')
    this.#restoring = true
    try {
      for await (const payload of restorationPayloads(archive.index, archive.chunks)) {
        signal?.throwIfAborted()
        await this.#proposeAhead(payload)
      }
    } finally {
      this.#restoring = false
      this.#schedule()
    }
  }

  /** Resolves once the change is committed, and its joint configuration left. */
  changeMembership(changes: readonly MembershipChange[], signal?: AbortSignal): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return promised(signal, (waiter) => {
      const ticket = this.#nextTicket()
      this.#changing.set(ticket, waiter)
      this.#emit({ kind: 'proposeMembership', ticket, changes })
    })
  }

  /** Asks `to`, or the most up-to-date voter, to lead. Whether it will is seen by `onLeadership`. */
  transferLeadership(to: NodeId | null): void {
    this.#emit({ kind: 'transfer', to })
  }

  /** What another server sent. */
  receive(from: NodeId, message: RaftMessage): void {
    if (this.#events.length >= messagesMax) return
    this.#emit({ kind: 'message', from, message })
  }

  /** The connection to that server refused what was sent. */
  unreachable(to: NodeId): void {
    this.#emit({ kind: 'unreachable', to })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    await this.#keeper[Symbol.asyncDispose]()
    await this.#applier[Symbol.asyncDispose]()
    await this.#options.logStore[Symbol.asyncDispose]()
  }

  #running(): RaftCore {
    return must(this.#core, 'raft is started before it is asked')
  }

  #nextTicket(): Ticket {
    this.#lastTicket += 1
    return this.#lastTicket
  }

  /** Why nothing can be proposed or read through this server now, or undefined. */
  #refusal(): PraetorError | undefined {
    if (this.#stopped) return shutDown()
    if (this.#role.role !== 'leader') return notLeader()
    return undefined
  }

  #proposeAhead(payload: Uint8Array): Promise<Result> {
    return new Promise((resolve, reject) => {
      const ticket = this.#nextTicket()
      const proposedAtMs = this.#options.clock.monotonicMs()
      this.#proposals.issueAhead(ticket, { payload, proposedAtMs, resolve, reject })
      this.#emit({ kind: 'propose', ticket, payload })
    })
  }

  /** Told to the core at once and not next turn, so that it can always say what a snapshot of the present state is. */
  #noteApplied(index: Index): void {
    if (this.#stopped) return
    this.#running().step({ kind: 'applyDone', index })
    this.#schedule()
  }

  #emit(event: RaftEvent): void {
    if (this.#stopped) return
    this.#events.push(event)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped || this.#core === null) return
    this.#scheduled = true
    setImmediate(this.#turn)
  }

  #tick(): void {
    if (this.#stopped) return
    this.#schedule()
    this.#ticking = this.#options.clock.after(this.#config.heartbeatMs / 2, () => this.#tick())
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    if (this.#stopped) return
    try {
      this.#step(this.#running())
      this.#carryOut(this.#running().take())
      this.#applier.run()
      this.#noteLeading()
      this.#keeper.takeIfDue()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #step(core: RaftCore): void {
    core.step({ kind: 'tick', nowMs: this.#options.clock.monotonicMs() })
    const events = this.#events
    this.#events = []
    for (const event of events) core.step(event)
    if (this.#reads.gathered > 0) {
      const ticket = this.#nextTicket()
      this.#reads.issue(ticket)
      core.step({ kind: 'readIndex', ticket })
    }
    let stepped = 0
    while (!this.#restoring && this.#proposals.waiting > 0 && stepped < turnBytesMax) {
      const ticket = this.#nextTicket()
      const payload = this.#proposals.issue(ticket)
      stepped += payload.length
      core.step({ kind: 'propose', ticket, payload })
    }
    if (!this.#restoring && this.#proposals.waiting > 0) this.#schedule()
  }

  #carryOut(output: RaftOutput): void {
    const { logStore, onMembership, send, snapshots } = this.#options
    if (output.role !== null) this.#role = output.role
    if (output.send.length > 0) send?.(output.send)
    if (output.append !== null) this.#append(output.append)
    if (output.membership !== null) onMembership?.(output.membership)
    for (const settlement of output.settled) this.#settle(settlement)
    for (const read of output.reads) this.#reads.settle(read, this.#applier.shift)
    if (output.restore !== null)
      this.#applier.replace(snapshots.read(output.restore), output.restore)
    if (output.apply.length > 0) this.#apply(output.apply)
    for (const order of output.snapshots) this.#keeper.carryOut(order)
    if (output.compactThrough !== null) logStore.compact(output.compactThrough)
  }

  #append(batch: AppendBatch): void {
    const { clock, logStore, metrics } = this.#options
    const startMs = clock.monotonicMs()
    logStore.append(batch, () => {
      if (this.#stopped) return
      metrics.sample('raft.leader.dispatchLog', clock.monotonicMs() - startMs)
      metrics.sample('raft.leader.dispatchNumLogs', batch.entries.length)
      if (batch.snapshot !== null) this.#keeper.retain(batch.snapshot)
      this.#emit({ kind: 'appendDone', seq: batch.seq })
    })
  }

  #apply(entries: readonly Entry[]): void {
    let bytes = 0
    for (const entry of entries) bytes += entry.payload.length
    this.#options.metrics.sample('raft.commitNumLogs', entries.length)
    this.#applier.enqueue(entries)
    this.#keeper.noteEntries(entries.length, bytes)
  }

  #settle(settlement: Settlement): void {
    const waiter = this.#changing.get(settlement.ticket)
    if (waiter === undefined) return this.#proposals.settle(settlement)
    this.#changing.delete(settlement.ticket)
    if (settlement.outcome === 'committed') waiter.resolve()
    else waiter.reject(whyNot(settlement))
  }

  /** A leader's first entry is of its own term; what it applied before that may be old. */
  #noteLeading(): void {
    const leads = this.#role.role === 'leader'
    const leading = leads && (this.#leading || this.#applier.appliedTerm === this.#role.term)
    if (leading === this.#leading) return
    this.#leading = leading
    this.#options.log.info(
      { term: this.#role.term },
      leading ? 'cluster leadership acquired' : 'cluster leadership lost',
    )
    for (const callback of this.#onLeadership) callback(leading)
  }

  #fail(error: Error): void {
    if (this.#stopped) return
    this.#stop()
    this.#options.fatal(error)
  }

  #stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#ticking?.cancel()
    this.#events = []
    this.#proposals.rejectAll(shutDown())
    this.#reads.rejectAll(shutDown())
    for (const { reject } of this.#changing.values()) reject(shutDown())
    this.#changing.clear()
    this.#role = { ...this.#role, role: 'follower', leader: null }
    this.#noteLeading()
  }
}

/** What the core begins with. A new cluster's first entry is made durable before anyone builds on it. */
async function recover({
  bootstrap,
  logStore,
  snapshots,
}: Pick<RaftOptions<never>, 'bootstrap' | 'logStore' | 'snapshots'>): Promise<Recovered> {
  const { hardState, memberships, snapshot } = logStore.recovered
  const isNew = logStore.lastIndex() === 0 && hardState.term === 0
  if (isNew && bootstrap !== undefined) {
    const entry = firstEntry(bootstrap)
    const begun: HardState = { term: entry.term, vote: null, commit: 0 }
    await new Promise<void>((resolve) => {
      logStore.append(
        { seq: 0, hardState: begun, truncateFrom: null, snapshot: null, entries: [entry] },
        resolve,
      )
    })
    return {
      hardState: begun,
      snapshot,
      memberships: [{ index: entry.index, membership: bootstrap }],
      log: logStore,
    }
  }
  assert(
    snapshot === null || snapshots.list().some(({ meta }) => meta.index === snapshot.index),
    `the log begins after snapshot ${snapshot?.term}-${snapshot?.index}, which is missing`,
  )
  return {
    hardState,
    snapshot,
    memberships: memberships.map(({ index, payload }) => ({
      index,
      membership: decodeMembership(payload),
    })),
    log: logStore,
  }
}

/** A promise whose waiting ends with the signal. Without one it costs no more than a promise. */
function promised<Value>(
  signal: AbortSignal | undefined,
  begin: (waiter: Waiter<Value>) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal === undefined) return begin({ resolve, reject })
    if (signal.aborted) return reject(signal.reason as Error)
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    const settled = (): void => signal.removeEventListener('abort', abort)
    begin({
      resolve(value) {
        settled()
        resolve(value)
      },
      reject(error) {
        settled()
        reject(error)
      },
    })
  })
}
