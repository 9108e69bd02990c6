import { noLeader } from '../server/model/errors.ts'
import type { Member } from '../server/model/member.ts'
import type { Rpc } from '../server/model/methods.ts'
import type { Clock } from '../server/runtime/clock.ts'

/** The part of a server (or, one day, of a client) that the rest of the agent speaks to. */
export interface Cluster {
  readonly rpc: Rpc
  isLeader(): boolean
  leaderAddress(): string
  peerAddresses(): readonly string[]
  members(options: { readonly wan: boolean }): readonly Member[]
  raftStats(): Readonly<Record<string, string>>
  waiting(): number
  saveSnapshot(): Promise<{ readonly index: number; readonly archive: AsyncIterable<Uint8Array> }>
  restoreSnapshot(archive: AsyncIterable<Uint8Array>): Promise<void>
}

/**
 * The cluster before it is there. An agent listens at once, while its log may still be read: calls made meanwhile wait as they
 * would for a leader, and end with the same words.
 */
export class ClusterGate {
  readonly #clock: Clock
  readonly #holdMs: number
  readonly #opened = Promise.withResolvers<Cluster>()
  #cluster: Cluster | undefined

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock
    this.#holdMs = holdMs
    // Nobody may be waiting when it fails.
    this.#opened.promise.catch(() => undefined)
  }

  readonly rpc: Rpc = {
    read: async (method, args, options) =>
      (this.#cluster ?? (await this.#hold())).rpc.read(method, args, options),
    write: async (method, args, options) =>
      (this.#cluster ?? (await this.#hold())).rpc.write(method, args, options),
  }

  open(cluster: Cluster): void {
    this.#cluster = cluster
    this.#opened.resolve(cluster)
  }

  /** It will not come: the agent is stopping. */
  close(): void {
    this.#opened.reject(noLeader())
  }

  /** The cluster, if it is there. */
  get current(): Cluster | undefined {
    return this.#cluster
  }

  async wait(): Promise<Cluster> {
    return this.#cluster ?? this.#hold()
  }

  #hold(): Promise<Cluster> {
    const late = Promise.withResolvers<never>()
    const timer = this.#clock.after(this.#holdMs, () => late.reject(noLeader()))
    return Promise.race([this.#opened.promise, late.promise]).finally(() => timer.cancel())
  }
}
