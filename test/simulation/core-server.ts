import { assert, must } from '../../server/model/assert.ts'
import type { RaftConfig } from '../../server/raft/core/config.ts'
import { firstEntry } from '../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type {
  MembershipChange,
  RaftEvent,
  RaftOutput,
  ReadResult,
  Settlement,
  SnapshotOrder,
  Ticket,
} from '../../server/raft/core/output.ts'
import { RaftCore, type RaftStatus } from '../../server/raft/core/raft.ts'
import type { Entry, Membership, NodeId, SnapshotMeta } from '../../server/raft/types.ts'
import type { Timer } from '../../server/runtime/clock.ts'
import type { Answer, Command, ReadMode, Replica } from './command.ts'
import { CoreDisk } from './core-disk.ts'
import type { Draw } from './draw.ts'
import { encodeCommand, Ledger } from './ledger.ts'
import type { Machine } from './machine.ts'
import type { Host, ServerState, SimulatedServer } from './server.ts'

export interface CoreServerOptions {
  readonly machine: Machine
  readonly host: Host
  readonly draw: Draw
  readonly config: RaftConfig
  /** Null: joins later, with an empty disk. */
  readonly bootstrap: Membership | null
  /** Applied entries between two snapshots. */
  readonly snapshotEntries: number
  readonly chunkBytes: number
}

/** The core under the plainest driver that keeps the promises of core/output.ts: thousands of clusters a minute. */
export class CoreServer implements SimulatedServer {
  readonly machine: Machine
  syncDelayMs: () => number = () => 0.1
  readonly #options: CoreServerOptions
  readonly #disk: CoreDisk
  #state: ServerState = 'down'
  #process: Process | null = null

  constructor(options: CoreServerOptions) {
    this.#options = options
    this.machine = options.machine
    const { bootstrap } = options
    this.#disk = new CoreDisk(bootstrap === null ? [] : [firstEntry(bootstrap)])
    if (bootstrap !== null) this.#disk.log.hardState = { term: 1, vote: null, commit: 0 }
  }

  get state(): ServerState {
    return this.#state
  }

