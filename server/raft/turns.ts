import { must } from '../model/assert.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { ClockWatch } from './clock-watch.ts'
import type { RaftConfig } from './core/config.ts'
import type { RaftMessage } from './core/messages.ts'
import type { RaftEvent, RaftOutput } from './core/output.ts'
import type { RaftCore } from './core/raft.ts'
import { Inbox } from './inbox.ts'
import type { Traced } from './trace.ts'
import type { Index, NodeId } from './types.ts'

/** Bytes of entries stepped in one turn, but for the last event: a batch for the disk is never much larger. */
const turnBytesMax = 2 << 20

export interface TurnsOptions {
  readonly config: RaftConfig
  readonly clock: Clock
  readonly metrics: Metrics
  readonly trace: ((traced: Traced) => void) | undefined
  /** Tells the core what clients ask for, as much as holds so many bytes of entries; returns whether that was not all. */
  readonly feed: (tell: (event: RaftEvent) => void, bytesMax: number) => boolean
  readonly carryOut: (output: RaftOutput) => void
  readonly fail: (error: Error) => void
}

/**
 * Steps the core. Everything that happens in a turn of the event loop is gathered, told to the core in order, and comes out as
 * one output. There is a turn when something happened, and with every tick.
 */
export class Turns {
  readonly #options: TurnsOptions
  readonly #watch: ClockWatch
  readonly #inbox = new Inbox()
  #core: RaftCore | null = null
  /** What the core was told since the last turn; kept only if somebody traces. */
  #stepped: RaftEvent[] = []
  #isScheduled = false
  #isStopped = false
  #ticking: Timer | null = null
  /** For what is due before the next tick. Never cancelled, so that a busy leader does not make a timer a turn. */
  #waking: Timer | null = null

  constructor(options: TurnsOptions) {
    this.#options = options
    this.#watch = new ClockWatch(options.clock, options.config.electionTimeoutMinMs)
  }

  get core(): RaftCore {
    return must(this.#core, 'raft is started before it is asked')
  }

  /** No time was lost since the last turn. Whoever asks may be the first to run after the machine slept. */
  get clocksAgree(): boolean {
    return this.#watch.agrees
  }

  begin(core: RaftCore): void {
    this.#core = core
    this.#tick()
  }

  /** For the next turn. */
  emit(event: RaftEvent): void {
    if (this.#isStopped) return
    this.#inbox.add(event)
    this.schedule()
  }

  /** For the next turn, or lost if there is too much. */
  receive(from: NodeId, message: RaftMessage): void {
    if (this.#isStopped) return
    if (this.#inbox.offer({ kind: 'message', from, message })) this.schedule()
  }

  /** Told to the core at once and not next turn, so that it can always say what a snapshot of the present state is. */
  noteApplied(index: Index): void {
    if (this.#isStopped) return
    this.#tell({ kind: 'applyDone', index })
    this.schedule()
  }

  schedule(): void {
    if (this.#isScheduled || this.#isStopped || this.#core === null) return
    this.#isScheduled = true
    setImmediate(this.#turn)
  }

  stop(): void {
    this.#isStopped = true
    this.#ticking?.cancel()
    this.#waking?.cancel()
    this.#inbox.clear()
  }

  #tick(): void {
    if (this.#isStopped) return
    const { clock, config } = this.#options
    this.schedule()
    this.#ticking = clock.after(config.heartbeatMs / 2, () => this.#tick())
  }

  readonly #turn = (): void => {
    this.#isScheduled = false
    if (this.#isStopped) return
    try {
      this.#step()
      const output = this.core.take()
      this.#trace(output)
      this.#options.carryOut(output)
      this.#wakeInTime()
    } catch (error) {
      this.#options.fail(error as Error)
    }
  }

  #wakeInTime(): void {
    const dueMs = this.core.dueMs()
    if (dueMs === null || this.#waking !== null || this.#isStopped) return
    const { clock } = this.#options
    this.#waking = clock.after(dueMs - clock.monotonicMs(), () => {
      this.#waking = null
      const nextMs = this.core.dueMs()
      if (nextMs !== null && nextMs <= clock.monotonicMs()) this.schedule()
      else this.#wakeInTime()
    })
  }

  #step(): void {
    const { clock, feed } = this.#options
    this.#tell({ kind: 'tick', nowMs: clock.monotonicMs() })
    if (!this.#watch.look()) this.#tell({ kind: 'clockJumped' })
    const steppedBytes = this.#inbox.drain(turnBytesMax, (event) => this.#take(event))
    const isMore = feed((event) => this.#tell(event), turnBytesMax - steppedBytes)
    if (isMore || !this.#inbox.isEmpty) this.schedule()
  }

  #take(event: RaftEvent): void {
    const name = event.kind === 'message' ? measured[event.message.kind] : undefined
    if (name === undefined) return this.#tell(event)
    const { clock, metrics } = this.#options
    const startMs = clock.monotonicMs()
    this.#tell(event)
    metrics.sample(name, clock.monotonicMs() - startMs)
  }

  #tell(event: RaftEvent): void {
    this.core.step(event)
    if (this.#options.trace !== undefined) this.#stepped.push(event)
  }

  #trace(output: RaftOutput): void {
    const { trace } = this.#options
    if (trace === undefined) return
    trace({ kind: 'turn', events: this.#stepped, output, status: this.core.status() })
    this.#stepped = []
  }
}

/** How long it takes to deal with what other servers ask, under Consul's names. The disk is not in it: answers wait for that. */
const measured: Readonly<Partial<Record<RaftMessage['kind'], string>>> = {
  append: 'raft.rpc.appendEntries',
  heartbeat: 'raft.rpc.processHeartbeat',
  vote: 'raft.rpc.requestVote',
  snapshotChunk: 'raft.rpc.installSnapshot',
}
