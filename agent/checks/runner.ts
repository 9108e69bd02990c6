import type { CheckStatus } from '../../server/model/check.ts'
import type { CheckDefinition } from '../../server/model/definition.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { Chance } from '../../server/runtime/chance.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import { PipePool } from '../command/pipe.ts'
import type { CheckSpecification } from '../local/definitions.ts'
import { Agenda } from './agenda.ts'
import { AliasCheck, aliasCheck } from './alias.ts'
import type { AliasSources } from './alias.ts'
import type { Authorities } from './authorities.ts'
import type { PeriodicKind } from './kind.ts'
import { PeriodicCheck } from './periodic.ts'
import type { CheckWorld } from './periodic.ts'
import { Spread } from './spread.ts'
import { TtlCheck, ttlCheck } from './ttl.ts'
import type { Report } from './ttl.ts'

export interface RunnerOptions {
  readonly clock: Clock
  readonly chance: Chance
  readonly log: Log
  readonly kinds: readonly PeriodicKind[]
  readonly aliases: AliasSources
  readonly authorities: Authorities
  readonly outputMaxBytes: number
  /** What came of a check: a status that is to be believed. */
  readonly report: (checkId: string, status: CheckStatus, output: string) => void
}

/** More often than this would be a load, and no better look. */
const intervalMinMs = 1000

/** Runs the checks of this node, each at its time and in its own way. */
export class CheckRunner {
  readonly #options: RunnerOptions
  readonly #world: CheckWorld
  readonly #spread: Spread
  readonly #periodic = new Map<string, PeriodicCheck>()
  readonly #ttl = new Map<string, TtlCheck>()
  readonly #aliases = new Map<string, AliasCheck>()

  constructor(options: RunnerOptions) {
    const { clock, chance, log, authorities } = options
    this.#options = options
    this.#world = {
      clock,
      log,
      agenda: new Agenda(clock),
      pipes: new PipePool(),
      authorities,
      runs: new Map(),
    }
    this.#spread = new Spread(chance)
  }

  /** Starts a check, in place of one with the same id. `token` is for what an alias asks the servers. */
  start({ row, definition }: CheckSpecification, token = ''): void {
    const id = row.CheckID
    this.stop(id)
    const { clock, aliases, report: tell } = this.#options
    const report = (status: CheckStatus, output: string): void => tell(id, status, output)
    if (row.Type === ttlCheck.name) {
      const check = new TtlCheck(clock, definition.TTLMs, this.#outputMax(definition), report)
      this.#ttl.set(id, check)
    } else if (row.Type === aliasCheck.name) {
      const options = { sources: aliases, clock, report }
      this.#aliases.set(id, new AliasCheck(id, definition, token, options))
    } else this.#repeat(id, row.Type, definition, report)
  }

  /** A run under way ends by itself, unheard: a script may be what deregisters its own check. */
  stop(checkId: string): void {
    for (const checks of [this.#periodic, this.#ttl, this.#aliases]) {
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
    const { runs, pipes } = this.#world
    for (const run of runs.keys()) run.abort()
    await Promise.all(runs.values())
    await pipes[Symbol.asyncDispose]()
  }

  #repeat(id: string, type: string, definition: CheckDefinition, report: Report): void {
    const { kinds, log } = this.#options
    const kind = kinds.find(({ name }) => name === type)
    if (kind === undefined)
      throw new PraetorError('failed', `this agent runs no checks of type ${JSON.stringify(type)}`)
    const intervalMs = Math.max(intervalMinMs, definition.IntervalMs)
    if (definition.IntervalMs < intervalMinMs)
      log.warn({ check: id }, `Check has interval below minimum of ${intervalMinMs} ms`)
    const outputMaxBytes = this.#outputMax(definition)
    const options = { id, definition, kind, intervalMs, outputMaxBytes, report }
    const check = new PeriodicCheck(this.#world, options)
    this.#periodic.set(id, check)
    check.start(this.#spread.nextMs(intervalMs))
  }

  #outputMax({ OutputMaxSize }: CheckDefinition): number {
    const { outputMaxBytes } = this.#options
    return OutputMaxSize > 0 ? Math.min(OutputMaxSize, outputMaxBytes) : outputMaxBytes
  }
}
