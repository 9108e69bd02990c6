import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'

/** Warnings about what may happen many times a second for days: each subject is heard once a minute. */
export class QuietLog {
  readonly #log: Log
  readonly #clock: Clock
  readonly #warnedMs = new Map<string, number>()

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  warn(subject: string, fields: object, message: string): void {
    const nowMs = this.#clock.monotonicMs()
    const warnedMs = this.#warnedMs.get(subject)
    if (warnedMs !== undefined && nowMs - warnedMs < quietMs)
      return this.#log.debug(fields, message)
    // Subjects come from outside: forgetting them all costs a few lines, remembering them all does not end.
    if (this.#warnedMs.size >= subjectsMax) this.#warnedMs.clear()
    this.#warnedMs.set(subject, nowMs)
    this.#log.warn(fields, message)
  }

  /** It is well again; the next time is news. */
  forget(subject: string): void {
    this.#warnedMs.delete(subject)
  }
}

const quietMs = 60_000
const subjectsMax = 1024
