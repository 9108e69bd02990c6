import { describeError } from '../../server/model/errors.ts'
import type { Clock, Timer } from '../../server/runtime/clock.ts'
import type { Log } from '../../server/runtime/log.ts'

export interface WatchdogOptions {
  readonly clock: Clock
  readonly log: Log
  /** How long the manager waits for a sign of life. */
  readonly periodMs: number
  /** Resolves if the agent is well; may take until the signal fires. */
  readonly probe: (signal: AbortSignal) => Promise<void>
  readonly alive: () => void
}

/**
 * Gives a sign of life twice in the manager's period, each time after asking the agent itself. A loop that hangs asks nobody; an
 * agent that doesn't answer gets no sign, is logged while it can still be, and is ended by the manager.
 */
export class Watchdog implements Disposable {
  readonly #options: WatchdogOptions
  readonly #stop = new AbortController()
  #timer: Timer | undefined

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#wait()
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
    this.#timer?.cancel()
  }

  #wait(): void {
    const { clock, periodMs } = this.#options
    this.#timer = clock.after(periodMs / 2, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { clock, log, periodMs, probe, alive } = this.#options
    const silence = new AbortController()
    const timer = clock.after(periodMs / 2, () => silence.abort())
    try {
      await probe(AbortSignal.any([silence.signal, this.#stop.signal]))
      if (this.#stop.signal.aborted) return
      alive()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const why = silence.signal.aborted ? 'no answer in time' : describeError(error)
      log.error({ error: why }, 'the agent does not answer itself; the watchdog is not fed')
    } finally {
      timer.cancel()
    }
    this.#wait()
  }
}
