import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Readable } from 'node:stream'

import { quote } from '../../server/filter/literal.ts'
import { describeError } from '../../server/model/errors.ts'
import type { Pipe, PipePool } from './pipe.ts'

export interface CommandOptions {
  /** What it finds in its environment beside ours. */
  readonly env?: Readonly<Record<string, string>>
  /** What it reads: nothing, where nothing is said. */
  readonly input?: string
  /** Gets output and errors in the order written, no faster than it takes them. */
  readonly output: { write(chunk: Uint8Array): void | Promise<void> }
  /** Fires when the command must be over. */
  readonly signal: AbortSignal
  readonly pipes: PipePool
}

/** Why a command could not be started, in the words of Go's os/exec. */
export class CommandFault extends Error {}

/** How a command ended. */
export interface CommandEnd {
  /** Undefined where a signal ended it, or it was late. */
  readonly code: number | undefined
  /** The signal that did. */
  readonly killedBy: NodeJS.Signals | undefined
  readonly isLate: boolean
  /** Once no process is left of it that could meet the next run's. */
  readonly ended: Promise<void>
}

/**
 * Runs a command in the agent's environment and directory as the leader of a process group. It is over when it has ended and nobody
 * holds its output any more; when the signal fires, the whole group is killed. Rejects with a CommandFault where it can't be
 * started.
 */
export async function runCommand(
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandEnd> {
  const { signal, output: sink } = options
  const pipe = await options.pipes.open()
  const child = start(args, options, pipe)
  const outputs = pipe === undefined ? [child.stdout, child.stderr] : [pipe.reader]
  const exited = new Promise<Pick<CommandEnd, 'code' | 'killedBy'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, killedBy) =>
      resolve({ code: code ?? undefined, killedBy: killedBy ?? undefined }),
    )
  })
  const drained = Promise.all(outputs.map((output) => pour(output, sink)))
  let isEnded = false
  const { promise: late, resolve: onAbort } = Promise.withResolvers<'late'>()
  const abort = (): void => onAbort('late')
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    const first = await Promise.race([late, Promise.all([exited, drained])])
    isEnded = first !== 'late'
    if (isEnded) return { ...(await exited), isLate: false, ended: done }
    killGroup(child)
    const ended = exited.then(() => undefined).catch(() => undefined)
    return { code: undefined, killedBy: undefined, isLate: true, ended }
  } catch (error) {
    // Nothing was started: the pipe has no writer.
    isEnded = true
    throw new CommandFault(describeStart(args[0] ?? '', error))
  } finally {
    signal.removeEventListener('abort', abort)
    for (const output of outputs) output?.destroy()
    pipe?.release(isEnded)
  }
}

const done = Promise.resolve()

function start(
  [command = '', ...args]: readonly string[],
  { env, input }: CommandOptions,
  pipe: Pipe | undefined,
): ChildProcess {
  try {
    const output = pipe?.writerFd ?? 'pipe'
    const child = spawn(command, args, {
      detached: true,
      ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
      stdio: [input === undefined ? 'ignore' : 'pipe', output, output],
    })
    // It may not want to read what it is given.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    return child
  } catch (error) {
    pipe?.reader.destroy()
    pipe?.release(true)
    throw new CommandFault(describeStart(command, error))
  } finally {
    if (pipe !== undefined) closeSync(pipe.writerFd)
  }
}

async function pour(output: Readable | null, into: CommandOptions['output']): Promise<void> {
  try {
    for await (const chunk of output ?? []) await into.write(chunk as Buffer)
  } catch {
    // What came until it broke off, or was given up, is what there is.
  }
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
  return `fork/exec ${command}: ${words ?? describeError(error)}`
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