  start(): void {
    this.#state = 'up'
    this.#process = new Process(this.#options, this.#disk, {
      syncDelayMs: () => this.syncDelayMs(),
      die: () => {
        this.crash()
        this.#options.host.died(this.machine.id)
      },
    })
  }

  crash(): void {
    this.machine.end()
    this.#state = 'down'
    this.#process = null
    this.#disk.powerCut(this.#options.draw)
  }

  failSync(): void {
    this.#disk.failsNextSync = true
  }

  rot(): boolean {
    return false
  }

  receive(from: NodeId, message: RaftMessage): void {
    this.#process?.emit({ kind: 'message', from, message })
  }

  unreachable(to: NodeId): void {
    this.#process?.emit({ kind: 'unreachable', to })
  }

  transfer(): void {
    this.#process?.emit({ kind: 'transfer', to: null })
  }

  change(changes: readonly MembershipChange[]): void {
    this.#process?.change(changes)
  }

  snapshot(): void {
    this.#process?.snapshot()
  }

  /** A driver sees it by comparing clocks, before it does anything else. */
  woke(): void {
    this.#process?.wake()
  }

  status(): RaftStatus | null {
    return this.#process?.core.status() ?? null
  }

  leaseUntilMs(): number | null {
    return this.#process?.core.lease()?.untilMs ?? null
  }

  leader(): NodeId | null {
    return this.#process?.core.status().leader ?? null
  }

  replica(): Replica {
    return must(this.#process, 'a server that is up').ledger
  }

  write(command: Command, answer: (answer: Answer) => void): void {
    if (this.#process === null) answer({ kind: 'refused' })
    else this.#process.write(command, answer)
  }

  read(key: string, mode: ReadMode, answer: (answer: Answer) => void): void {
    if (this.#process === null) answer({ kind: 'refused' })
    else this.#process.read(key, mode, answer)
  }
}

interface Surroundings {
  readonly syncDelayMs: () => number
  readonly die: () => void
}

type Work = { readonly restore: SnapshotMeta } | { readonly apply: readonly Entry[] }

/** From a start to a crash. */
class Process {
  readonly core: RaftCore
  readonly ledger = new Ledger()
  readonly #options: CoreServerOptions
  readonly #disk: CoreDisk
  readonly #surroundings: Surroundings
  #inbox: RaftEvent[] = []
  #scheduled: Timer | null = null
  #waking: Timer | null = null
  #lastTicket: Ticket = 0
  readonly #waiting = new Map<Ticket, (outcome: Settlement | ReadResult) => void>()
  /** By index: what waits for its entry to be applied. */
  readonly #applying = new Map<number, (isDone: boolean) => void>()
  #work: Work[] = []
  #isApplying = false
  #isSaving = false
  #appliedSinceSnapshot = 0

  constructor(options: CoreServerOptions, disk: CoreDisk, surroundings: Surroundings) {
    this.#options = options
    this.#disk = disk
    this.#surroundings = surroundings
    const recovered = disk.log.recover()
    if (recovered.snapshot !== null) this.ledger.load(disk.file(recovered.snapshot).data)
    options.host.started(options.machine.id, recovered)
    this.core = new RaftCore(options.config, recovered)
    this.#tick()
  }

  emit(event: RaftEvent): void {
    this.#inbox.push(event)
    this.#schedule()
  }

  wake(): void {
    this.#inbox.unshift({ kind: 'clockJumped' })
    this.#scheduled?.cancel()
    this.#turn()
  }

  write(command: Command, answer: (answer: Answer) => void): void {
    const ticket = this.#nextTicket((outcome) => {
      if (outcome.outcome === 'unknown') return answer({ kind: 'unknown' })
      // Lost is as certain as refused; the log will be looked through at the end.
      if (outcome.outcome !== 'committed') return answer({ kind: 'refused' })
      const { index } = outcome
      this.#applying.set(index, (isDone) => answer({ kind: 'written', isDone, index }))
    })
    this.emit({ kind: 'propose', ticket, payload: encodeCommand(command) })
  }

  read(key: string, mode: ReadMode, answer: (answer: Answer) => void): void {
    const give = (): void => {
      const { index } = this.ledger
      answer({ kind: 'read', row: this.ledger.row(key), index })
    }
    if (mode === 'lease') {
      const lease = this.core.lease()
      const isGood =
        lease !== null &&
        this.#options.machine.localMs < lease.untilMs &&
        this.ledger.index >= lease.index
      return isGood ? give() : answer({ kind: 'refused' })
    }
    const ticket = this.#nextTicket((outcome) => {
      if (outcome.outcome !== 'ready') return answer({ kind: 'refused' })
      assert(this.ledger.index >= outcome.index, 'what a read needs is applied when it is ready')
      give()
    })
    this.emit({ kind: 'readIndex', ticket })
  }

  change(changes: readonly MembershipChange[]): void {
    const ticket = this.#nextTicket(() => {})
    this.emit({ kind: 'proposeMembership', ticket, changes })
  }

  snapshot(): void {
    if (this.#isSaving || this.ledger.index === 0 || this.#work.length > 0) return
    if (this.ledger.index <= (this.#disk.log.snapshot?.index ?? 0)) return
    // The core hears of what was applied a turn later, and must know to name it.
    if (this.core.status().appliedIndex < this.ledger.index) return
    this.#isSaving = true
    this.#appliedSinceSnapshot = 0
    const meta = this.core.snapshotMeta(this.ledger.index)
    const data = this.ledger.save()
    this.#options.machine.later(3 * this.#surroundings.syncDelayMs(), () => {
      this.#isSaving = false
      this.#disk.keep({ meta, data })
      this.emit({ kind: 'snapshotSaved', snapshot: meta })
    })
  }

  #nextTicket(settle: (outcome: Settlement | ReadResult) => void): Ticket {
    this.#lastTicket += 1
    this.#waiting.set(this.#lastTicket, settle)
    return this.#lastTicket
  }

  #schedule(): void {
    if (this.#scheduled !== null) return
    const { machine } = this.#options
    this.#scheduled = machine.later(machine.loopDelayMs(), () => this.#turn())
  }

  #tick(): void {
    this.#schedule()
    const { config, machine } = this.#options
    machine.clock.after(config.heartbeatMs / 2, () => this.#tick())
  }

  #turn(): void {
    const { host, machine } = this.#options
    this.#scheduled = null
    const tick: RaftEvent = { kind: 'tick', nowMs: machine.localMs }
    const events = [tick, ...this.#inbox]
    this.#inbox = []
    for (const event of events) this.core.step(event)
    const output = this.core.take()
    host.turned(machine.id, { events, output, status: this.core.status() })
    this.#carryOut(output)
    this.#wakeWhenDue()
  }

  /** Some turns must come though nothing happens before them. */
  #wakeWhenDue(): void {
    const dueMs = this.core.dueMs()
    if (dueMs === null || this.#waking !== null) return
    const { machine } = this.#options
    this.#waking = machine.clock.after(dueMs - machine.localMs, () => {
      this.#waking = null
      this.#schedule()
    })
  }

  #carryOut(output: RaftOutput): void {
    const { host, machine } = this.#options
    for (const { to, message } of output.send) host.send(machine.id, to, message)
    if (output.append !== null) this.#disk.append(output.append)
    this.#flush()
    for (const settlement of output.settled) this.#settle(settlement)
    for (const read of output.reads) this.#settle(read)
    if (output.restore !== null) this.#enqueue({ restore: output.restore })
    if (output.apply.length > 0) this.#enqueue({ apply: output.apply })
    for (const order of output.snapshots)
      machine.later(this.#surroundings.syncDelayMs(), () => this.#carryOutOrder(order))
    if (output.compactThrough !== null) this.#disk.log.compactThrough(output.compactThrough)
    if (this.#appliedSinceSnapshot >= this.#options.snapshotEntries) this.snapshot()
  }

  /** One write is on its way at a time, and what gathers meanwhile goes together with the next. */
  #flush(): void {
    if (!this.#disk.beginWrite()) return
    this.#options.machine.later(this.#surroundings.syncDelayMs(), () => {
      if (this.#disk.failsNextSync) return this.#surroundings.die()
      const seq = this.#disk.endWrite()
      this.emit({ kind: 'appendDone', seq })
      this.#flush()
    })
  }

  #settle(outcome: Settlement | ReadResult): void {
    const settle = must(this.#waiting.get(outcome.ticket), 'a ticket ends once')
    this.#waiting.delete(outcome.ticket)
    settle(outcome)
  }

  /** A snapshot takes the place of all that waits. */
  #enqueue(work: Work): void {
    if ('restore' in work) this.#work = [work]
    else this.#work.push(work)
    if (this.#isApplying) return
    this.#isApplying = true
    this.#options.machine.soon(() => this.#apply())
  }

  #apply(): void {
    const work = must(this.#work.shift(), 'something to apply')
    if ('restore' in work) this.ledger.load(this.#disk.file(work.restore).data)
    else for (const entry of work.apply) this.#applyEntry(entry)
    this.emit({ kind: 'applyDone', index: this.ledger.index })
    this.#isApplying = this.#work.length > 0
    if (this.#isApplying) this.#options.machine.soon(() => this.#apply())
  }

  #applyEntry(entry: Entry): void {
    const isDone = this.ledger.apply(entry)
    this.#appliedSinceSnapshot += 1
    this.#applying.get(entry.index)?.(isDone)
    this.#applying.delete(entry.index)
  }

  #carryOutOrder(order: SnapshotOrder): void {
    if (order.kind === 'store') {
      this.emit(this.#disk.store(order.from, order.chunk))
      return
    }
    const { to, snapshot, offsetBytes } = order
    const file = this.#disk.find(snapshot)
    if (file === undefined) return this.emit({ kind: 'streamFailed', to })
    const end = offsetBytes + this.#options.chunkBytes
    const data = file.data.subarray(offsetBytes, end)
    const chunk = { snapshot: file.meta, offsetBytes, data, last: end >= file.data.length }
    this.emit({ kind: 'chunkRead', to, chunk })
  }
}
