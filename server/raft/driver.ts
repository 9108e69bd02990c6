import { assert, must } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { Timer } from '../runtime/clock.ts'
import { Applier, withoutShift } from './applier.ts'
import { ClockWatch } from './clock-watch.ts'
import { defaultRaftConfig, type RaftConfig } from './core/config.ts'
import type { RaftMessage } from './core/messages.ts'
import type {
  AppendBatch,
  MembershipChange,
  RaftEvent,
  RaftOutput,
  Settlement,
  Ticket,
} from './core/output.ts'
import { RaftCore } from './core/raft.ts'
import { promised, type Waiter } from './future.ts'
import { entryOverheadBytes, Inbox } from './inbox.ts'
import { Leading } from './leading.ts'
import type { RaftOptions, StateArchive, TakenSnapshot } from './options.ts'
import { noDiskSpace, notLeader, proposalBounds, Proposals, shutDown, whyNot } from './proposals.ts'
import { Reads } from './reads.ts'
import { recover } from './recovered.ts'
import { abandonment, restorationMark, restorationPayloads } from './restoration.ts'
import { SnapshotKeeper, snapshotRhythm } from './snapshot-keeper.ts'
import { describeRaft, type RaftStats } from './stats.ts'
import { origin, type Entry, type Index, type Membership, type NodeId } from './types.ts'

/** Bytes of entries stepped in one turn, but for the last event: a batch for the disk is never much larger. */
const turnBytesMax = 2 << 20

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
  readonly #changing = new Map<Ticket, Waiter<void>>()
  readonly #applier: Applier<Result>
  readonly #keeper: SnapshotKeeper<Result>
  readonly #leading: Leading
  readonly #watch: ClockWatch
  #core: RaftCore | null = null

  readonly #inbox = new Inbox()
  /** What the core was told since the last turn; kept only if somebody traces. */
  #stepped: RaftEvent[] = []
  #lastTicket: Ticket = 0
  #scheduled = false
  #stopped = false
  #ticking: Timer | null = null
  /** Proposals wait for the archive that is going through the log. */
  #restoring = false

  constructor(options: RaftOptions<Result>) {
    const { clock, chance, log, metrics, snapshots, stateMachine } = options
    this.#options = options
    this.#config = {
      ...defaultRaftConfig,
      ...options.config,
      id: options.id,
      rng: () => chance.fraction(),
    }
    this.#leading = new Leading(log, metrics)
    this.#watch = new ClockWatch(clock, this.#config.electionTimeoutMinMs)
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
    const recovered = await recover(this.#options, this.#options.bootstrap)
    const { snapshot } = recovered
    if (snapshot !== null)
      await this.#applier.restore(this.#options.snapshots.read(snapshot), snapshot)
    this.#core = new RaftCore(this.#config, recovered)
    this.#options.trace?.({ kind: 'start', recovered })
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
    // Whoever asks may be the first to run after the machine slept, before any turn.
    if (!this.#leading.isLeading || !this.#watch.agrees) return false
    const lease = this.#running().lease()
    return lease !== null && this.#options.clock.monotonicMs() < lease.untilMs
  }

  leader(): NodeId | undefined {
    return this.#leading.role.leader ?? undefined
  }

  /** Whether this server leads and has applied an entry of its own term. */
  isLeader(): boolean {
    return this.#leading.isLeading
  }

  /** Called with true once this server leads and its state is up to date, and with false when it no longer leads. */
  onLeadership(callback: (leading: boolean) => void): Disposable {
    return this.#leading.subscribe(callback)
  }

  /** Since the leader was last heard: 0 on the leader, Infinity where none ever was. */
  lastContactMs(): number {
    if (this.#leading.role.role === 'leader') return 0
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
    if (this.#stopped) return
    if (this.#inbox.offer({ kind: 'message', from, message })) this.#schedule()
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
      this.#emit({ kind: 'propose', ticket, payload })
    })
  }

  /** Told to the core at once and not next turn, so that it can always say what a snapshot of the present state is. */
  #noteApplied(index: Index): void {
    if (this.#stopped) return
    this.#tell(this.#running(), { kind: 'applyDone', index })
    this.#schedule()
  }

  #emit(event: RaftEvent): void {
    if (this.#stopped) return
    this.#inbox.add(event)
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
      const output = this.#running().take()
      this.#trace(output)
      this.#carryOut(output)
      this.#applier.run()
      this.#leading.note(this.#applier.appliedTerm)
      this.#keeper.takeIfDue()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #step(core: RaftCore): void {
    this.#tell(core, { kind: 'tick', nowMs: this.#options.clock.monotonicMs() })
    if (!this.#watch.look()) this.#tell(core, { kind: 'clockJumped' })
    let steppedBytes = this.#inbox.drain(turnBytesMax, (event) => this.#tell(core, event))
    if (this.#reads.gathered > 0) {
      const ticket = this.#nextTicket()
      this.#reads.issue(ticket)
      this.#tell(core, { kind: 'readIndex', ticket })
      this.#options.metrics.count('raft.verify_leader')
    }
    const waiting = this.#proposals.waiting
    while (!this.#restoring && this.#proposals.waiting > 0 && steppedBytes < turnBytesMax) {
      const ticket = this.#nextTicket()
      const payload = this.#proposals.issue(ticket)
      steppedBytes += payload.length + entryOverheadBytes
      this.#tell(core, { kind: 'propose', ticket, payload })
    }
    const proposed = waiting - this.#proposals.waiting
    if (proposed > 0) this.#options.metrics.count('raft.apply', proposed)
    if (!this.#inbox.isEmpty || (!this.#restoring && this.#proposals.waiting > 0)) this.#schedule()
  }

  #tell(core: RaftCore, event: RaftEvent): void {
    core.step(event)
    if (this.#options.trace !== undefined) this.#stepped.push(event)
  }

  #trace(output: RaftOutput): void {
    const { trace } = this.#options
    if (trace === undefined) return
    trace({ kind: 'turn', events: this.#stepped, output, status: this.#running().status() })
    this.#stepped = []
  }

  #carryOut(output: RaftOutput): void {
    const { logStore, onMembership, send, snapshots } = this.#options
    if (output.role !== null) this.#leading.enter(output.role)
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

  #fail(error: Error): void {
    if (this.#stopped) return
    this.#stop()
    this.#options.fatal(error)
  }

  #stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#ticking?.cancel()
    this.#inbox.clear()
    this.#proposals.rejectAll(shutDown())
    this.#reads.rejectAll(shutDown())
    for (const { reject } of this.#changing.values()) reject(shutDown())
    this.#changing.clear()
    this.#leading.end()
  }
}
