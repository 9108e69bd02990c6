import { assert } from '../model/assert.ts'
import { notLeader, PraetorError } from '../model/errors.ts'
import { Applier, withoutShift } from './applier.ts'
import { Carrier } from './carrier.ts'
import { defaultRaftConfig, type RaftConfig } from './core/config.ts'
import type { RaftMessage } from './core/messages.ts'
import type { MembershipChange, RaftEvent, Ticket } from './core/output.ts'
import { RaftCore } from './core/raft.ts'
import type { FollowerStatus } from './core/raft.ts'
import { promised } from './future.ts'
import { entryOverheadBytes } from './inbox.ts'
import { Leading } from './leading.ts'
import type { RaftOptions, StateArchive, TakenSnapshot } from './options.ts'
import { leadershipLost, noDiskSpace, proposalBounds, Proposals, shutDown } from './proposals.ts'
import { Reads } from './reads.ts'
import { recover } from './recovered.ts'
import { abandonment, restorationMark, restorationPayloads } from './restoration.ts'
import { SnapshotKeeper, snapshotRhythm } from './snapshot-keeper.ts'
import { describeRaft, type RaftStats } from './stats.ts'
import { Turns } from './turns.ts'
import { origin, type EntryId, type Index, type Membership, type NodeId } from './types.ts'

/**
 * Opens consensus: restores the newest snapshot, and answers when the server takes part. `logStore` and `snapshots` must
 * belong together.
 */
