import { sleep, systemClock } from '../../../server/runtime/clock.ts'
import type { ApiClient } from '../client.ts'
import type { Io } from '../command.ts'
import { findings } from './findings.ts'
import type { Finding } from './findings.ts'

export interface ListenOptions {
  /** The key that all is below, with a slash at its end. */
  readonly directory: string
  /** How long to wait where nothing comes; four times as long while a command still runs. */
  readonly waitMs: number
  readonly isVerbose: boolean
}

/** Where a command failed somewhere, or was not done when we stopped waiting. */
const failedCode = 2

/** Prints what nodes tell until they tell no more. The exit code. */
export async function listen(
  client: ApiClient,
  io: Io,
  { directory, waitMs, isVerbose }: ListenOptions,
): Promise<number> {
  const startMs = systemClock.monotonicMs()
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, io.interrupted])
  const complain = (line: string): void => io.err(`${line}\n`)
  const found = findings(client, { directory, waitMs, signal, complain })
  const count = { acknowledged: 0, exited: 0, failed: 0 }
  try {
    for (;;) {
      const isWorking = count.acknowledged > count.exited
      const next = await within(found.next(), isWorking ? 4 * waitMs : waitMs, signal)
      if (next === undefined || next.done === true) break
      const finding = next.value
      if (finding.kind === 'acknowledged') count.acknowledged += 1
      if (finding.kind === 'exit') {
        count.exited += 1
        if (finding.code !== 0) count.failed += 1
      }
      if (isVerbose || finding.kind === 'exit' || finding.kind === 'output') io.out(print(finding))
    }
  } finally {
    over.abort()
  }
  io.out(`${count.exited} / ${count.acknowledged} node(s) completed / acknowledged\n`)
  const seconds = ((systemClock.monotonicMs() - startMs) / 1000).toFixed(2)
  if (isVerbose) io.out(`Completed in ${seconds} seconds\n`)
  return count.failed > 0 || count.exited < count.acknowledged ? failedCode : 0
}

/** Undefined where the time is over first. */
async function within<Result>(
  work: Promise<Result>,
  delayMs: number,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const settled = new AbortController()
  const patience = sleep(systemClock, delayMs, AbortSignal.any([settled.signal, signal]))
  try {
    return await Promise.race([work, patience.then(() => undefined)])
  } finally {
    settled.abort()
  }
}

/** Bytes as they came, each line with the node's name before it. */
function print(finding: Finding): Buffer {
  const arrow = finding.kind === 'output' ? '   ' : '==>'
  const node = Buffer.from(finding.node).toString('latin1')
  const lines = said(finding).split('\n')
  const text = lines.map((line) => `${arrow} ${node}: ${line}`).join('\n')
  return Buffer.from(`${text.replace(/[\t-\r ]+$/, '')}\n`, 'latin1')
}

function said(finding: Finding): string {
  switch (finding.kind) {
    case 'acknowledged':
      return 'acknowledged'
    case 'heartbeat':
      return 'heartbeat received'
    case 'exit':
      return `finished with exit code ${finding.code}`
    default:
      return finding.output.toString('latin1')
  }
}
