import { Readable } from 'node:stream'

import type { Test } from 'tap'

import type { Io } from '../../agent/cli/command.ts'
import { runCommand } from '../../agent/cli/run.ts'
import { commands, groups } from '../../agent/cli/table.ts'

/** What came of a command. */
export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface LineOptions {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  readonly interrupted?: AbortSignal
  /** Told of all that is printed so far, to act on it. */
  readonly heard?: (out: string) => void
}

/** Runs a command of the real table in this process, with streams and an environment of its own. */
export async function runLine(
  words: readonly string[],
  options: LineOptions = {},
): Promise<Outcome> {
  const said = { out: Buffer.alloc(0), err: Buffer.alloc(0) }
  const say = (name: 'out' | 'err') => (text: string | Uint8Array) => {
    said[name] = Buffer.concat([said[name], Buffer.from(text)])
    options.heard?.(said.out.toString())
  }
  const io: Io = {
    out: say('out'),
    err: say('err'),
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    env: { PATH: process.env['PATH'], SHELL: '/bin/sh', ...options.env },
    interrupted: options.interrupted ?? new AbortController().signal,
    ownStreams: false,
  }
  const code = await runCommand(words, { commands, groups }, io)
  return { code, out: said.out.toString(), err: said.err.toString() }
}

/** The words of a line, parted by single spaces; what is in single quotes stays together. */
export function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
}

/** A line and what it says: on standard output where it ends with 0, on standard error else. */
export type Row = readonly [
  line: string,
  said: string,
  more?: { readonly code?: number; readonly stdin?: string },
]

/** Runs lines one after the other against the API on a port. */
export async function follow(
  t: Test,
  port: number,
  rows: readonly Row[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const [line, said, { code = 0, stdin } = {}] of rows) {
    const outcome = await runLine(wordsOf(line), {
      env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}`, ...env },
      ...(stdin === undefined ? {} : { stdin }),
    })
    const expected = code === 0 ? { code, out: said, err: '' } : { code, out: '', err: said }
    t.strictSame(outcome, expected, line)
  }
}
