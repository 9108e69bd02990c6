import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { PipePool } from '../command/pipe.ts'
import type { Agenda } from './agenda.ts'
import type { Authorities } from './authorities.ts'
import { faultText } from './kind.ts'
import type { CheckResult, PeriodicKind } from './kind.ts'
import { countResult, noStreak } from './threshold.ts'
import type { Report } from './ttl.ts'

/** What all the checks of an agent share. */
export interface CheckWorld {
  readonly clock: Clock
  readonly log: Log
  readonly agenda: Agenda
  readonly pipes: PipePool
  readonly authorities: Authorities
  /** The runs under way: what ends each before its time, and when it is over. */
  readonly runs: Map<AbortController, Promise<unknown>>
}

export interface PeriodicOptions {
  readonly id: string
  readonly definition: CheckDefinition
  readonly kind: PeriodicKind
  readonly intervalMs: number
  readonly outputMaxBytes: number
  readonly report: Report
}

/**
 * A check that is run again and again: the next time a whole interval after the last run ended, so that a slow one never overlaps
 * itself. Disposing of it lets a run under way end by itself, unheard.
 */
export class PeriodicCheck implements Disposable {
  readonly #world: CheckWorld
  readonly #options: PeriodicOptions
  #next: Timer | undefined
  #streak = noStreak
  #isStopped = false

  constructor(world: CheckWorld, options: PeriodicOptions) {
    this.#world = world
    this.#options = options
  }

  /** Runs it after the delay, and then again and again. */
  start(delayMs: number): void {
    this.#next = this.#world.agenda.after(delayMs, () => void this.#run().then(this.#heed))
  }

  [Symbol.dispose](): void {
    this.#isStopped = true
    this.#next?.cancel()
  }

  #run(): Promise<CheckResult> {
    const { clock, pipes, authorities, runs } = this.#world
    const { definition, kind, outputMaxBytes } = this.#options
    const timeoutMs = definition.TimeoutMs > 0 ? definition.TimeoutMs : kind.timeoutMs
    const end = new AbortController()
    const timer = clock.after(timeoutMs, () => end.abort())
    const limits = { timeoutMs, outputMaxBytes, signal: end.signal, pipes, authorities }
    const run = kind
      .run(definition, limits)
      .catch(unlooked)
      .finally(() => {
        timer.cancel()
        runs.delete(end)
      })
    runs.set(end, run)
    return run
  }

  readonly #heed = ({ status, output, ended }: CheckResult): void => {
    if (this.#isStopped) return
    const { id, definition, intervalMs, report } = this.#options
    const counted = countResult(this.#streak, status, {
      successBeforePassing: definition.SuccessBeforePassing,
      failuresBeforeCritical: definition.FailuresBeforeCritical,
    })
    this.#streak = counted.streak
    if (counted.believed) report(status, output)
    this.#note(id, status, output)
    const again = (): void => {
      if (!this.#isStopped) this.start(intervalMs)
    }
    if (ended === undefined) again()
    else void ended.then(again)
  }

  #note(check: string, status: CheckStatus, output: string): void {
    const { log } = this.#world
    if (status === 'critical') log.warn({ check }, `Check is now critical: ${output}`)
    else log.debug({ check, status }, 'Check status updated')
  }
}

function unlooked(error: unknown): CheckResult {
  return { status: 'critical', output: faultText(error) }
}
