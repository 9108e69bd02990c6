import { readFileSync } from 'node:fs'

import { decode } from '../../server/model/decode.ts'
import type { Fault } from '../../server/model/decode.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { Io } from './command.ts'
import { fileFault } from './errno.ts'

/** Refuses more arguments than there is a use for. */
export function refuseMore(rest: readonly string[], most: number): void {
  if (rest.length > most)
    throw new PraetorError(
      'bad-request',
      `Too many arguments (expected ${most}, got ${rest.length})`,
    )
}

/** Data as it may be given on a command line: itself, `@file`, or `-` for standard input. */
export async function readData(argument: string, io: Io): Promise<Uint8Array> {
  if (argument === '-') {
    const chunks: Uint8Array[] = []
    for await (const chunk of io.stdin) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  if (!argument.startsWith('@')) return Buffer.from(argument)
  const path = argument.slice(1)
  try {
    return readFileSync(path)
  } catch (error) {
    throw new PraetorError(
      'failed',
      `Error! Failed to read file: ${fileFault(error, path).message}`,
    )
  }
}

/** The bytes; what is wrong with the text is told after `what`. */
export function decodeBase64(text: string, what: string): Uint8Array {
  const faults: Fault[] = []
  const bytes = decode('bytes', text, 'api', [], faults)
  const problem = faults[0]?.problem
  if (problem?.kind === 'base64') throw new PraetorError('bad-request', `${what}: ${problem.error}`)
  return bytes as Uint8Array
}
