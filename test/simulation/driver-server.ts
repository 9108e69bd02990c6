import { must } from '../../server/model/assert.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { RaftConfig } from '../../server/raft/core/config.ts'
import type { RaftMessage } from '../../server/raft/core/messages.ts'
import type { MembershipChange } from '../../server/raft/core/output.ts'
import type { RaftStatus } from '../../server/raft/core/raft.ts'
import { createRaft, type Raft } from '../../server/raft/driver.ts'
import { openSnapshots } from '../../server/raft/storage/snapshots.ts'
import { openWal } from '../../server/raft/storage/wal.ts'
import type { Membership, NodeId } from '../../server/raft/types.ts'
import { noLog } from '../../server/runtime/log.ts'
import { noMetrics } from '../../server/runtime/metrics.ts'
import type { CommandOutcome } from '../../server/state-machine.ts'
import { tiny } from '../support/wal.ts'
import type { Answer, Command, ReadMode, Replica } from './command.ts'
import type { Draw } from './draw.ts'
import type { Machine } from './machine.ts'
import { PowerDisk } from './power-disk.ts'
import type { Host, ServerState, SimulatedServer } from './server.ts'
import { encodeForStore, isDone, StoreReplica } from './store-replica.ts'

export interface DriverServerOptions {
  readonly machine: Machine
  readonly host: Host
  readonly draw: Draw
  readonly config: Omit<RaftConfig, 'id' | 'rng'>
  /** Null: joins later, with an empty disk. */
  readonly bootstrap: Membership | null
  readonly snapshotEntries: number
}

/** Everything that runs in production but sockets and HTTP: driver, write-ahead log, snapshots, state machine, store. */
export class DriverServer implements SimulatedServer {
  readonly machine: Machine
  readonly #options: DriverServerOptions
  readonly #disk = new PowerDisk()
  #state: ServerState = 'down'
  #process: Process | null = null
  #isRotten = false

  constructor(options: DriverServerOptions) {
    this.#options = options
    this.machine = options.machine
  }

  get state(): ServerState {
    return this.#state
  }

  get syncDelayMs(): () => number {
    return this.#disk.syncDelayMs
  }

  set syncDelayMs(delayMs: () => number) {
    this.#disk.syncDelayMs = delayMs
  }

  start(): void {
    const { host, machine } = this.#options
    machine.end()
    this.#state = 'up'
    const process = new Process(this.#options, this.#disk, (error) => {
      if (process !== this.#process) return
      this.crash()
      // A log that reads otherwise than it was written is refused at the start, or found out later.
      if (this.#isRotten && /damaged|missing|does not continue/.test(error.message)) {
        this.#state = 'refused'
        host.refused(machine.id)
      } else if ('code' in error && error.code === 'EIO') host.died(machine.id)
      else host.failed(error)
    })
    this.#process = process
    machine.later(0, () => void process.begin())
  }

  crash(): void {
    this.machine.end()
    this.#state = 'down'
    this.#process?.end()
    this.#process = null
    this.#disk.powerCut(this.#options.draw)
  }

  failSync(): void {
    this.#disk.failsNextSync = true
  }

  rot(): boolean {
    const isRotten = this.#disk.rot(this.#options.draw)
    this.#isRotten ||= isRotten
    return isRotten
  }

  receive(from: NodeId, message: RaftMessage): void {
    this.#process?.raft?.receive(from, message)
  }

  unreachable(to: NodeId): void {
    this.#do((raft) => raft.unreachable(to))
  }

  /** The driver is told nothing: it has to see it by its clocks. */
  woke(): void {}

  change(changes: readonly MembershipChange[]): void {
    this.#do((raft) => void raft.changeMembership(changes).catch(() => {}))
  }

  transfer(): void {
    this.#do((raft) => raft.transferLeadership(null))
  }

  snapshot(): void {
    this.#do((raft) => void raft.snapshot().catch(() => {}))
  }

  /** What comes from outside of any process happens on the machine as well: its turns are this machine's. */
  #do(work: (raft: Raft<CommandOutcome>) => void): void {
    this.machine.later(0, () => {
      if (this.#process?.raft) work(this.#process.raft)
    })
  }

