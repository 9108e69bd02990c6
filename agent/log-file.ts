import { closeSync, fstatSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'

import { describeError, PraetorError } from '../server/model/errors.ts'
import type { Clock } from '../server/runtime/clock.ts'
import type { LogConfig } from './config/runtime.ts'
import { readableLine } from './logging.ts'
import type { LogSink } from './logging.ts'

/**
 * Lines into a file that begins anew once it is full or old. The names carry the time at which each was begun, so that the newest
 * sorts last; those beyond the number wanted go, the oldest first. Lines are few, so each is written before the program goes on:
 * the last words before a crash are the ones that matter.
 */
export class LogFile implements LogSink, Disposable {
  level: LogSink['level']
  readonly json: boolean
  readonly #config: LogConfig
  readonly #clock: Clock
  readonly #directory: string
  readonly #stem: string
  readonly #extension: string
  #file: number
  #sizeBytes = 0
  #begunMs = 0
  /** Lines since the last that was written. */
  #lost = 0

  /** Throws a PraetorError where no file can be written there. */
  constructor(config: LogConfig, clock: Clock) {
    const isDirectory = config.file.endsWith('/')
    const name = isDirectory ? 'consul.log' : basename(config.file)
    this.#directory = isDirectory ? config.file : dirname(config.file)
    this.#extension = extname(name) === '' ? '.log' : extname(name)
    this.#stem = basename(name, extname(name))
    this.level = config.level
    this.json = config.json
    this.#config = config
    this.#clock = clock
    this.#file = this.#begin()
  }

  /** A line that the disk does not take is lost and counted: what the program was saying there is no reason to end it. */
  write(line: string): void {
    try {
      if (this.#lost > 0) this.#append(this.#lossLine())
      this.#lost = 0
      this.#append(line)
    } catch {
      this.#lost += 1
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }

  #append(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    if (this.#isDone(bytes.length)) {
      const before = this.#file
      this.#file = this.#begin()
      closeSync(before)
    }
    writeSync(this.#file, bytes)
    this.#sizeBytes += bytes.length
  }

  #lossLine(): string {
    const event = {
      '@level': 'warn',
      '@module': 'agent',
      '@timestamp': new Date(this.#clock.wallMs()).toISOString(),
      '@message': 'lines are missing here, for the file could not be written',
      lines: this.#lost,
    } as const
    return this.json ? JSON.stringify(event) : readableLine(event)
  }

  #isDone(nextBytes: number): boolean {
    const { rotateBytes, rotateDurationMs } = this.#config
    const full = rotateBytes > 0 && this.#sizeBytes > 0 && this.#sizeBytes + nextBytes > rotateBytes
    const old =
      rotateDurationMs > 0 && this.#clock.monotonicMs() - this.#begunMs >= rotateDurationMs
    return full || old
  }

  #begin(): number {
    const path = join(
      this.#directory,
      `${this.#stem}-${BigInt(Math.floor(this.#clock.wallMs() * 1000)) * 1000n}${this.#extension}`,
    )
    const file = openAppending(path)
    this.#sizeBytes = fstatSync(file).size
    this.#begunMs = this.#clock.monotonicMs()
    try {
      this.#prune(basename(path))
    } catch {
      // What can't be removed stays; the next beginning tries again.
    }
    return file
  }

  #prune(current: string): void {
    const { rotateFilesMax } = this.#config
    if (rotateFilesMax === 0) return
    const begun = new RegExp(`^${RegExp.escape(this.#stem)}-\\d+${RegExp.escape(this.#extension)}$`)
    const archives = readdirSync(this.#directory)
      .filter((name) => begun.test(name) && name !== current)
      .toSorted()
    const surplus = archives.length - Math.max(0, rotateFilesMax)
    for (const name of archives.slice(0, Math.max(0, surplus))) rmSync(join(this.#directory, name))
  }
}

function openAppending(path: string): number {
  try {
    return openSync(path, 'a', 0o640)
  } catch (error) {
    throw new PraetorError('failed', `Failed to open the log file: ${describeError(error)}`)
  }
}
