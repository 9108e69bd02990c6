import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import type { Io } from '../command.ts'
import { fileFault } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'

const modes = { public: 0o644, secret: 0o600 } as const

/** Writes a file that must not be there yet, where need be in a new directory, and says so. Throws a PraetorError. */
export function saveFile(path: string, text: string, audience: keyof typeof modes, io: Io): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { mode: modes[audience], flag: 'wx' })
  } catch (error) {
    throw fileFault(error, path)
  }
  io.out(`==> Saved ${path}\n`)
}

export function daysOf(flags: ParsedFlags, initial: number): number {
  return Number(flags.value('days') ?? initial)
}
