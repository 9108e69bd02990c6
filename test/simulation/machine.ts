import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * What one process runs on: its clock, and whether it gets to run at all. Everything a process does it does through `later`,
 * so a stop holds it up, and its end ends all of it.
 */
export class Machine {
  readonly id: string
  /** How late a turn of the loop may be. */
  loopDelayMs: () => number = () => 0
  /** Counts processes: what an earlier one had begun is nothing to the next. */
  #process = 0
  #isStopped = false
  #waiting: (() => void)[] = []
  /** The clock went at `rate` since it showed `localMs` at `worldMs`. */
  #rate = 1
  #worldMs: number
  #localMs: number
  #wallOffsetMs = Date.UTC(2026, 0, 1)
  readonly #scheduler: Scheduler
  readonly #enter: (machine: Machine) => void

  /** `enter` is told when something begins to run on this machine. */
  constructor(
    id: string,
    scheduler: Scheduler,
    localMs: number,
    enter: (machine: Machine) => void,
  ) {
    this.#enter = enter
    this.id = id
    this.#scheduler = scheduler
    this.#worldMs = scheduler.nowMs
    this.#localMs = localMs
  }

  readonly clock: Clock = {
    monotonicMs: () => this.localMs,
    wallMs: () => this.#wallOffsetMs + this.#scheduler.nowMs,
    after: (delayMs, callback) => this.#timer(this.localMs + Math.max(0, delayMs), callback),
  }

  get localMs(): number {
    return this.#localMs + (this.#scheduler.nowMs - this.#worldMs) * this.#rate
  }

  get rate(): number {
    return this.#rate
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Calls back in so much of the world's time, if this process still is, and when it is let run. */
  later(delayMs: number, work: () => void): Timer {
    const process = this.#process
    let isOff = false
    const run = (): void => {
      if (isOff || process !== this.#process) return
      if (this.#isStopped) return void this.#waiting.push(run)
      this.#enter(this)
      work()
    }
    const scheduled = this.#scheduler.after(delayMs, run)
    return {
      cancel() {
        isOff = true
        scheduled.cancel()
      },
    }
  }

  /** In the next turn of the loop. */
  soon(work: () => void): void {
    this.later(this.loopDelayMs(), work)
  }

  /** The process is no more. */
  end(): void {
    this.#process += 1
    this.#waiting = []
  }

  /** As SIGSTOP; with `isAsleep` as when the whole machine sleeps, and its clock with it. */
  stop(isAsleep: boolean): void {
    this.#isStopped = true
    if (isAsleep) this.setRate(0)
  }

  resume(rate: number): void {
    this.setRate(rate)
    this.#isStopped = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const work of waiting) this.#scheduler.after(0, work)
  }

  /** Local milliseconds in one of the world's. */
  setRate(rate: number): void {
    this.#localMs = this.localMs
    this.#worldMs = this.#scheduler.nowMs
    this.#rate = rate
  }

  /** Somebody set the wall clock. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** A timer waits by the local clock, whose rate may change meanwhile. */
  #timer(dueMs: number, callback: () => void): Timer {
    let timer: Timer
    const arm = (): void => {
      const delayMs = (dueMs - this.localMs) / (this.#rate === 0 ? 1 : this.#rate)
      timer = this.later(delayMs, () => {
        if (this.localMs < dueMs - 1e-6) arm()
        else callback()
      })
    }
    arm()
    return { cancel: () => timer.cancel() }
  }
}