export async function createRaft<Result>(options: RaftOptions<Result>): Promise<Raft<Result>> {
  const raft = new Raft(options)
  try {
    await raft.start()
    return raft
  } catch (error) {
    await raft[Symbol.asyncDispose]()
    throw error
  }
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
  readonly #applier: Applier<Result>
  readonly #keeper: SnapshotKeeper<Result>
  readonly #leading: Leading
  readonly #turns: Turns
  readonly #carrier: Carrier<Result>
  #lastTicket: Ticket = 0
  #stopped = false
  /** Proposals wait for the archive that is going through the log. */
  #restoring = false

  constructor(options: RaftOptions<Result>) {
    const { clock, chance, log, metrics, snapshots, stateMachine, trace } = options
    this.#options = options
    this.#config = {
      ...defaultRaftConfig,
      ...options.config,
      id: options.id,
      rng: () => chance.fraction(),
    }
    this.#leading = new Leading(log, metrics)
    this.#turns = new Turns({
      config: this.#config,
      clock,
      metrics,
      trace,
      feed: (tell, bytesMax) => this.#feed(tell, bytesMax),
      carryOut: (output) => this.#carrier.carryOut(output),
      fail: (error) => this.#fail(error),
    })
    this.#proposals = new Proposals(options.proposalBounds ?? proposalBounds)
    this.#applier = new Applier({
      stateMachine,
      proposals: this.#proposals,
      clock,
      metrics,
      onApplied: (index) => this.#turns.noteApplied(index),
      onMore: () => this.#turns.schedule(),
      fatal: (error) => this.#fail(error),
    })
    this.#keeper = new SnapshotKeeper({
      applier: this.#applier,
      store: snapshots,
      rhythm: options.rhythm ?? snapshotRhythm,
      metaAt: (index) => this.#turns.core.snapshotMeta(index),
      emit: (event) => this.#turns.emit(event),
      clock,
      log,
      metrics,
    })
    this.#carrier = new Carrier({
      ...options,
      applier: this.#applier,
      keeper: this.#keeper,
      proposals: this.#proposals,
      reads: this.#reads,
      leading: this.#leading,
      emit: (event) => this.#turns.emit(event),
    })
  }

  async start(): Promise<void> {
    const recovered = await recover(this.#options, this.#options)
    const { snapshot } = recovered
    if (snapshot !== null)
      await this.#applier.restore(this.#options.snapshots.read(snapshot), snapshot)
    const core = new RaftCore(this.#config, recovered)
    this.#options.trace?.({ kind: 'start', recovered })
    this.#turns.begin(core)
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
      (this.#options.logStore.hasRoom() ? undefined : noDiskSpace(this.membership())) ??
      this.#proposals.refusal(payload)
    if (refusal !== undefined) return Promise.reject(refusal)
    return promised(signal, ({ resolve, reject }) => {
      const proposedAtMs = this.#options.clock.monotonicMs()
      this.#proposals.add({ payload, proposedAtMs, resolve, reject })
      this.#turns.schedule()
    })
  }

  /** Resolves once this state holds all that was committed anywhere when it was asked, with the state's index then. */
  readIndex(signal?: AbortSignal): Promise<Index> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return promised(signal, (waiter) => {
      this.#reads.add(waiter)
      this.#turns.schedule()
    })
  }

  /**
   * No other server can lead now, and this state holds everything that anyone was told is done: a leader tells only what it has
   * applied, and has applied what its predecessors told. So it may be read without asking.
   */
  leaseValid(): boolean {
    if (!this.#leading.isLeading || !this.#turns.clocksAgree) return false
    const lease = this.#turns.core.lease()
    return lease !== null && this.#options.clock.monotonicMs() < lease.untilMs
  }

  leader(): NodeId | undefined {
    return this.#leading.role.leader ?? undefined
  }

  /** Whether this server leads and has applied an entry of its own term. */
  isLeader(): boolean {
    return this.#leading.isLeading
  }

  /** Whether this server leads, or will in a moment: when it has applied an entry of its own term. */
  isElected(): boolean {
    return this.#leading.role.role === 'leader'
  }

  /** Called when it becomes known who leads. This server may be elected then, and not lead yet. */
  onLeader(callback: () => void): Disposable {
    return this.#leading.watch(callback)
  }

  /** Called with true once this server leads and its state is up to date, and with false when it no longer leads. */
  onLeadership(callback: (leading: boolean) => void): Disposable {
    return this.#leading.subscribe(callback)
  }

  /** Since the leader was last heard: 0 on the leader, Infinity where none ever was. */
  lastContactMs(): number {
    if (this.#leading.role.role === 'leader') return 0
    return this.#options.clock.monotonicMs() - this.#turns.core.status().contactMs
  }

  /** The state's index: that of the last entry applied, as its rows carry it. */
  appliedIndex(): Index {
    return this.#applier.appliedIndex + this.#applier.shift
  }

  /** What the leader knows of the others; nothing on another server. */
  followers(): readonly FollowerStatus[] {
    return this.#turns.core.followers()
  }

  /** The newest entry of this server's own log. */
  lastEntry(): EntryId {
    const { lastIndex: index, lastTerm: term } = this.#turns.core.status()
    return { index, term }
  }

  membership(): Membership {
    return this.#turns.core.status().membership
  }

  stats(): RaftStats {
    return describeRaft({
      status: this.#turns.core.status(),
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
    const read = (): AsyncIterable<Uint8Array> => withoutShift(this.#options.snapshots.read(meta))
    return { meta, index: meta.index + shift, read }
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
    } catch (error) {
      // What is in the log of it must not wait for a rest that will not come.
      await this.#proposeAhead(abandonment()).catch(() => {})
      throw error
    } finally {
      this.#restoring = false
      this.#turns.schedule()
    }
  }

  /** Resolves once the change is committed, and its joint configuration left. */
  changeMembership(changes: readonly MembershipChange[], signal?: AbortSignal): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return promised(signal, (waiter) => {
      const ticket = this.#nextTicket()
      this.#carrier.awaitChange(ticket, waiter)
      this.#turns.emit({ kind: 'proposeMembership', ticket, changes })
    })
  }

  /** Asks `to`, or the most up-to-date voter, to lead. Whether it will is seen by `onLeadership`. */
  transferLeadership(to: NodeId | null): void {
    this.#turns.emit({ kind: 'transfer', to })
  }

  /** What another server sent. */
  receive(from: NodeId, message: RaftMessage): void {
    // What is left of a full disk is for terms and votes. The leader takes the entries for lost, and sends them again.
    const hasEntries = message.kind === 'append' && message.entries.length > 0
    if (hasEntries && !this.#options.logStore.hasRoom()) return
    this.#turns.receive(from, message)
  }

  /** The connection to that server refused what was sent. */
  unreachable(to: NodeId): void {
    this.#turns.emit({ kind: 'unreachable', to })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    await this.#keeper[Symbol.asyncDispose]()
    await this.#applier[Symbol.asyncDispose]()
    await this.#options.logStore[Symbol.asyncDispose]()
  }

  #nextTicket(): Ticket {
    this.#lastTicket += 1
    return this.#lastTicket
  }

  /** Why nothing can be proposed or read through this server now, or undefined. */
  #refusal(): PraetorError | undefined {
    if (this.#stopped) return shutDown()
    if (this.#leading.role.role !== 'leader') return notLeader()
    return undefined
  }

  #proposeAhead(payload: Uint8Array): Promise<Result> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const ticket = this.#nextTicket()
      const proposedAtMs = this.#options.clock.monotonicMs()
      this.#proposals.issueAhead(ticket, { payload, proposedAtMs, resolve, reject })
      this.#turns.emit({ kind: 'propose', ticket, payload })
    })
  }

  /** What clients ask for: one read for all who read, and proposals. */
  #feed(tell: (event: RaftEvent) => void, bytesMax: number): boolean {
    const { metrics } = this.#options
    if (this.#reads.gathered > 0) {
      const ticket = this.#nextTicket()
      this.#reads.issue(ticket)
      tell({ kind: 'readIndex', ticket })
      metrics.count('raft.verify_leader')
    }
    if (this.#restoring) return false
    const { waiting } = this.#proposals
    let leftBytes = bytesMax
    while (this.#proposals.waiting > 0 && leftBytes > 0) {
      const ticket = this.#nextTicket()
      const payload = this.#proposals.issue(ticket)
      leftBytes -= payload.length + entryOverheadBytes
      tell({ kind: 'propose', ticket, payload })
    }
    const proposed = waiting - this.#proposals.waiting
    if (proposed > 0) metrics.count('raft.apply', proposed)
    return this.#proposals.waiting > 0
  }

  #fail(error: Error): void {
    if (this.#stopped) return
    this.#stop()
    this.#options.fatal(error)
  }

  #stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#turns.stop()
    this.#proposals.rejectAll()
    this.#reads.rejectAll(shutDown())
    this.#carrier.stop(leadershipLost())
    this.#leading.end()
  }
}
