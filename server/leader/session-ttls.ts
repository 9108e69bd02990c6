import type { SessionDeadlines } from '../endpoints/method.ts'
import { durationMs } from '../model/duration.ts'
import type { Session } from '../model/session.ts'
import { sessionTtlMultiplier } from '../model/session.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Store } from '../state/store.ts'

/**
 * When each session that has a TTL will end unless it is renewed. Deadlines are the leader's own: a new leader starts every one of
 * them anew, since it can't know what the old one was told in its last moments; a session may live longer for it, never shorter.
 */
export class SessionTtls implements SessionDeadlines {
  readonly #store: Store
  readonly #clock: Clock
  readonly #timers = new Map<string, Timer>()
  #expire: ((sessionId: string) => void) | undefined

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  get size(): number {
    return this.#timers.size
  }

  /** From now on calls back for each session whose time is up. */
  start(expire: (sessionId: string) => void): void {
    this.#expire = expire
    for (const session of this.#store.sessions.all()) this.#arm(session)
  }

  stop(): void {
    this.#expire = undefined
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  renew(sessionId: string): void {
    const session = this.#store.sessions.get(sessionId.toLowerCase())
    if (session !== undefined && this.#expire !== undefined) this.#arm(session)
  }

  /** Tries again later where the end could not be written. */
  retry(sessionId: string, delayMs: number): void {
    if (this.#expire === undefined) return
    this.#timers.get(sessionId)?.cancel()
    this.#timers.set(
      sessionId,
      this.#clock.after(delayMs, () => this.#isDue(sessionId)),
    )
  }

  #arm({ ID, TTL }: Session): void {
    const ttlMs = TTL === '' ? 0 : durationMs(TTL)
    if (ttlMs <= 0) return
    this.retry(ID, ttlMs * sessionTtlMultiplier)
  }

  #isDue(sessionId: string): void {
    this.#timers.delete(sessionId)
    if (this.#store.sessions.get(sessionId.toLowerCase()) !== undefined) this.#expire?.(sessionId)
  }
}
