import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { Clock, Timer } from '../../runtime/clock.ts'

export interface LoopLagOptions {
  readonly clock: Clock
  /** The 99th percentile of how late the loop ran what was due, since the last time. */
  readonly onLag: (lagMs: number) => void
}

const resolutionMs = 20
const tellEveryMs = 5_000
const nanosecondsPerMs = 1e6

/** Measures how late this process is: a slow loop must be known as ours, and not be taken for the slowness of others. */
export function watchLoopLag({ clock, onLag }: LoopLagOptions): Disposable {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  let timer: Timer
  const tell = (): void => {
    // What is measured is the time between two samples, which is never less than the resolution.
    onLag(Math.max(0, delays.percentile(99) / nanosecondsPerMs - resolutionMs))
    delays.reset()
    timer = clock.after(tellEveryMs, tell)
  }
  timer = clock.after(tellEveryMs, tell)
  return {
    [Symbol.dispose]() {
      timer.cancel()
      delays.disable()
    },
  }
}
