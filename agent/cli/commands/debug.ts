import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { durationMs, formatDuration } from '../../../server/model/duration.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { ApiClient } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { archiveDirectory } from '../debug/archive.ts'
import { captureInterval, captureStatic, indented, targets } from '../debug/capture.ts'
import type { Capture, Target } from '../debug/capture.ts'
import { describeReason, telling } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'

const durationDefault = '2m0s'
const durationMinMs = 10_000
const intervalDefault = '30s'
const intervalMinMs = 5000
const formatVersion = 1

export const debugCommand: Command = {
  about: `Usage: praetor debug [options]

  Watches an agent for a while, and packs all it can learn into an archive:
  what the agent is and whom it knows, and in each interval its metrics, its
  log and profiles of what it does and of what it keeps in memory.

      $ praetor debug
      $ praetor debug -duration=1m -interval=20s
      $ praetor debug -capture=agent -capture=metrics

  Interrupted, it packs what it has. Profiles are there where the agent has
  enable_debug = true; "go tool pprof" reads them, and trace.out of an agent of
  ours is a .cpuprofile for the developer tools of a browser.

  Tokens and keys are left out by the agent; read it all the same before you
  give it away.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'archive',
          kind: 'bool',
          doc: 'Packs the directory and removes it; false leaves it as it is.',
          initial: true,
        },
        {
          name: 'capture',
          kind: 'string',
          optional: true,
          doc: 'Captures this: metrics, logs, pprof, host, agent or cluster. May be given several times; all of them if never.',
        },
        {
          name: 'duration',
          kind: 'duration',
          doc: 'How long to watch: 10s at least.',
          initial: durationDefault,
        },
        {
          name: 'interval',
          kind: 'duration',
          doc: 'How often to look: every 5s at most.',
          initial: intervalDefault,
        },
        {
          name: 'output',
          kind: 'string',
          doc: 'Where to write to, without the extension: consul-debug- and the time if not given.',
        },
      ],
    },
  ],
  async run(flags, io) {
    if (flags.rest.length > 0) return refuse(io, 'debug: Too many arguments provided, expected 0')
    const client = await connectAgent(flags, io)
    const plan = await telling('Capture validation failed', prepare(flags, client, io)).catch(
      (error: unknown) => {
        if (error instanceof PraetorError) return refuse(io, error.message)
        throw error
      },
    )
    if (typeof plan === 'number') return plan
    const { capture, output } = plan
    const path = plan.isArchived ? `${output}.tar.gz` : output
    io.out(`==> Starting debugger and capturing static information...
     Agent Version: '${plan.version}'
          Interval: '${formatDuration(plan.intervalMs)}'
          Duration: '${formatDuration(plan.durationMs)}'
            Output: '${path}'
           Capture: '${Array.from(capture.targets).join(', ')}'
`)
    for (const { message } of await captureStatic(capture))
      io.err(`==> Static capture failed: ${message}\n`)
    await watchIntervals(plan, io)
    const index = {
      Version: formatVersion,
      AgentVersion: plan.version,
      Interval: formatDuration(plan.intervalMs),
      Duration: formatDuration(plan.durationMs),
      Targets: Array.from(capture.targets),
    }
    await writeFile(join(output, 'index.json'), indented(index))
    if (plan.isArchived) {
      await archiveDirectory(output, path)
      await rm(output, { recursive: true })
    }
    io.out(`    Saved debug archive: ${path}\n`)
    return 0
  },
}

interface Plan {
  readonly capture: Capture
  readonly version: string
  readonly durationMs: number
  readonly intervalMs: number
  readonly output: string
  readonly isArchived: boolean
}

async function prepare(flags: ParsedFlags, client: ApiClient, io: Io): Promise<Plan> {
  const duration = durationMs(flags.value('duration') ?? durationDefault)
  const interval = durationMs(flags.value('interval') ?? intervalDefault)
  if (duration < durationMinMs)
    throw wrong(`duration must be longer than ${formatDuration(durationMinMs)}`)
  if (interval < intervalMinMs)
    throw wrong(`interval must be longer than ${formatDuration(intervalMinMs)}`)
  if (duration < interval)
    throw wrong(
      `duration (${formatDuration(duration)}) must be longer than interval (${formatDuration(interval)})`,
    )
  const { Config, DebugConfig } = await askSelf(client)
  const asked = flags.values('capture')
  const wanted = asked.length > 0 ? asked : targets
  if (wanted.includes('pprof') && !DebugConfig.EnableDebug)
    io.err(
      '[WARN] Unable to capture pprof. Set enable_debug to true on target agent to enable profiling.\n',
    )
  const captured = wanted.filter((target) => target !== 'pprof' || DebugConfig.EnableDebug)
  const unknown = captured.find((target) => !targets.includes(target as Target))
  if (unknown !== undefined) throw wrong(`target not found: ${unknown}`)
  const output = flags.value('output') ?? `consul-debug-${Math.floor(systemClock.wallMs() / 1000)}`
  if (existsSync(output)) throw wrong(`output directory already exists: ${output}`)
  await mkdir(output, { recursive: true }).catch((error: unknown) => {
    throw wrong(`could not create output directory: mkdir ${output}: ${describeReason(error)}`)
  })
  return {
    capture: {
      client,
      clock: systemClock,
      targets: new Set(captured as Target[]),
      directory: output,
      interrupted: io.interrupted,
    },
    version: Config.Version,
    durationMs: duration,
    intervalMs: interval,
    output,
    isArchived: flags.value('archive') === undefined || flags.isTrue('archive'),
  }
}

interface Self {
  readonly Config: { readonly Version: string }
  readonly DebugConfig: { readonly EnableDebug: boolean }
}

async function askSelf(client: ApiClient): Promise<Self> {
  try {
    return jsonOf(await client.demand('GET', '/v1/agent/self')) as Self
  } catch (error) {
    if (!(error instanceof PraetorError)) throw error
    throw wrong(
      `error querying target agent: ${error.message}. verify connectivity and agent address`,
    )
  }
}

/** As many whole intervals as the duration has. */
async function watchIntervals(
  { capture, durationMs: duration, intervalMs }: Plan,
  io: Io,
): Promise<void> {
  if (capture.targets.isDisjointFrom(new Set<Target>(['metrics', 'logs', 'pprof']))) return
  io.out(`==> Beginning capture interval ${timeText(capture.clock.wallMs())} (0)\n`)
  const intervals = Math.floor(duration / intervalMs)
  for (let number = 1; number <= intervals; number += 1) {
    const begunMs = Math.floor(capture.clock.wallMs() / 1000) * 1000
    const faults = await captureInterval(capture, intervalMs)
    if (io.interrupted.aborted) {
      io.err(
        '==> Error encountered during collection: stopping collection due to shutdown signal\n',
      )
      return
    }
    for (const { message } of faults) io.err(`==> Capture failure ${message}\n`)
    io.out(`==> Capture successful ${timeText(begunMs)} (${number})\n`)
  }
}

/** As Go prints a time, without fractions where there are none. */
function timeText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z/, ' +0000 UTC')
}

function refuse(io: Io, text: string): number {
  io.err(`==> ${text}\n`)
  return 1
}

function wrong(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
