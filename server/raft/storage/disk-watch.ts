import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Disk, DiskFile } from './disk.ts'

/** A disk that writes less in a millisecond is slow, however much it was given. */
const slowBytesPerMs = 10_000

/** A sync that takes so much longer than that is told of: everything this server writes takes as long. */
export const slowMs = 100

/** One that is so long overdue is told of before it ends, for it may never. */
export const stalledMs = 1000

/** A slow disk is told of once in so long. */
const quietMs = 10_000

export interface DiskWatchOptions {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

interface Sync {
  readonly path: string
  readonly beganMs: number
  /** When a good disk would be done with it. */
  readonly dueMs: number
  isTold: boolean
}

/** Measures how long a disk takes to sync files, and warns when that is long or does not end. */
export class DiskWatch {
  readonly #options: DiskWatchOptions
  readonly #underWay = new Set<Sync>()
  /** Looks after the syncs under way. One timer for all: there may be ten thousand syncs in a second. */
  #looking: Timer | undefined
  #isClosed = false
  #quietUntilMs = -Infinity
  #slowSinceTold = 0

  constructor(options: DiskWatchOptions) {
    this.#options = options
  }

  /** How long a sync that is under way has been overdue, the worst of them; 0 while none is. */
  get overdueMs(): number {
    const nowMs = this.#options.clock.monotonicMs()
    let overdueMs = 0
    for (const { dueMs } of this.#underWay) overdueMs = Math.max(overdueMs, nowMs - dueMs)
    return overdueMs
  }

  /** The disk, its syncs watched until its lock is let go. */
  over(disk: Disk): Disk {
    return {
      open: async (path, mode) => new WatchedFile(await disk.open(path, mode), this),
      list: (directory) => disk.list(directory),
      makeDirectory: (directory) => disk.makeDirectory(directory),
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      syncDirectory: (directory) => disk.syncDirectory(directory),
      lock: async (path) => {
        const lock = await disk.lock(path)
        if (lock === 'taken') return lock
        return {
          release: () => {
            this.#close()
            lock.release()
          },
        }
      },
    }
  }

  /** Says that a sync begins; what it gives is to be called when the sync ends. */
  began(path: string, sizeBytes: number): () => void {
    const beganMs = this.#options.clock.monotonicMs()
    const dueMs = beganMs + sizeBytes / slowBytesPerMs
    const sync: Sync = { path, beganMs, dueMs, isTold: false }
    this.#underWay.add(sync)
    if (this.#looking === undefined) this.#lookLater()
    return () => this.#ended(sync)
  }

  #ended(sync: Sync): void {
    const { clock, log, metrics } = this.#options
    this.#underWay.delete(sync)
    const nowMs = clock.monotonicMs()
    const tookMs = nowMs - sync.beganMs
    metrics.sample('raft.disk.sync', tookMs)
    if (nowMs - sync.dueMs < slowMs) return
    metrics.count('raft.disk.slow')
    this.#slowSinceTold += 1
    if (nowMs < this.#quietUntilMs && !sync.isTold) return
    log.warn(
      { file: sync.path, took_ms: Math.round(tookMs), slow_syncs: this.#slowSinceTold },
      'the disk is slow: what this server writes waits for it',
    )
    this.#quietUntilMs = nowMs + quietMs
    this.#slowSinceTold = 0
  }

  #lookLater(): void {
    if (this.#isClosed) return
    this.#looking = this.#options.clock.after(stalledMs, () => {
      this.#looking = undefined
      this.#look()
      if (this.#underWay.size > 0) this.#lookLater()
    })
  }

  #look(): void {
    const { clock, log } = this.#options
    const nowMs = clock.monotonicMs()
    for (const sync of this.#underWay) {
      if (sync.isTold || nowMs - sync.dueMs < stalledMs) continue
      sync.isTold = true
      log.warn(
        { file: sync.path, waiting_ms: Math.round(nowMs - sync.beganMs) },
        'the disk does not answer: nothing that this server writes is durable until it does',
      )
    }
  }

  #close(): void {
    this.#isClosed = true
    this.#looking?.cancel()
  }
}

/** A file whose syncs are watched. */
class WatchedFile implements DiskFile {
  readonly path: string
  readonly #file: DiskFile
  readonly #watch: DiskWatch
  #unsyncedBytes = 0

  constructor(file: DiskFile, watch: DiskWatch) {
    this.path = file.path
    this.#file = file
    this.#watch = watch
  }

  sizeBytes(): number {
    return this.#file.sizeBytes()
  }

  read(into: Uint8Array, offset: number): number {
    return this.#file.read(into, offset)
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#file.write(bytes, offset)
    this.#unsyncedBytes += bytes.length
  }

  sync(done: (error: Error | undefined) => void): void {
    const ended = this.#watch.began(this.path, this.#unsyncedBytes)
    this.#unsyncedBytes = 0
    this.#file.sync((error) => {
      ended()
      done(error)
    })
  }

  close(): void {
    this.#file.close()
  }
}