  status(): RaftStatus | null {
    return this.#process?.status ?? null
  }

  leaseUntilMs(): number | null {
    return this.#process?.raft?.leaseValid() === true ? Infinity : null
  }

  leader(): NodeId | null {
    return this.#process?.raft?.leader() ?? null
  }

  replica(): Replica {
    return must(this.#process, 'a server that is up').replica
  }

  write(command: Command, answer: (answer: Answer) => void): void {
    if (this.#process === null) answer({ kind: 'refused' })
    else void this.#process.write(command).then(answer)
  }

  read(key: string, mode: ReadMode, answer: (answer: Answer) => void): void {
    if (this.#process === null) answer({ kind: 'refused' })
    else void this.#process.read(key, mode).then(answer)
  }
}

/** From a start to a crash. */
class Process {
  raft: Raft<CommandOutcome> | null = null
  status: RaftStatus | null = null
  readonly replica: StoreReplica
  readonly #options: DriverServerOptions
  readonly #disk: PowerDisk
  readonly #fatal: (error: Error) => void
  #isAlive = true

  constructor(options: DriverServerOptions, disk: PowerDisk, fatal: (error: Error) => void) {
    this.#options = options
    this.#disk = disk
    this.#fatal = (error) => {
      if (this.#isAlive) fatal(error)
    }
    this.replica = new StoreReplica(() => this.raft?.appliedIndex() ?? 0)
  }

  end(): void {
    this.#isAlive = false
  }

  async begin(): Promise<void> {
    try {
      this.raft = await this.#open()
    } catch (error) {
      this.#fatal(error as Error)
    }
  }

  async write(command: Command): Promise<Answer> {
    const payload = encodeForStore(command)
    try {
      if (this.raft === null) return { kind: 'refused' }
      const outcome = await this.raft.propose(payload)
      const index = must(this.#options.host.positionOf(payload), 'what is answered is in the log')
      return { kind: 'written', isDone: isDone(outcome), index }
    } catch (error) {
      return { kind: isCertain(error) ? 'refused' : 'unknown' }
    }
  }

  async read(key: string, mode: ReadMode): Promise<Answer> {
    const { raft } = this
    try {
      if (raft === null || (mode === 'lease' && !raft.leaseValid())) return { kind: 'refused' }
      if (mode === 'round') await raft.readIndex()
      return { kind: 'read', row: this.replica.row(key), index: raft.appliedIndex() }
    } catch {
      return { kind: 'refused' }
    }
  }

  async #open(): Promise<Raft<CommandOutcome>> {
    const { bootstrap, config, draw, host, machine, snapshotEntries } = this.#options
    const { id } = machine
    const disk = this.#disk.mount(machine, () => this.#isAlive)
    const { clock } = machine
    const logStore = await openWal({
      disk,
      directory: '/raft/wal',
      clusterId: 'dc1',
      nodeId: id,
      clock,
      log: noLog,
      fatal: this.#fatal,
      sizes: { ...tiny, segmentBytes: 32 << 10 },
    })
    const snapshots = await openSnapshots({ disk, directory: '/raft/snapshots', log: noLog })
    return await createRaft<CommandOutcome>({
      id,
      config,
      ...(bootstrap === null ? {} : { bootstrap }),
      logStore,
      snapshots,
      stateMachine: this.replica.machine,
      clock,
      chance: draw,
      log: noLog,
      metrics: noMetrics,
      fatal: this.#fatal,
      rhythm: { entriesMax: snapshotEntries, bytesMax: 1 << 20, shareMin: 0 },
      send: (messages) => {
        for (const { message, to } of messages) if (this.#isAlive) host.send(id, to, message)
      },
      trace: (traced) => {
        if (!this.#isAlive) return
        if (traced.kind === 'start') host.started(id, traced.recovered)
        else {
          this.status = traced.status
          host.turned(id, traced)
        }
      },
    })
  }
}

/** Refused before anything was appended. A shutdown and a lost leadership leave it open. */
function isCertain(error: unknown): boolean {
  return (
    error instanceof PraetorError &&
    /not the leader|timed out enqueuing|disk is full/.test(error.message)
  )
}
