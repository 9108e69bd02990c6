import { once } from 'node:events'

import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { Chance } from '../../server/runtime/chance.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { CheckSpecification } from '../local/definitions.ts'
import { AliasCheck, aliasCheck } from './alias.ts'
import type { AliasSources } from './alias.ts'
import type { CheckResult, PeriodicKind } from './kind.ts'
import { PipePool } from './pipe.ts'
import { countResult, noStreak } from './threshold.ts'
import { TtlCheck, ttlCheck } from './ttl.ts'

export interface RunnerOptions {
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly kinds: readonly PeriodicKind[]
  readonly aliases: AliasSources
  readonly outputMaxBytes: number
  /** What came of a check: a status that is to be believed. */
  readonly report: (checkId: string, status: CheckStatus, output: string) => void
}

/** More often than this would be a load, and no better look. */
const intervalMinMs = 1000

/**
 * Runs the checks of this node. Each has its own loop: the first run after a random part of its interval, so that a thousand
 * checks that start together don't go on together; the next a whole interval after the last one ended, so that a slow check
 * never overlaps itself.
 */
export class CheckRunner {
  readonly #options: RunnerOptions
  readonly #periodic = new Map<string, AbortController>()
  readonly #loops = new Set<Promise<void>>()
  readonly #runs = new Set<AbortController>()
  readonly #ttl = new Map<string, TtlCheck>()
  readonly #aliases = new Map<string, AliasCheck>()
  readonly #pipes = new PipePool()

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Starts a check, in place of one with the same id. `token` is for what an alias asks the servers. */
  start({ row, definition }: CheckSpecification, token = ''): void {
    const id = row.CheckID
    this.stop(id)
    const { clock, kinds, aliases, report: tell } = this.#options
    const report = (status: CheckStatus, output: string): void => tell(id, status, output)
    if (row.Type === ttlCheck.name) {
      const check = new TtlCheck(clock, definition.TTLMs, this.#outputMax(definition), report)
      this.#ttl.set(id, check)
      return
    }
    if (row.Type === aliasCheck.name) {
      const options = { sources: aliases, clock, report }
      this.#aliases.set(id, new AliasCheck(id, definition, token, options))
      return
    }
    const kind = kinds.find(({ name }) => name === row.Type)
    if (kind === undefined)
      throw new PraetorError(
        'failed',
        `this agent runs no checks of type ${JSON.stringify(row.Type)}`,
      )
    const stop = new AbortController()
    this.#periodic.set(id, stop)
    const loop = this.#repeat(id, definition, kind, stop.signal).catch(() => undefined)
    this.#loops.add(loop)
    void loop.finally(() => this.#loops.delete(loop))
  }

  /** A run under way ends by itself, unheard: a script may be what deregisters its own check. */
  stop(checkId: string): void {
    this.#periodic.get(checkId)?.abort()
    this.#periodic.delete(checkId)
    for (const checks of [this.#ttl, this.#aliases]) {
      checks.get(checkId)?.[Symbol.dispose]()
      checks.delete(checkId)
    }
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
    for (const id of [...this.#periodic.keys(), ...this.#ttl.keys(), ...this.#aliases.keys()])
      this.stop(id)
    for (const run of this.#runs) run.abort()
    await Promise.all(this.#loops)
    await this.#pipes[Symbol.asyncDispose]()
  }

  #outputMax({ OutputMaxSize }: CheckDefinition): number {
    const { outputMaxBytes } = this.#options
    return OutputMaxSize > 0 ? Math.min(OutputMaxSize, outputMaxBytes) : outputMaxBytes
  }

  async #repeat(
    checkId: string,
    definition: CheckDefinition,
    kind: PeriodicKind,
    stopped: AbortSignal,
  ): Promise<void> {
    const { clock, chance, report, log } = this.#options
    const intervalMs = Math.max(intervalMinMs, definition.IntervalMs)
    if (definition.IntervalMs < intervalMinMs)
      log.warn({ check: checkId }, `Check has interval below minimum of ${intervalMinMs} ms`)
    const thresholds = {
      successBeforePassing: definition.SuccessBeforePassing,
      failuresBeforeCritical: definition.FailuresBeforeCritical,
    }
    let streak = noStreak
    await sleep(clock, chance.fraction() * intervalMs, stopped)
    for (;;) {
      const { status, output, ended } = await this.#run(definition, kind)
      if (stopped.aborted) return
      const counted = countResult(streak, status, thresholds)
      streak = counted.streak
      if (counted.believed) report(checkId, status, output)
      if (status === 'critical') log.warn({ check: checkId }, `Check is now critical: ${output}`)
      else log.debug({ check: checkId, status }, 'Check status updated')
      if (ended !== undefined) await Promise.race([ended, once(stopped, 'abort')])
      await sleep(clock, intervalMs, stopped)
    }
  }

  async #run(definition: CheckDefinition, kind: PeriodicKind): Promise<CheckResult> {
    const timeoutMs = definition.TimeoutMs > 0 ? definition.TimeoutMs : kind.timeoutMs
    const run = new AbortController()
    const timer = this.#options.clock.after(timeoutMs, () => run.abort())
    this.#runs.add(run)
    try {
      return await kind.run(definition, {
        timeoutMs,
        outputMaxBytes: this.#outputMax(definition),
        signal: run.signal,
        pipes: this.#pipes,
      })
    } finally {
      timer.cancel()
      this.#runs.delete(run)
    }
  }
}
