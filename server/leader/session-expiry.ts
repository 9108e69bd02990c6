import { describeError } from '../model/errors.ts'
import type { Duty } from './duty.ts'

const retryMs = 1_000

/** Ends sessions whose time is up. */
export const expireSessions: Duty = {
  name: 'expire sessions',
  run({ sessionTtls, propose, log }, signal) {
    sessionTtls.start((ID) => {
      log.debug({ session: ID }, 'Session TTL expired')
      propose('session-destroy', { ID }).catch((error: unknown) => {
        if (signal.aborted) return
        log.error({ session: ID, error: describeError(error) }, 'session not ended')
        sessionTtls.retry(ID, retryMs)
      })
    })
    return new Promise((resolve) => {
      const stop = (): void => {
        sessionTtls.stop()
        resolve()
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  },
}
