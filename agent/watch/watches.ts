import { formatDuration } from '../../server/model/duration.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'
import type { Answer } from '../answer.ts'
import { Authorities } from '../checks/authorities.ts'
import { PipePool } from '../command/pipe.ts'
import { requestTarget } from '../request-target.ts'
import { planWatch } from './definition.ts'
import type { WatchDefinition } from './definition.ts'
import { handle } from './handler.ts'
import { watch } from './watcher.ts'

export interface WatchesOptions {
  readonly clock: Clock
  readonly log: Log
  /** Runs handlers that are a line. */
  readonly shell: string
  /** Asks this agent's own API. Rejects with a PraetorError, or the signal's AbortError. */
  readonly ask: (target: string, token: string, signal: AbortSignal) => Promise<Answer>
}

/** The watches of the configuration. */
export class Watches {
  readonly #options: WatchesOptions
  readonly #pipes = new PipePool()
  readonly #authorities = new Authorities()
  /** As many of a kind as the configuration has. */
  #running: { readonly source: string; readonly end: AbortController }[] = []

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  /** Starts those that are new and ends those that are gone. The rest go on, and their handlers are told nothing twice. */
  configure(definitions: readonly WatchDefinition[]): void {
    const before = [...this.#running]
    this.#running = definitions.map((definition) => {
      const source = JSON.stringify(definition)
      const kept = before.findIndex((running) => running.source === source)
      const [running] = kept < 0 ? [] : before.splice(kept, 1)
      return running ?? { source, end: this.#start(definition) }
    })
    for (const { end } of before) end.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.configure([])
    await this.#pipes[Symbol.asyncDispose]()
  }

  #start(definition: WatchDefinition): AbortController {
    const end = new AbortController()
    this.#follow(definition, end.signal).catch((error: unknown) => {
      if (!end.signal.aborted) throw error
    })
    return end
  }

  async #follow(definition: WatchDefinition, signal: AbortSignal): Promise<void> {
    const { clock, log, ask, shell } = this.#options
    const { type, look, datacenter: dc, stale, token, handler } = planWatch(definition, shell)
    const read = (path: string, query: object): Promise<Answer> =>
      ask(requestTarget(path, { dc, stale: stale ? '' : undefined, ...query }), token, signal)
    const views = watch((after) => look(read, after), {
      clock,
      signal,
      failed: ({ message: error }, retryMs) =>
        log.error({ type, error, retry: formatDuration(retryMs) }, 'Watch errored'),
    })
    const deps = { clock, log, pipes: this.#pipes, authorities: this.#authorities }
    for await (const view of views) await handle(handler, view, deps)
  }
}
