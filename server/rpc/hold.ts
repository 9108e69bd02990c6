import { noLeader } from '../model/errors.ts'
import type { Rpc } from '../model/methods.ts'
import type { Chance } from '../runtime/chance.ts'
import { sleep } from '../runtime/clock.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { fateOf } from './fate.ts'
import type { Fate } from './fate.ts'

export interface HoldConfig {
  readonly clock: Clock
  readonly chance: Chance
  readonly metrics: Metrics
  /** How long a call that failed, or found no leader, is held before it fails for good (Consul's rpc_hold_timeout). */
  readonly holdMs: number
  /** Who carries a call out at this moment; `undefined` while there is no leader. */
  readonly whom: () => Rpc | undefined
}

/** A call, as it is made each time. */
export interface Attempts<Reply> {
  readonly make: (rpc: Rpc) => Promise<Reply>
  /** Whether it may be made again after that. */
  readonly mayAgain: (fate: Fate) => boolean
  readonly signal: AbortSignal | undefined
}

/** A call is made again after up to this fraction of the hold; the figure is Consul's. */
const pauseFraction = 1 / 16
/** While there is no leader, this often is looked for one: a call then waits no longer than it must. */
const lookMs = 20
/** Calls that may be held: beyond this a cluster without a leader is not made better by patience. */
const heldMax = 65_536

/** Makes calls until they are answered, may not be made again, or were held for long enough. */
export class Hold {
  readonly #config: HoldConfig
  #held = 0
  #looking: Promise<void> | undefined

  constructor(config: HoldConfig) {
    this.#config = config
  }

  async make<Reply>(attempts: Attempts<Reply>): Promise<Reply> {
    const rpc = this.#config.whom()
    if (rpc === undefined) return this.#hold(attempts, undefined)
    try {
      return await attempts.make(rpc)
    } catch (error) {
      if (!attempts.mayAgain(fateOf(error))) throw error
      return this.#hold(attempts, error as Error)
    }
  }

  /** The error is that of the attempt before, if there was one: whoever is told in the end is told of the last one. */
  async #hold<Reply>(attempts: Attempts<Reply>, error: Error | undefined): Promise<Reply> {
    if (this.#held >= heldMax) throw error ?? noLeader()
    this.#held += 1
    try {
      return await this.#makeAgain(attempts, error)
    } finally {
      this.#held -= 1
    }
  }

  async #makeAgain<Reply>(
    { make, mayAgain, signal }: Attempts<Reply>,
    before: Error | undefined,
  ): Promise<Reply> {
    const { clock, metrics, holdMs, whom } = this.#config
    const untilMs = clock.monotonicMs() + holdMs
    let last = before
    if (last !== undefined) await this.#pause(signal)
    for (;;) {
      const rpc = whom()
      const isOver = clock.monotonicMs() >= untilMs
      if (rpc === undefined) {
        if (isOver) throw last ?? noLeader()
        await this.#look()
        signal?.throwIfAborted()
        continue
      }
      try {
        metrics.count('rpc.forward_retry')
        return await make(rpc)
      } catch (error) {
        if (isOver || !mayAgain(fateOf(error))) throw error
        last = error as Error
      }
      await this.#pause(signal)
    }
  }

  /** So that calls which failed together are not made together again. */
  async #pause(signal: AbortSignal | undefined): Promise<void> {
    const { clock, chance, holdMs } = this.#config
    const pauseMs = chance.fraction() * holdMs * pauseFraction
    await (signal === undefined ? after(clock, pauseMs) : sleep(clock, pauseMs, signal))
  }

  /** Until it is time to look for a leader again. All that wait share one timer: without a leader they are many. */
  #look(): Promise<void> {
    const { clock, holdMs } = this.#config
    this.#looking ??= after(clock, Math.min(lookMs, holdMs)).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }
}

function after(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
