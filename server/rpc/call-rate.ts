import { PraetorError } from '../model/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'

/** How many calls a client may make. */
export interface CallRateLimits {
  /** In the long run; 0 and less for no limit. */
  readonly callsPerSecond: number
  /** At once, after a time without any. */
  readonly burstMax: number
}

/** A token bucket: a call takes a token, and they come back at the rate that is allowed. */
export class CallRate {
  readonly #clock: Clock
  readonly #metrics: Metrics
  #limits: CallRateLimits
  #tokens: number
  #countedMs: number

  constructor(limits: CallRateLimits, clock: Clock, metrics: Metrics) {
    this.#clock = clock
    this.#metrics = metrics
    this.#limits = limits
    this.#tokens = limits.burstMax
    this.#countedMs = clock.monotonicMs()
  }

  /** Begins anew with other limits, where they are others. */
  change(limits: CallRateLimits): void {
    const { callsPerSecond, burstMax } = this.#limits
    if (limits.callsPerSecond === callsPerSecond && limits.burstMax === burstMax) return
    this.#limits = limits
    this.#tokens = limits.burstMax
    this.#countedMs = this.#clock.monotonicMs()
  }

  /** Takes a token. Throws a PraetorError in Consul's words where there is none. */
  take(): void {
    this.#metrics.count('client.rpc')
    const { callsPerSecond, burstMax } = this.#limits
    if (callsPerSecond <= 0) return
    const nowMs = this.#clock.monotonicMs()
    const gained = ((nowMs - this.#countedMs) / 1000) * callsPerSecond
    this.#countedMs = nowMs
    this.#tokens = Math.min(burstMax, this.#tokens + gained)
    if (this.#tokens < 1) {
      this.#metrics.count('client.rpc.exceeded')
      throw new PraetorError('limited', 'RPC rate limit exceeded')
    }
    this.#tokens -= 1
  }
}
