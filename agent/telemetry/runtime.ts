import { PerformanceObserver } from 'node:perf_hooks'

import type { Metrics } from '../../server/runtime/metrics.ts'
import type { ProcessMetric } from './prometheus.ts'

/** What the process says of itself: the runtime's gauges, where Node has what Go's name means. */
export interface RuntimeMeter extends Disposable {
  /** Sets the gauges. */
  report(metrics: Metrics): void
  processMetrics(wallMs: number): readonly ProcessMetric[]
}

/**
 * `runtime.alloc_bytes` is what JavaScript objects and buffers take, `sys_bytes` the memory that is really used, and the collector's
 * pauses are those of the main thread. The numbers of objects, allocations and goroutines have no counterpart and are not given.
 */
export function meterRuntime(): RuntimeMeter {
  let pauses: number[] = []
  let pausedNs = 0
  let runs = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      const pauseNs = Math.round(duration * 1e6)
      pausedNs += pauseNs
      runs += 1
      if (pauses.length < pausesMax) pauses.push(pauseNs)
    }
  })
  observer.observe({ entryTypes: ['gc'] })

  return {
    report(metrics) {
      const { rss, heapUsed, external } = process.memoryUsage()
      metrics.gauge('runtime.alloc_bytes', heapUsed + external)
      metrics.gauge('runtime.sys_bytes', rss)
      metrics.gauge('runtime.total_gc_pause_ns', pausedNs)
      metrics.gauge('runtime.total_gc_runs', runs)
      for (const pauseNs of pauses) metrics.sample('runtime.gc_pause_ns', pauseNs)
      pauses = []
    },
    processMetrics: (wallMs) => {
      const { user, system } = process.cpuUsage()
      return [
        {
          name: 'process_cpu_seconds_total',
          help: 'Total user and system CPU time spent in seconds.',
          type: 'counter',
          value: (user + system) / 1e6,
        },
        {
          name: 'process_resident_memory_bytes',
          help: 'Resident memory size in bytes.',
          type: 'gauge',
          value: process.memoryUsage.rss(),
        },
        {
          name: 'process_start_time_seconds',
          help: 'Start time of the process since unix epoch in seconds.',
          type: 'gauge',
          value: Math.round(wallMs - process.uptime() * 1000) / 1000,
        },
      ]
    },
    [Symbol.dispose]: () => observer.disconnect(),
  }
}

/** Pauses remembered between two reports. */
const pausesMax = 1000
