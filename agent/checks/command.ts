import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Readable } from 'node:stream'

import { quote } from '../../server/filter/literal.ts'
import { CheckFault, faultText } from './kind.ts'
import type { RunLimits } from './kind.ts'
import type { Pipe } from './pipe.ts'
import { Tail } from './tail.ts'

/** How a command ended. */
export interface CommandEnd {
  /** Undefined where a signal ended it, or it was late. */
  readonly code: number | undefined
  readonly isLate: boolean
  /** Output and errors in the order written; the end of them, where there is more than the limit. */
  readonly output: string
  /** Once no process is left of it that could meet the next run's. */
  readonly ended: Promise<void>
}

/**
 * Runs a command in the agent's environment and directory, with nothing to read, as the leader of a process group. It is over when it
 * has ended and nobody holds its output any more; when the time is over, the whole group is killed. Rejects with a CheckFault in
 * the words of Go's os/exec where it can't be started.
 */
export async function runCommand(
  args: readonly string[],
  { outputMaxBytes, signal, pipes }: RunLimits,
): Promise<CommandEnd> {
  const tail = new Tail(outputMaxBytes)
  const pipe = await pipes.open()
  const child = start(args, pipe)
  const outputs = pipe === undefined ? [child.stdout, child.stderr] : [pipe.reader]
  const exited = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? undefined))
  })
  const drained = Promise.all(outputs.map((output) => readInto(tail, output)))
  let isEnded = false
  const { promise: late, resolve: onAbort } = Promise.withResolvers<'late'>()
  const abort = (): void => onAbort('late')
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    const first = await Promise.race([late, Promise.all([exited, drained])])
    isEnded = first !== 'late'
    if (isEnded) return { code: await exited, isLate: false, output: tail.report(), ended: done }
    killGroup(child)
    const ended = exited.then(() => undefined).catch(() => undefined)
    return { code: undefined, isLate: true, output: tail.report(), ended }
  } catch (error) {
    // Nothing was started: the pipe has no writer.
    isEnded = true
    throw new CheckFault(describeStart(args[0] ?? '', error))
  } finally {
    signal.removeEventListener('abort', abort)
    for (const output of outputs) output?.destroy()
    pipe?.release(isEnded)
  }
}

const done = Promise.resolve()

function start([command = '', ...args]: readonly string[], pipe: Pipe | undefined): ChildProcess {
  try {
    return spawn(command, args, {
      detached: true,
      stdio:
        pipe === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', pipe.writerFd, pipe.writerFd],
    })
  } catch (error) {
    pipe?.reader.destroy()
    pipe?.release(true)
    throw new CheckFault(describeStart(command, error))
  } finally {
    if (pipe !== undefined) closeSync(pipe.writerFd)
  }
}

function readInto(tail: Tail, output: Readable | null): Promise<void> {
  return new Promise((resolve) => {
    if (output === null) return resolve()
    output.on('data', (chunk: Buffer) => tail.write(chunk))
    output.once('end', resolve)
    output.once('error', () => resolve())
  })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

function describeStart(command: string, error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  const unfound = code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR'
  if (unfound && !command.includes('/'))
    return `exec: ${quote(command)}: executable file not found in $PATH`
  const words = command === '' ? systemWords['ENOENT'] : systemWords[code]
  return `fork/exec ${command}: ${words ?? faultText(error)}`
}

const systemWords: Readonly<Record<string, string>> = {
  E2BIG: 'argument list too long',
  EACCES: 'permission denied',
  EAGAIN: 'resource temporarily unavailable',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
  ENOMEM: 'cannot allocate memory',
  ENOTDIR: 'not a directory',
  ERR_INVALID_ARG_VALUE: 'invalid argument',
  ETXTBSY: 'text file busy',
}
