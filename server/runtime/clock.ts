/**
 * Time as the program may see it. Everything that waits or asks the hour is given a Clock, so that tests and the simulator
 * can run it by hand. Monotonic milliseconds measure; wall milliseconds are only ever shown to people.
 */
export interface Clock {
  /** Milliseconds since an unknown beginning; never goes back, and stands still while the machine sleeps. */
  monotonicMs(): number
  /** Milliseconds since 1970. May jump either way. */
  wallMs(): number
  /** Calls back once, not before `delayMs` have passed. */
  after(delayMs: number, callback: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** setTimeout fires at once for longer delays than this; a longer wait is taken in stages. */
const longestTimeoutMs = 2 ** 31 - 1

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    let left = Math.max(0, delayMs)
    let handle: NodeJS.Timeout
    const arm = (): void => {
      const step = Math.min(left, longestTimeoutMs)
      left -= step
      handle = setTimeout(() => (left > 0 ? arm() : callback()), step)
    }
    arm()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after the delay, or rejects with the signal's reason. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const onAbort = (): void => {
      timer.cancel()
      reject(signal.reason as Error)
    }
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
