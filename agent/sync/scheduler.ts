import type { Chance } from '../../server/runtime/chance.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock } from '../../server/runtime/clock.ts'

export interface SchedulerOptions {
  readonly clock: Clock
  readonly chance: Chance
  /** How many nodes share the servers: the more, the rarer each one's full comparison. */
  readonly clusterSize: () => number
  readonly fullSync: () => Promise<void>
  readonly partialSync: () => Promise<void>
  readonly onFailure: (error: unknown) => void
}

const fullIntervalMs = 60_000
const retryIntervalMs = 15_000
/** After a server came, each node compares within this time, by lot, and longer in larger clusters; the figure is Consul's. */
const serverUpMs = 3_000
/** Changes that come together are sent together. */
const coalesceMs = 2
/** Clusters up to this size are compared at the plain interval. */
const scaleThreshold = 128

/** How many times rarer a full comparison is in a cluster of this size (Consul's rule: one more for every doubling). */
export function scaleFactor(clusterSize: number): number {
  return clusterSize <= scaleThreshold
    ? 1
    : Math.ceil(Math.log2(clusterSize) - Math.log2(scaleThreshold)) + 1
}

/**
 * When to compare everything with the catalog, and when to send just what changed. One thing at a time; a failure is followed by
 * a full comparison after a pause, so nothing is ever only remembered to be tried; a change that comes meanwhile is tried at once.
 */
export class SyncScheduler {
  readonly #options: SchedulerOptions
  readonly #stop = new AbortController()
  #wake: (() => void) | undefined
  #changed = false
  #fullWanted = false
  #nextFullMs = Number.NEGATIVE_INFINITY
  #hasSucceeded = false
  #running: Promise<void> | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Something local changed. */
  trigger(): void {
    this.#changed = true
    this.#wake?.()
  }

  /** The cluster changed (a new leader, a restored snapshot): everything may differ. */
  triggerFull(): void {
    this.#fullWanted = true
    this.#wake?.()
  }

  /** A server came: it may be the first, or know nothing of this node. */
  serverUp(): void {
    if (!this.#hasSucceeded) return this.triggerFull()
    const { clock, chance, clusterSize } = this.#options
    const withinMs = serverUpMs * scaleFactor(clusterSize()) * chance.fraction()
    this.#nextFullMs = Math.min(this.#nextFullMs, clock.monotonicMs() + withinMs)
    this.#wake?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    const { fullSync, partialSync, onFailure, clock, chance } = this.#options
    while (!this.#stop.signal.aborted) {
      const full = this.#fullWanted || clock.monotonicMs() >= this.#nextFullMs
      this.#changed = false
      this.#fullWanted = false
      try {
        await (full ? fullSync() : partialSync())
        this.#hasSucceeded = true
        if (full) this.#nextFullMs = clock.monotonicMs() + this.#fullDelayMs()
      } catch (error) {
        if (this.#stop.signal.aborted) return
        onFailure(error)
        this.#nextFullMs = clock.monotonicMs() + retryIntervalMs * (1 + chance.fraction())
      }
      await this.#idle()
    }
  }

  #fullDelayMs(): number {
    const intervalMs = fullIntervalMs * scaleFactor(this.#options.clusterSize())
    return intervalMs * (1 + this.#options.chance.fraction())
  }

  /** Until it is time for a full comparison, or something changed. */
  async #idle(): Promise<void> {
    const { clock } = this.#options
    if (!this.#changed && !this.#fullWanted && !this.#stop.signal.aborted)
      await new Promise<void>((resolve) => {
        const timer = clock.after(this.#nextFullMs - clock.monotonicMs(), resolve)
        this.#wake = () => {
          timer.cancel()
          resolve()
        }
      })
    this.#wake = undefined
    await this.#pause(coalesceMs)
  }

  async #pause(delayMs: number): Promise<void> {
    await sleep(this.#options.clock, delayMs, this.#stop.signal).catch(() => undefined)
  }
}
