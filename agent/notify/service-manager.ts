import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import { converse, startPatienceMs } from './conversation.ts'
import type { LifeEvent, Stage } from './conversation.ts'
import type { Follower } from './follower.ts'
import type { Sender } from './sender.ts'
import { Watchdog } from './watchdog.ts'

export interface ServiceManagerOptions {
  readonly clock: Clock
  readonly log: Log
  readonly sender: Sender
  readonly watchdogMs: number | undefined
  /** Resolves if the agent is well; may take until the signal fires. */
  readonly probe: (signal: AbortSignal) => Promise<void>
}

/** systemd, or whoever else listens on a notify socket. */
export class ServiceManager implements Follower {
  readonly #options: ServiceManagerOptions
  #stage: Stage = 'starting'
  #status = ''
  #waiting: Timer | undefined
  #watchdog: Watchdog | undefined

  constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /** Says again, for as long as it is true, so that a start that makes no progress but is well isn't given up. */
  waiting(status: string): void {
    this.#tell({ kind: 'waiting', status })
    this.#waiting?.cancel()
    this.#waiting = this.#options.clock.after(startPatienceMs / 2, () => this.waiting(status))
  }

  ready(status: string): void {
    const { watchdogMs, clock, log, probe } = this.#options
    this.#waiting?.cancel()
    this.#status = status
    this.#tell({ kind: 'ready', status })
    if (watchdogMs !== undefined)
      this.#watchdog ??= new Watchdog({
        clock,
        log,
        periodMs: watchdogMs,
        // Who stops closes its doors first; that its loop goes on turning is all that can be asked then.
        probe: (signal) => (this.#stage === 'stopping' ? Promise.resolve() : probe(signal)),
        alive: () => this.#tell({ kind: 'alive' }),
      })
  }

  async reloading(reload: () => Promise<void>): Promise<void> {
    // The manager's own clock, by which it knows that this answers its signal and not an earlier one.
    this.#tell({ kind: 'reloading', monotonicMicros: process.hrtime.bigint() / 1000n })
    try {
      await reload()
      this.#tell({ kind: 'reloaded', status: this.#status })
    } catch (error) {
      this.#tell({
        kind: 'reloaded',
        status: `Nothing was changed by the last reload: ${(error as Error).message}`,
      })
      throw error
    }
  }

  stopping(status: string): void {
    this.#waiting?.cancel()
    this.#tell({ kind: 'stopping', status })
  }

  async close(): Promise<void> {
    this.#waiting?.cancel()
    this.#watchdog?.[Symbol.dispose]()
    await this.#options.sender.sent()
  }

  #tell(event: LifeEvent): void {
    const next = converse(this.#stage, event)
    if (next === undefined) return
    this.#stage = next.stage
    this.#options.sender.send(next.message)
  }
}
