import { PraetorError } from '../../../server/model/errors.ts'
import { sleep } from '../../../server/runtime/clock.ts'
import type { Clock } from '../../../server/runtime/clock.ts'
import type { ApiClient } from '../client.ts'

/** A lock or a place in a semaphore, as `praetor lock` uses either. */
export interface Holding {
  /** What is told when it is being set up. */
  readonly description: string
  /** Whether it was had before the time was over. Rejects with a PraetorError where it can't be had, or when interrupted. */
  acquire(): Promise<boolean>
  /** Resolves when it is lost, or can't be known to be held. */
  lost(signal: AbortSignal): Promise<void>
  release(): Promise<void>
  /** Removes what nobody uses any more: false if somebody does. */
  cleanUp(): Promise<boolean>
}

export interface HoldingDeps {
  readonly client: ApiClient
  readonly clock: Clock
  readonly sessionId: string
  /** How long to try; `undefined` for as long as it takes. */
  readonly timeoutMs: number | undefined
  /** How often failing servers are asked again before a lock counts as lost. */
  readonly monitorRetries: number
  readonly interrupted: AbortSignal
}

/** How long one question waits for a change. */
const waitMs = 15_000
/** How long after a failure a monitor asks again. */
const monitorRetryMs = 1000

/** How long each attempt may wait, in a query's words: less and less where there is an end to it. `undefined` after that. */
export function attemptWaits({ clock, timeoutMs }: HoldingDeps): () => string | undefined {
  const begunMs = clock.monotonicMs()
  let attempts = 0
  return () => {
    attempts += 1
    if (timeoutMs === undefined) return `${waitMs}ms`
    const leftMs = Math.ceil(timeoutMs - (clock.monotonicMs() - begunMs))
    if (attempts > 1 && leftMs <= 0) return undefined
    return `${Math.max(1, leftMs)}ms`
  }
}

/** Looks until `isHeld` is not so, or servers fail too often. */
export async function watchHolding(
  look: (
    index: string | undefined,
  ) => Promise<{ readonly isHeld: boolean; readonly index: string }>,
  { clock, monitorRetries }: HoldingDeps,
  signal: AbortSignal,
): Promise<void> {
  let index: string | undefined
  let retries = monitorRetries
  while (!signal.aborted) {
    try {
      const seen = await look(index)
      if (!seen.isHeld) return
      index = seen.index
      retries = monitorRetries
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof PraetorError)) throw error
      if (retries === 0) return
      retries -= 1
      index = undefined
      await sleep(clock, monitorRetryMs, signal).catch(() => undefined)
    }
  }
}
