import { openSync, readSync } from 'node:fs'
import { PerformanceObserver } from 'node:perf_hooks'

/**
 * Loaded into a server before it starts (`node --import`), measures how long its event loop stands still, and tells its parent
 * when asked. A timer that is due every millisecond comes late by what the loop's turn took; how long the thread then stood in
 * the queue for a processor is known to Linux, and told apart: on a machine with fewer of them than servers that is no fault
 * of the server.
 */
export interface Stalls {
  /** The longest turn of the loop. */
  readonly worstMs: number
  /** The longest turn less the wait for a processor in it. */
  readonly worstOwnMs: number
  /** Turns longer than 20 ms by themselves. */
  readonly over: number
  readonly turns: number
  readonly gcWorstMs: number
  readonly gcTotalMs: number
  /** Since it began, of all threads; and that of the loop's alone. */
  readonly cpuUs: number
  readonly loopCpuUs: number
  readonly rssBytes: number
}

/** What a stall may be at most. */
export const stallMaxMs = 20

const periodMs = 1
const schedule = openSync('/proc/thread-self/schedstat', 'r')
const line = Buffer.alloc(128)

/** How long this thread could have run and had no processor. */
function waitedMs(): number {
  const length = readSync(schedule, line, 0, line.length, 0)
  return Number(line.toString('latin1', 0, length).split(' ')[1]) / 1e6
}

const nothing = { worstMs: 0, worstOwnMs: 0, over: 0, turns: 0, gcWorstMs: 0, gcTotalMs: 0 }
let seen = { ...nothing }
let lastMs = performance.now()
let lastWaitedMs = waitedMs()

function look(): void {
  const nowMs = performance.now()
  const totalMs = waitedMs()
  const turnMs = nowMs - lastMs - periodMs
  const ownMs = turnMs - (totalMs - lastWaitedMs)
  seen.turns += 1
  seen.worstMs = Math.max(seen.worstMs, turnMs)
  seen.worstOwnMs = Math.max(seen.worstOwnMs, ownMs)
  if (ownMs > stallMaxMs) seen.over += 1
  lastMs = nowMs
  lastWaitedMs = totalMs
}

function sum({ system, user }: NodeJS.CpuUsage): number {
  return system + user
}

if (process.send !== undefined) {
  setInterval(look, periodMs).unref()
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      seen.gcWorstMs = Math.max(seen.gcWorstMs, duration)
      seen.gcTotalMs += duration
    }
  }).observe({ entryTypes: ['gc'] })
  process.on('message', () => {
    look()
    const stalls: Stalls = {
      ...seen,
      cpuUs: sum(process.cpuUsage()),
      loopCpuUs: sum(process.threadCpuUsage()),
      rssBytes: process.memoryUsage.rss(),
    }
    seen = { ...nothing }
    process.send?.(stalls)
  })
  process.channel?.unref()
}
