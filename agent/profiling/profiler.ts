import { Session } from 'node:inspector/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import type { ProfilerPort } from '../../api/ports.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock } from '../../server/runtime/clock.ts'
import { encodePprof } from './pprof.ts'
import type { Profile } from './pprof.ts'
import { cpuProfile, heapProfile, waitingProfile } from './v8.ts'
import type { Taken } from './v8.ts'

const cpuIntervalMicros = 1000
/** As Go samples its heap: sparse enough to be left on. */
const heapIntervalBytes = 512 * 1024

const compress = promisify(gzip)

/**
 * Looks into this process by V8's own inspector. The heap is sampled from now on, so that what is asked for later tells what has
 * been there since. Disposing of it ends that.
 */
export async function openProfiler(clock: Clock): Promise<ProfilerPort & AsyncDisposable> {
  const begunMs = clock.monotonicMs()
  const heap = new Session()
  heap.connect()
  await heap.post('HeapProfiler.startSampling', { samplingInterval: heapIntervalBytes })
  const underWay = new Set<'profile' | 'trace'>()

  const taken = (interval: number, sinceMs: number): Taken => {
    const nowMs = clock.monotonicMs()
    return { interval, durationMs: nowMs - sinceMs, wallMs: clock.wallMs() - (nowMs - sinceMs) }
  }
  /** V8 would sample for several at once, each costing what it costs. */
  const sampleCpu = async (what: 'profile' | 'trace', durationMs: number, signal: AbortSignal) => {
    if (underWay.has(what))
      throw new PraetorError(
        'failed',
        'Could not enable CPU profiling: cpu profiling already in use',
      )
    underWay.add(what)
    const session = new Session()
    session.connect()
    try {
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: cpuIntervalMicros })
      await session.post('Profiler.start')
      await sleep(clock, durationMs, signal)
      return (await session.post('Profiler.stop')).profile
    } finally {
      session.disconnect()
      underWay.delete(what)
    }
  }

  return {
    async cpu(durationMs, signal) {
      const sinceMs = clock.monotonicMs()
      const profile = await sampleCpu('profile', durationMs, signal)
      return pack(cpuProfile(profile, taken(cpuIntervalMicros, sinceMs)))
    },
    async timeline(durationMs, signal) {
      return JSON.stringify(await sampleCpu('trace', durationMs, signal))
    },
    async heap() {
      const { profile } = await heap.post('HeapProfiler.getSamplingProfile')
      return pack(heapProfile(profile, taken(heapIntervalBytes, begunMs)))
    },
    waiting: () =>
      pack(waitingProfile(process.getActiveResourcesInfo(), taken(1, clock.monotonicMs()))),
    commandLine: () => process.argv,
    async [Symbol.asyncDispose]() {
      await heap.post('HeapProfiler.stopSampling')
      heap.disconnect()
    },
  }
}

function pack(profile: Profile): Promise<Uint8Array> {
  return compress(encodePprof(profile))
}
