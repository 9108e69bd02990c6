import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { PraetorError } from '../../../server/model/errors.ts'
import { encodeJson } from '../../../server/model/json.ts'
import { sleep } from '../../../server/runtime/clock.ts'
import type { Clock } from '../../../server/runtime/clock.ts'
import { jsonOf } from '../../answer.ts'
import type { ApiClient } from '../client.ts'
import { telling } from '../errno.ts'

/** What can be captured, in the order it is told in. */
export const targets = ['metrics', 'logs', 'pprof', 'host', 'agent', 'cluster'] as const
export type Target = (typeof targets)[number]

export interface Capture {
  readonly client: ApiClient
  readonly clock: Clock
  readonly targets: ReadonlySet<Target>
  /** There already. */
  readonly directory: string
  /** Ends what takes time; what was captured so far stays. */
  readonly interrupted: AbortSignal
}

/** What is so once. Resolves with what could not be had. */
export function captureStatic(capture: Capture): Promise<readonly PraetorError[]> {
  const { client, directory } = capture
  const rows = [
    ['host', '/v1/agent/host', {}],
    ['agent', '/v1/agent/self', {}],
    ['cluster', '/v1/agent/members', { wan: '1' }],
  ] as const
  return faultsOf(
    rows
      .filter(([target]) => capture.targets.has(target))
      .map(async ([target, path, query]) => {
        const answer = await client.demand('GET', path, { query })
        await writeFile(join(directory, `${target}.json`), indented(jsonOf(answer)))
      }),
  )
}

/** What goes on for one interval, in a directory named by when it began. Resolves when the interval is over. */
export async function captureInterval(
  capture: Capture,
  intervalMs: number,
): Promise<readonly PraetorError[]> {
  const { client, clock, interrupted } = capture
  const directory = join(capture.directory, String(Math.floor(clock.wallMs() / 1000)))
  await mkdir(directory, { recursive: true })
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, interrupted])
  const save = async (
    what: string,
    name: string,
    path: string,
    seconds?: string,
  ): Promise<void> => {
    const asked = client.demand('GET', path, { query: { seconds }, signal: interrupted })
    const { body } = await telling(`failed to collect ${what}`, asked)
    await writeFile(join(directory, name), name.endsWith('.json') ? retabbed(body) : body)
  }
  const seconds = String(Math.max(1, Math.round(intervalMs / 1000)))
  const work: Record<Exclude<Target, 'host' | 'agent' | 'cluster'>, () => Promise<void>[]> = {
    metrics: () => [save('metrics', 'metrics.json', '/v1/agent/metrics')],
    logs: () => [followLog(client, join(directory, 'consul.log'), signal)],
    pprof: () => [
      save('heap profile', 'heap.prof', '/debug/pprof/heap'),
      save('goroutine profile', 'goroutine.prof', '/debug/pprof/goroutine'),
      save('cpu profile', 'profile.prof', '/debug/pprof/profile', seconds),
      save('trace', 'trace.out', '/debug/pprof/trace', seconds),
    ],
  }
  const running = faultsOf(
    Object.entries(work).flatMap(([target, begin]) =>
      capture.targets.has(target as Target) ? begin() : [],
    ),
  )
  await sleep(clock, intervalMs, interrupted).catch(() => undefined)
  over.abort()
  return running
}

/** Until the signal fires. */
async function followLog(client: ApiClient, path: string, signal: AbortSignal): Promise<void> {
  const query = { loglevel: 'DEBUG' }
  try {
    const lines = await client.open('GET', '/v1/agent/monitor', { query, signal })
    await pipeline(lines, createWriteStream(path), { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function faultsOf(work: readonly Promise<void>[]): Promise<readonly PraetorError[]> {
  const settled = await Promise.allSettled(work)
  return settled.flatMap((one) => {
    if (one.status === 'fulfilled') return []
    if (one.reason instanceof PraetorError) return [one.reason]
    // Interrupted, and so told already.
    if ((one.reason as Error).name === 'AbortError') return []
    throw one.reason
  })
}

function retabbed(body: Buffer): string {
  return indented(JSON.parse(body.toString()))
}

/** With tabs, as such archives have always been. */
export function indented(value: unknown): string {
  const spaced = encodeJson(value, { pretty: true })
  return spaced.trimEnd().replace(/^(?: {4})+/gm, (indent) => '\t'.repeat(indent.length / 4))
}
