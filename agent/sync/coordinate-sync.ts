import type { Coordinate } from '../../server/model/coordinate.ts'
import type { Rpc } from '../../server/model/methods.ts'
import type { Chance } from '../../server/runtime/chance.ts'
import { sleep } from '../../server/runtime/clock.ts'
import type { Clock } from '../../server/runtime/clock.ts'

export interface CoordinateSyncOptions {
  readonly nodeName: string
  readonly clock: Clock
  readonly chance: Chance
  readonly rpc: Rpc
  readonly clusterSize: () => number
  /** Where this node stands; undefined while that isn't known. */
  readonly coordinate: () => Coordinate | undefined
  readonly onFailure: (error: unknown) => void
}

/** Consul's sync_coordinate_interval_min. */
const intervalMinMs = 15_000
/** How many nodes may tell in a second, all together (Consul's sync_coordinate_rate_target). */
const nodesPerSecondMax = 64

/** Tells the catalog from time to time where this node stands, the rarer the more nodes there are. */
export class CoordinateSync implements AsyncDisposable {
  readonly #options: CoordinateSyncOptions
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: CoordinateSyncOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, chance, clusterSize } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      const intervalMs = Math.max(intervalMinMs, (clusterSize() / nodesPerSecondMax) * 1000)
      await sleep(clock, intervalMs * (1 + chance.fraction()), signal).catch(() => undefined)
      if (!signal.aborted) await this.#tell()
    }
  }

  async #tell(): Promise<void> {
    const { nodeName, rpc, coordinate, onFailure } = this.#options
    const Coord = coordinate()
    if (Coord === undefined) return
    try {
      await rpc.write('Coordinate.Update', { Node: nodeName, Segment: '', Coord })
    } catch (error) {
      onFailure(error)
    }
  }
}
