import type { Cluster } from './cluster.ts'
import { nap } from './nap.ts'
import type { Record } from './record.ts'
import type { ServerProcess } from './server-process.ts'

const askMs = 200
const lookMs = 20

/**
 * Whether a leader could be elected at all, as far as it can be seen from outside: one server runs, votes, and reaches enough others
 * that do. Notes in the record when none could.
 */
export class Standing {
  readonly #cluster: Cluster
  readonly #record: Record
  /** The life of each server in which it was last seen to be a voter. */
  readonly #joined = new Map<ServerProcess, number>()
  #voters: number

  constructor(cluster: Cluster, record: Record) {
    this.#cluster = cluster
    this.#record = record
    this.#voters = cluster.servers.length
  }

  /** Until the signal fires. */
  async watch(signal: AbortSignal): Promise<void> {
    const looking = setInterval(() => this.#look(), lookMs)
    while (!signal.aborted) {
      await Promise.all(this.#cluster.servers.map((server) => this.#ask(server)))
      await nap(askMs, signal)
    }
    clearInterval(looking)
    this.#look()
  }

  async #ask(server: ServerProcess): Promise<void> {
    const { life } = server
    if (!this.#runs(server)) return
    const members = await this.#cluster.members(server)
    const id = await server.nodeId()
    if (members.length === 0) return
    this.#voters = members.filter(({ Voter }) => Voter).length
    if (members.some(({ ID, Voter }) => Voter && ID === id)) this.#joined.set(server, life)
  }

  #look(): void {
    const { outages } = this.#record
    const last = outages.at(-1)
    const isOut = last !== undefined && last.until === Infinity
    if (isOut !== this.#canElect()) return
    const now = this.#record.now()
    if (isOut) outages.splice(-1, 1, { from: last.from, until: now })
    else outages.push({ from: now, until: Infinity })
  }

  #canElect(): boolean {
    const able = this.#cluster.servers.filter(
      (server) => this.#runs(server) && this.#joined.get(server) === server.life,
    )
    const reached = able.map(
      (one) => able.filter((other) => one === other || this.#cluster.connects(one, other)).length,
    )
    return reached.some((count) => count > this.#voters / 2)
  }

  #runs({ isPaused, isUp }: ServerProcess): boolean {
    return isUp && !isPaused
  }
}
