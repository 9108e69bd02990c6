import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'

/** How often the log hears of what was dropped, whatever a network sends. */
const logEveryMs = 60_000

/** What was dropped on the way in or out: counted each time, logged by reason once a minute at most. */
export class DropLog {
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #counts = new Map<string, number>()
  #quietUntilMs = 0

  constructor({
    clock,
    log,
    metrics,
  }: {
    readonly clock: Clock
    readonly log: Log
    readonly metrics: Metrics
  }) {
    this.#clock = clock
    this.#log = log
    this.#metrics = metrics
  }

  /** The reason is one of a few fixed phrases: each is kept until it was logged. */
  note(reason: string, times = 1): void {
    this.#metrics.count('memberlist.dropped', times, { reason })
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + times)
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < this.#quietUntilMs) return
    this.#quietUntilMs = nowMs + logEveryMs
    this.#log.warn({ dropped: Object.fromEntries(this.#counts) }, 'gossip was dropped')
    this.#counts.clear()
  }
}
