import { join } from 'node:path'

import { describeError } from '../../model/errors.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { isDiskFull } from './disk-fault.ts'
import { synced, type Disk, type DiskFile } from './disk.ts'

/** Finished segments beyond so many are removed and not kept for later. */
const sparesMax = 2

/** How long a full disk is left alone before it is asked again. */
const retryMs = 5000

/** While it stays full, that is said with one in so many attempts: once a minute. */
const attemptsPerLine = 12

const fillBytes = 1 << 20
const spareName = /^spare-(\d+)$/

interface SparesOptions {
  readonly disk: Disk
  readonly directory: string
  readonly segmentBytes: number
  readonly clock: Clock
  readonly log: Log
  readonly fatal: (error: Error) => void
}

/**
 * Files of a segment's size, written from end to end and synced. What an append overwrites then has its blocks, so a sync is
 * one write to the disk and no change to the file system's own books: half the time of a file that grows, and of one that
 * was only allocated (its extents would still have to be marked as written). It also means that an append never finds the
 * disk full; making a spare does, and says so early.
 */
export class Spares implements AsyncDisposable {
  readonly #options: SparesOptions
  #ready: string[] = []
  #lastNumber = 0
  #making: Promise<void> | null = null
  #retry: Timer | null = null
  /** How often in a row the disk had no room. */
  #refusals = 0
  #closed = false
  /** Who needs a spare and found the disk full. */
  #waiting: (() => void)[] = []

  constructor(options: SparesOptions) {
    this.#options = options
  }

  /** The disk had no room for a spare when it was last asked, and there is none. */
  get exhausted(): boolean {
    return this.#refusals > 0 && this.#ready.length === 0
  }

  /** Takes over the spares of the directory, and removes those that were never finished. */
  async open(): Promise<void> {
    const { directory, disk, segmentBytes } = this.#options
    for (const name of await disk.list(directory)) {
      const number = Number(spareName.exec(name)?.[1] ?? 0)
      if (number === 0 && !name.startsWith('spare-')) continue
      const path = join(directory, name)
      this.#lastNumber = Math.max(this.#lastNumber, number)
      if (number > 0 && (await sizeOf(disk, path)) === segmentBytes) this.#ready.push(path)
      else await disk.remove(path)
    }
  }

  /** Makes spares in the background until there are so many. */
  prepare(count = sparesMax): void {
    if (this.#making !== null || this.#retry !== null || this.#closed) return
    if (this.#ready.length >= count) return
    this.#making = this.#make().finally(() => {
      this.#making = null
      this.prepare(count)
    })
  }

  /** A spare, open; waits until one is made. The directory no longer counts it, but it keeps its name. */
  async take(): Promise<DiskFile> {
    for (;;) {
      const path = this.#ready.shift()
      if (path !== undefined) return await this.#options.disk.open(path, 'existing')
      this.prepare(1)
      await (this.#making ?? this.#waitForRoom())
      if (this.#closed) throw new Error('the log is closed')
    }
  }

  /** As `take`, for a log that begins: where there is no room for it, it does not. */
  async takeFirst(): Promise<DiskFile> {
    const path = this.#ready.shift() ?? (await this.#makeOne())
    return await this.#options.disk.open(path, 'existing')
  }

  /** A segment that nobody needs any more. Its content does not matter: its marks are not those of its next life. */
  async offer(path: string): Promise<void> {
    const { directory, disk } = this.#options
    if (this.#ready.length >= sparesMax) return await disk.remove(path)
    const spare = this.#nextPath()
    await disk.rename(path, spare)
    await disk.syncDirectory(directory)
    this.#hasRoom(spare)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#retry?.cancel()
    this.#wake()
    await this.#making
  }

  async #make(): Promise<void> {
    try {
      const path = await this.#makeOne()
      if (!this.#closed) this.#hasRoom(path)
    } catch (error) {
      if (!isDiskFull(error)) return this.#options.fatal(error as Error)
      this.#hasNoRoom(error)
    }
  }

  /** A new spare, whole and durable under its name, unless it was closed meanwhile. */
  async #makeOne(): Promise<string> {
    const { directory, disk, segmentBytes } = this.#options
    const path = this.#nextPath()
    const unfinished = `${path}.tmp`
    try {
      await fill(disk, unfinished, segmentBytes, () => this.#closed)
      if (this.#closed) return path
      await disk.rename(unfinished, path)
      await disk.syncDirectory(directory)
      return path
    } catch (error) {
      // What little a full disk took would be missed by others.
      if (isDiskFull(error)) await disk.remove(unfinished).catch(() => {})
      throw error
    }
  }

  #hasRoom(spare: string): void {
    this.#ready.push(spare)
    if (this.#refusals > 0) this.#options.log.info({}, 'the disk has room for the raft log again')
    this.#refusals = 0
    this.#wake()
  }

  #hasNoRoom(error: unknown): void {
    const { log } = this.#options
    if (this.#refusals % attemptsPerLine === 0)
      log.error(
        { error: describeError(error) },
        'the disk is full: make room on it, or this server will take no more writes. It goes on by itself once there is room',
      )
    this.#refusals += 1
    this.#askAgain()
  }

  #askAgain(): void {
    if (this.#closed) return
    this.#retry = this.#options.clock.after(retryMs, () => {
      this.#retry = null
      this.prepare()
    })
  }

  #waitForRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  #nextPath(): string {
    this.#lastNumber += 1
    return join(this.#options.directory, `spare-${this.#lastNumber}`)
  }
}

/** Writes zeros from end to end, a slice a turn, and syncs them. Stops where it is when told to. */
async function fill(
  disk: Disk,
  path: string,
  sizeBytes: number,
  cancelled: () => boolean,
): Promise<void> {
  const file = await disk.open(path, 'create')
  try {
    const zeros = new Uint8Array(Math.min(fillBytes, sizeBytes))
    for (let offset = 0; offset < sizeBytes && !cancelled(); offset += zeros.length) {
      file.write(zeros.subarray(0, sizeBytes - offset), offset)
      await nextTurn()
    }
    await synced(file)
  } finally {
    file.close()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  const file = await disk.open(path, 'existing')
  const sizeBytes = file.sizeBytes()
  file.close()
  return sizeBytes
}
