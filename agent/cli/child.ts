import { spawn } from 'node:child_process'
import type { ChildProcess, StdioOptions } from 'node:child_process'

import { PraetorError } from '../../server/model/errors.ts'
import { describeEnd } from '../command/end.ts'
import type { Io } from './command.ts'
import { codeOf, describeReason } from './errno.ts'

export interface ChildOptions {
  /** Whether the words are a line for a shell, `$SHELL` if there is one. */
  readonly shell: boolean
  /** What it finds in its environment beside ours. */
  readonly env: Readonly<Record<string, string>>
  /** What it reads: bytes, our own standard input, or nothing. */
  readonly input: Uint8Array | 'ours' | 'none'
}

/** A program that was started for the command. */
export interface Child {
  readonly pid: number
  /** Resolves when it has ended: with what went wrong, in Go's words (`exit status 3`, `signal: killed`), or `undefined`. */
  readonly ended: Promise<string | undefined>
  kill(signal: NodeJS.Signals): void
}

/** Rejects with a PraetorError where there is no such program. */
export async function startChild(
  words: readonly string[],
  { shell, env, input }: ChildOptions,
  io: Io,
): Promise<Child> {
  const [program = '', ...args] = shell
    ? [io.env['SHELL'] || '/bin/sh', '-c', words.join(' ')]
    : words
  const stdin = input === 'none' ? 'ignore' : input === 'ours' && io.ownStreams ? 'inherit' : 'pipe'
  const output = io.ownStreams ? 'inherit' : 'pipe'
  const stdio: StdioOptions = [stdin, output, output]
  const child = spawn(program, args, { env: { ...io.env, ...env }, stdio })
  const ended = outcomeOf(child)
  await started(child, program)
  child.stdout?.on('data', (chunk: Uint8Array) => io.out(chunk))
  child.stderr?.on('data', (chunk: Uint8Array) => io.err(chunk))
  // It may not want to read what it is given.
  child.stdin?.on('error', () => undefined)
  if (input instanceof Uint8Array) child.stdin?.end(input)
  else if (child.stdin !== null) void feed(io.stdin, child)
  return { pid: child.pid ?? 0, ended, kill: (signal) => void child.kill(signal) }
}

function started(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => {
      const why =
        codeOf(error) === 'ENOENT' ? 'executable file not found in $PATH' : describeReason(error)
      reject(new PraetorError('failed', `exec: ${JSON.stringify(program)}: ${why}`))
    })
  })
}

function outcomeOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(describeEnd(code, signal)))
  })
}

async function feed(stdin: AsyncIterable<Uint8Array>, child: ChildProcess): Promise<void> {
  for await (const chunk of stdin) child.stdin?.write(chunk)
  child.stdin?.end()
}
