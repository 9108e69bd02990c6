import type { Pool } from './gossip/pool.ts'
import { describeError, PraetorError } from './model/errors.ts'
import type { Clock } from './runtime/clock.ts'
import { sleep } from './runtime/clock.ts'
import type { Log } from './runtime/log.ts'

/** Whom to look for at the start. */
export interface RetryJoin {
  /** Members to contact until one answers. */
  readonly addresses: readonly string[]
  /** The longest wait between attempts. */
  readonly intervalMs: number
  /** 0 tries for ever. */
  readonly attemptsMax: number
}

interface RetryJoinWorld {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** The others may be starting too: the first attempts follow each other quickly. */
const firstRetryMs = 100

/**
 * Contacts the members it was told of until one answers, or the signal fires. Rejects with a PraetorError when there were enough
 * attempts.
 */
export async function retryJoin(
  pool: Pick<Pool, 'join'>,
  { addresses, attemptsMax, intervalMs }: RetryJoin,
  { clock, log, signal }: RetryJoinWorld,
): Promise<void> {
  if (addresses.length === 0) return
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      const count = await pool.join(addresses)
      return log.info({ num_agents: count }, 'Join cluster completed. Synced with initial agents')
    } catch (error) {
      if (attemptsMax > 0 && attempt > attemptsMax)
        throw new PraetorError(
          'failed',
          `max join retry exhausted, exiting: ${describeError(error)}`,
        )
      log.warn({ error: describeError(error) }, 'Join cluster failed, will retry')
      const delayMs = Math.min(intervalMs, firstRetryMs * 2 ** Math.min(attempt, 10))
      await sleep(clock, delayMs, signal).catch(() => undefined)
    }
  }
}
