import { fate } from './fate.ts'

/** What all links are like. */
export interface Weather {
  /** One way, the least that a link takes. Each link has its own between these. */
  readonly latencyMinMs: number
  readonly latencyMaxMs: number
  /** Mean of what a packet takes longer; exponential. */
  readonly jitterMs: number
  /** One packet in so many hundred takes this much longer, and one in ten of those four times as much. */
  readonly spikes: { readonly share: number; readonly byMs: number }
  /** The chance of each packet to be lost, whatever became of others. */
  readonly loss: number
  readonly bursts: Bursts | null
}

/** Gilbert (1960) and Elliott (1963): good and bad times that follow each other, with a loss of their own. */
export interface Bursts {
  /** Whose times they are: each directed link's, or each member's with all its links. */
  readonly of: 'link' | 'member'
  readonly goodMeanMs: number
  readonly badMeanMs: number
  readonly badLoss: number
}

/** A switched network in one building. The spikes are those of the studies' simulator. */
export const building: Weather = {
  latencyMinMs: 0.2,
  latencyMaxMs: 0.8,
  jitterMs: 0.2,
  spikes: { share: 0.01, byMs: 5 },
  loss: 0,
  bursts: null,
}

export function lossy(loss: number): Weather {
  return { ...building, loss }
}

/** Directed links between members that have numbers: what each does to a packet at a moment. */
export class Network {
  readonly #seed: number
  readonly #weather: Weather
  /** On which side of the cuts each member is; everybody begins on side 0. */
  readonly #sides: number[] = []
  /** The chance of a packet to be lost from side to side; what isn't there is 0. */
  readonly #walls = new Map<number, number>()
  readonly #burstStates = new Map<number, BurstState>()

  constructor(seed: number, weather: Weather) {
    this.#seed = seed
    this.#weather = weather
  }

  /** Puts members behind walls, by a number below 16. */
  putAside(member: number, side: number): void {
    this.#sides[member] = side
  }

  /** What goes from that side to that side is lost with this chance: 1 is a cut, and 0 mends it. One way only. */
  wall(fromSide: number, toSide: number, loss: number): void {
    this.#walls.set(fromSide * sidesMax + toSide, loss)
  }

  /** How long what is sent now takes, in microseconds; `lost` where it does not arrive. `salt` tells packets of one moment apart. */
  travelUs(from: number, to: number, nowUs: number, salt: number): number {
    if (this.#isLost(from, to, nowUs, salt)) return lost
    const { latencyMinMs, latencyMaxMs, jitterMs, spikes } = this.#weather
    const base =
      latencyMinMs + (latencyMaxMs - latencyMinMs) * fate(this.#seed, from, to, 0, salts.base)
    let ms = base - Math.log(1 - fate(this.#seed, from, to, nowUs, salt ^ salts.jitter)) * jitterMs
    const spike = fate(this.#seed, from, to, nowUs, salt ^ salts.spike)
    if (spike < spikes.share) ms += spike < spikes.share / 10 ? spikes.byMs * 4 : spikes.byMs
    return Math.ceil(ms * 1000)
  }

  #isLost(from: number, to: number, nowUs: number, salt: number): boolean {
    const { loss, bursts } = this.#weather
    if (loss > 0 && fate(this.#seed, from, to, nowUs, salt ^ salts.loss) < loss) return true
    if (this.#walls.size > 0) {
      const wall = (this.#sides[from] ?? 0) * sidesMax + (this.#sides[to] ?? 0)
      const wallLoss = this.#walls.get(wall) ?? 0
      if (wallLoss > 0 && fate(this.#seed, from, to, nowUs, salt ^ salts.wall) < wallLoss)
        return true
    }
    if (bursts === null) return false
    const isBad =
      bursts.of === 'link'
        ? this.#isBad(from, to, bursts, nowUs)
        : this.#isBad(from, from, bursts, nowUs) || this.#isBad(to, to, bursts, nowUs)
    return isBad && fate(this.#seed, from, to, nowUs, salt ^ salts.burst) < bursts.badLoss
  }

  /**
   * A chain of two states in continuous time, looked at only when something is sent: the chance to find it bad is the long-run one,
   * plus what is left of where it was last seen.
   */
  #isBad(from: number, to: number, { goodMeanMs, badMeanMs }: Bursts, nowUs: number): boolean {
    const whose = from * membersMax + to
    const badShare = badMeanMs / (goodMeanMs + badMeanMs)
    const memoryUs = 1000 / (1 / goodMeanMs + 1 / badMeanMs)
    const state = this.#burstStates.get(whose)
    if (state !== undefined && state.seenUs === nowUs) return state.isBad
    const kept = state === undefined ? 0 : Math.exp((state.seenUs - nowUs) / memoryUs)
    const chance = badShare + ((state?.isBad === true ? 1 : 0) - badShare) * kept
    const isBad = fate(this.#seed, from, to, nowUs, salts.state) < chance
    if (state === undefined) this.#burstStates.set(whose, { isBad, seenUs: nowUs })
    else {
      state.isBad = isBad
      state.seenUs = nowUs
    }
    return isBad
  }
}

export const lost = -1

interface BurstState {
  isBad: boolean
  seenUs: number
}

const sidesMax = 16
const membersMax = 2 ** 20
const salts = {
  base: 1 << 20,
  jitter: 2 << 20,
  spike: 3 << 20,
  loss: 4 << 20,
  wall: 5 << 20,
  burst: 6 << 20,
  state: 7 << 20,
}
