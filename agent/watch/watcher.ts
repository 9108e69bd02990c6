import { isDeepStrictEqual } from 'node:util'

import { PraetorError } from '../../server/model/errors.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import type { View } from './kind.ts'

/** After a failure; the second in a row waits four times as long, the third nine times. */
const retryMs = 5000
const retryMsMax = 180_000
/** What changes oftener than this is looked at again no sooner, and so is what answers at once without having changed. */
const restMs = 100

export interface WatcherDeps {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Told of each failure, and of how long nothing is asked then. */
  failed(error: PraetorError, retryMs: number): void
}

/** What is seen now, and again whenever it has changed. Ends when the signal does, by its AbortError. */
export async function* watch(
  look: (after: string | undefined) => Promise<View>,
  deps: WatcherDeps,
): AsyncGenerator<View> {
  const { clock, signal } = deps
  let seen: View | undefined
  let after: string | undefined
  for (let failures = 0; ; await sleep(clock, restMs, signal)) {
    try {
      const view = await look(after)
      failures = 0
      if (seen !== undefined && markOf(view) === markOf(seen)) continue
      after = view.mark ?? nextIndex(after, view.index)
      const known = seen !== undefined && isDeepStrictEqual(seen.value, view.value)
      seen = view
      if (!known) yield view
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      failures += 1
      const delayMs = Math.min(retryMs * failures ** 2, retryMsMax)
      deps.failed(error, delayMs)
      await sleep(clock, delayMs, signal)
    }
  }
}

function markOf({ mark, index }: View): string {
  return mark ?? index
}

/** An index that went back is of a state that was replaced; asking for more than it would wait in vain. */
function nextIndex(before: string | undefined, now: string): string | undefined {
  if (now === '0') return undefined
  return before !== undefined && BigInt(now) < BigInt(before) ? undefined : now
}
