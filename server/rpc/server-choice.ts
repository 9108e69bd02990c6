import type { Chance } from '../runtime/chance.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Target } from './pool.ts'

/** A server that calls may go to. */
export interface Candidate extends Target {
  /** The estimated round trip; Infinity where nothing is known of it. */
  readonly rttMs: number
  /** The pool calls it alive, and nothing speaks against it. */
  readonly isWell: boolean
}

export interface ServerChoiceConfig {
  readonly clock: Clock
  readonly chance: Chance
  /** All servers of the data centre, whatever their state. Asked again after `changed`, and when a choice is over. */
  readonly candidates: () => readonly Candidate[]
  /** Nodes of the data centre: all of them choose. */
  readonly clusterSize: () => number
}

/** A choice lasts this long at least, and half of it more by chance; the figure is Consul's. */
const reuseMinMs = 120_000
const reuseJitterFraction = 1 / 2
/** So many nodes choose anew in a second, all together: each time a connection may be made. Consul's figure too. */
const choicesPerSecond = 64
/** Servers not further than this are as good as the nearest: the clients of one room must not all sit on one server. */
const nearFactor = 2
const nearMs = 2
/** A server that a call failed at is not taken for so long while there is another. */
const coolMs = 5_000

/**
 * Which server a client's calls go to: one of the nearest that are well, drawn by lot, and the same one for some minutes, until it
 * fails or is gone. Choosing anew from time to time spreads the clients over servers that came later.
 */
export class ServerChoice {
  readonly #config: ServerChoiceConfig
  /** When a call last failed at each address. */
  readonly #failedMs = new Map<string, number>()
  #candidates: readonly Candidate[] | undefined
  #chosen: Candidate | undefined
  #chosenUntilMs = 0

  constructor(config: ServerChoiceConfig) {
    this.#config = config
  }

  /** The server to ask now; undefined where none is known. */
  current(): Candidate | undefined {
    const nowMs = this.#config.clock.monotonicMs()
    if (this.#chosen !== undefined && this.#candidates !== undefined && nowMs < this.#chosenUntilMs)
      return this.#chosen
    const before = nowMs < this.#chosenUntilMs ? this.#chosen?.address : undefined
    this.#candidates = this.#config.candidates()
    const eligible = this.#best(this.#candidates, nowMs)
    const kept = eligible.find(({ address }) => address === before)
    this.#chosen = kept ?? nearest(eligible)[this.#draw(nearest(eligible).length)]
    if (kept === undefined) this.#chosenUntilMs = nowMs + this.#reuseMs()
    return this.#chosen
  }

  /** Servers came or went, or are told otherwise of. */
  changed(): void {
    this.#candidates = undefined
  }

  /** A call got no answer there. */
  failed(address: string): void {
    this.#failedMs.set(address, this.#config.clock.monotonicMs())
    if (this.#chosen?.address === address) this.#chosen = undefined
  }

  /** The well before the others, and of those at which calls failed just now the one that did so longest ago. */
  #best(candidates: readonly Candidate[], nowMs: number): readonly Candidate[] {
    for (const [address, failedMs] of this.#failedMs)
      if (nowMs - failedMs >= coolMs) this.#failedMs.delete(address)
    const cool = candidates.filter(({ address }) => !this.#failedMs.has(address))
    const well = cool.filter(({ isWell }) => isWell)
    if (well.length > 0) return well
    if (cool.length > 0) return cool
    const since = ({ address }: Candidate): number => this.#failedMs.get(address) ?? 0
    return candidates.toSorted((a, b) => since(a) - since(b)).slice(0, 1)
  }

  #draw(count: number): number {
    return Math.floor(this.#config.chance.fraction() * count)
  }

  #reuseMs(): number {
    const { chance, clusterSize } = this.#config
    const ms = Math.max(reuseMinMs, (clusterSize() / choicesPerSecond) * 1000)
    return ms * (1 + chance.fraction() * reuseJitterFraction)
  }
}

function nearest(candidates: readonly Candidate[]): readonly Candidate[] {
  const leastMs = Math.min(...candidates.map(({ rttMs }) => rttMs))
  return candidates.filter(({ rttMs }) => rttMs <= leastMs * nearFactor + nearMs)
}
