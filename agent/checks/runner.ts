import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { Chance } from '../../server/runtime/chance.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { CheckSpecification } from '../local/definitions.ts'
import { defaultTimeoutMs } from './kind.ts'
import type { PeriodicKind } from './kind.ts'
import { countResult, noStreak } from './threshold.ts'
import { TtlCheck } from './ttl.ts'

export interface RunnerOptions {
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly kinds: readonly PeriodicKind[]
  readonly outputMaxBytes: number
  /** What came of a check: a status that is to be believed. */
  readonly report: (checkId: string, status: CheckStatus, output: string) => void
}

/**
 * Runs the checks of this node. Each has its own loop: the first run after a random part of its interval, so that a thousand
 * checks that start together don't go on together; the next a whole interval after the last one ended, so that a slow check
 * never overlaps itself.
 */
export class CheckRunner {
  readonly #options: RunnerOptions
  readonly #periodic = new Map<string, { stop: AbortController; done: Promise<void> }>()
  readonly #ttl = new Map<string, TtlCheck>()

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Starts a check, in place of one with the same id. */
  start({ row, definition }: CheckSpecification): void {
    this.stop(row.CheckID)
    const { clock, report, kinds } = this.#options
    const outputMaxBytes = this.#outputMax(definition)
    if (row.Type === 'ttl') {
      const tell = (status: CheckStatus, output: string): void =>
        report(row.CheckID, status, output)
      this.#ttl.set(row.CheckID, new TtlCheck(clock, definition.TTLMs, outputMaxBytes, tell))
      return
    }
    const kind = kinds.find(({ name }) => name === row.Type)
    if (kind === undefined)
      throw new PraetorError(
        'failed',
        `this agent runs no checks of type ${JSON.stringify(row.Type)}`,
      )
    const stop = new AbortController()
    const done = this.#repeat(row.CheckID, definition, kind, stop.signal).catch(() => undefined)
    this.#periodic.set(row.CheckID, { stop, done })
  }

  stop(checkId: string): void {
    this.#periodic.get(checkId)?.stop.abort()
    this.#periodic.delete(checkId)
    this.#ttl.get(checkId)?.[Symbol.dispose]()
    this.#ttl.delete(checkId)
  }

  /** A client's word on its TTL check; false where that id has none. */
  updateTtl(checkId: string, status: CheckStatus, output: string): boolean {
    const check = this.#ttl.get(checkId)
    check?.update(status, output)
    return check !== undefined
  }

  resumeTtl(checkId: string, output: string, leftMs: number): void {
    this.#ttl.get(checkId)?.resume(output, leftMs)
  }

  counts(): { readonly monitors: number; readonly ttls: number } {
    return { monitors: this.#periodic.size, ttls: this.#ttl.size }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#periodic.values()) stop.abort()
    for (const check of this.#ttl.values()) check[Symbol.dispose]()
    await Promise.all([...this.#periodic.values()].map(({ done }) => done))
  }

  #outputMax({ OutputMaxSize }: CheckDefinition): number {
    const { outputMaxBytes } = this.#options
    return OutputMaxSize > 0 ? Math.min(OutputMaxSize, outputMaxBytes) : outputMaxBytes
  }

  async #repeat(
    checkId: string,
    definition: CheckDefinition,
    kind: PeriodicKind,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, chance, report, log } = this.#options
    const limits = {
      timeoutMs: definition.TimeoutMs > 0 ? definition.TimeoutMs : defaultTimeoutMs,
      outputMaxBytes: this.#outputMax(definition),
      signal,
    }
    const thresholds = {
      successBeforePassing: definition.SuccessBeforePassing,
      failuresBeforeCritical: definition.FailuresBeforeCritical,
    }
    let streak = noStreak
    await sleep(clock, chance.fraction() * definition.IntervalMs, signal)
    for (;;) {
      const { status, output } = await kind.run(definition, limits)
      if (signal.aborted) return
      const counted = countResult(streak, status, thresholds)
      streak = counted.streak
      if (counted.believed) report(checkId, status, output)
      if (status === 'critical') log.warn({ check: checkId }, `Check is now critical: ${output}`)
      else log.debug({ check: checkId, status }, 'Check status updated')
      await sleep(clock, definition.IntervalMs, signal)
    }
  }
}
