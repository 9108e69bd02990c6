import { noLeader } from '../model/errors.ts'
import type { Chance } from '../runtime/chance.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { fateOf } from './fate.ts'
import type { Fate } from './fate.ts'

export interface HoldConfig<Who> {
  readonly clock: Clock
  readonly chance: Chance
  readonly metrics: Metrics
  /** How long a call that failed, or found no leader, is held before it fails for good (Consul's rpc_hold_timeout). */
  readonly holdMs: number
  /** Who carries a call out at this moment; `undefined` while there is no leader. */
  readonly whom: () => Who | undefined
}

/** A call, as it is made each time. */
export interface Attempts<Who, Reply> {
  readonly make: (who: Who) => Promise<Reply>
  /** Whether it may be made again after that. */
  readonly mayAgain: (fate: Fate) => boolean
  readonly signal: AbortSignal | undefined
}

/** A call is made again after up to this fraction of the hold; the figure is Consul's. */
const pauseFraction = 1 / 16
/** Who waits for a leader is woken when there is one. This often it is seen who has waited long enough. */
const lookMs = 20
/** Calls that may be held: beyond this a cluster without a leader is not made better by patience. */
const heldMax = 65_536

interface Failed<Who> {
  readonly error: Error
  readonly who: Who
}

/** Makes calls until they are answered, may not be made again, or were held for long enough. */
export class Hold<Who> {
  readonly #config: HoldConfig<Who>
  /** Those that wait for something to change. */
  readonly #sleepers = new Set<() => void>()
  #held = 0
  #looking: Promise<void> | undefined

  constructor(config: HoldConfig<Who>) {
    this.#config = config
  }

  async make<Reply>(attempts: Attempts<Who, Reply>): Promise<Reply> {
    const who = this.#config.whom()
    if (who === undefined) return this.#hold(attempts, undefined)
    try {
      return await attempts.make(who)
    } catch (error) {
      if (!attempts.mayAgain(fateOf(error))) throw error
      return this.#hold(attempts, { error: error as Error, who })
    }
  }

  /** It may be somebody else who carries calls out now. */
  wake(): void {
    for (const wake of this.#sleepers) wake()
  }

  /** What failed before, if something did: whoever is told in the end is told of the last failure. */
  async #hold<Reply>(
    attempts: Attempts<Who, Reply>,
    failed: Failed<Who> | undefined,
  ): Promise<Reply> {
    if (this.#held >= heldMax) throw failed?.error ?? noLeader()
    this.#held += 1
    try {
      return await this.#makeAgain(attempts, failed)
    } finally {
      this.#held -= 1
    }
  }

  async #makeAgain<Reply>(
    { make, mayAgain, signal }: Attempts<Who, Reply>,
    before: Failed<Who> | undefined,
  ): Promise<Reply> {
    const { clock, chance, metrics, holdMs, whom } = this.#config
    const untilMs = clock.monotonicMs() + holdMs
    const tried = new Set<Who | undefined>()
    for (let failed = before; ;) {
      if (failed !== undefined) tried.add(failed.who)
      // Whoever has not failed yet is asked at once; when all have, those that ask them must neither spin nor come back together.
      if (tried.has(whom())) {
        await this.#sleep(chance.fraction() * holdMs * pauseFraction, signal)
        tried.clear()
      }
      const who = whom()
      const isOver = clock.monotonicMs() >= untilMs
      if (who === undefined) {
        if (isOver) throw failed?.error ?? noLeader()
        await this.#look()
        signal?.throwIfAborted()
        continue
      }
      try {
        metrics.count('rpc.forward_retry')
        return await make(who)
      } catch (error) {
        if (isOver || !mayAgain(fateOf(error))) throw error
        failed = { error: error as Error, who }
      }
    }
  }

  /** Until it is time to look for a leader again. All that wait share one timer: without a leader they are many. */
  #look(): Promise<void> {
    this.#looking ??= this.#sleep(Math.min(lookMs, this.#config.holdMs)).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Ends early when it may be somebody else who leads. Rejects with the signal's reason. */
  #sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel()
        this.#sleepers.delete(wake)
        signal?.removeEventListener('abort', giveUp)
      }
      const wake = (): void => {
        end()
        resolve()
      }
      const giveUp = (): void => {
        end()
        reject(signal?.reason as Error)
      }
      const timer = this.#config.clock.after(delayMs, wake)
      this.#sleepers.add(wake)
      if (signal?.aborted === true) giveUp()
      else signal?.addEventListener('abort', giveUp)
    })
  }
}
