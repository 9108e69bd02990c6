import { describeError } from '../model/errors.ts'
import { sleep } from '../runtime/clock.ts'
import type { Duty, LeaderContext } from './duty.ts'

const retryMs = 1_000

/** Carries out the duties until it is disposed of, which waits for every one of them to have stopped. */
export class Leadership {
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>

  constructor(context: LeaderContext, duties: readonly Duty[]) {
    this.#running = Promise.all(duties.map((duty) => persist(duty, context, this.#stop.signal)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

async function persist(duty: Duty, context: LeaderContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await duty.run(context, signal)
    } catch (error) {
      if (signal.aborted) return
      context.log.error(
        { duty: duty.name, error: describeError(error) },
        'a duty of the leader failed',
      )
      await sleep(context.clock, retryMs, signal).catch(() => undefined)
    }
  }
}
