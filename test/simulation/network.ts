import { must } from '../../server/model/assert.ts'
import type { NodeId } from '../../server/raft/types.ts'
import type { Draw } from './draw.ts'
import type { Scheduler } from './scheduler.ts'

/** How every link behaves while nothing special is done to it. */
export interface Weather {
  readonly delayMinMs: number
  readonly delayMeanMs: number
  /** Shares of messages. */
  readonly loss: number
  readonly duplication: number
  /** Each message is delayed by itself and may overtake; else a link keeps the order, as a connection does. */
  readonly reorders: boolean
}

export const calm: Weather = {
  delayMinMs: 0.1,
  delayMeanMs: 0.3,
  loss: 0,
  duplication: 0,
  reorders: false,
}

/** Messages on their way over one link; beyond it they are lost, as from a full buffer. */
const inFlightMax = 400

interface Link {
  isCut: boolean
  /** Delivers nothing until then, and keeps what comes. */
  cloggedUntilMs: number
  /** When the last message arrives, where the order is kept. */
  lastMs: number
  inFlight: number
  /** Counts connections: a broken one loses what it carried. */
  connection: number
}

/** Links between servers, one way each, that lose, delay, double, reorder and hold back what is sent. */
export class Network {
  weather: Weather = calm
  readonly lost = { cut: 0, loss: 0, duplicated: 0 }
  readonly #links = new Map<string, Link>()
  readonly #scheduler: Scheduler
  readonly #draw: Draw

  constructor(scheduler: Scheduler, draw: Draw) {
    this.#scheduler = scheduler
    this.#draw = draw
  }

  /** May arrive twice. */
  send(from: NodeId, to: NodeId, deliver: () => void): void {
    this.call(from, to, deliver)
    if (!this.#draw.happens(this.weather.duplication)) return
    this.lost.duplicated += 1
    this.call(from, to, deliver)
  }

  /** Arrives once or not at all, as a call over a connection does. */
  call(from: NodeId, to: NodeId, deliver: () => void): void {
    const link = this.#link(from, to)
    const isLost = link.inFlight >= inFlightMax || this.#draw.happens(this.weather.loss)
    if (isLost) this.lost.loss += 1
    else this.#carry(link, deliver)
  }

  cut(from: NodeId, to: NodeId): void {
    this.#link(from, to).isCut = true
  }

  mend(from: NodeId, to: NodeId): void {
    this.#link(from, to).isCut = false
  }

  /** What is sent meanwhile comes afterwards, all at once. */
  clog(from: NodeId, to: NodeId, durationMs: number): void {
    this.#link(from, to).cloggedUntilMs = this.#scheduler.nowMs + durationMs
  }

  /** What is on its way is lost. */
  reset(from: NodeId, to: NodeId): void {
    const link = this.#link(from, to)
    link.connection += 1
    link.inFlight = 0
    link.lastMs = 0
  }

  heal(): void {
    this.weather = calm
    for (const link of this.#links.values()) {
      link.isCut = false
      link.cloggedUntilMs = 0
    }
  }

  #carry(link: Link, deliver: () => void): void {
    const { delayMinMs, delayMeanMs, reorders } = this.weather
    const { connection } = link
    const nowMs = this.#scheduler.nowMs
    let atMs = nowMs + delayMinMs + this.#draw.exponential(delayMeanMs)
    atMs = Math.max(atMs, link.cloggedUntilMs)
    if (!reorders) atMs = Math.max(atMs, link.lastMs)
    link.lastMs = Math.max(link.lastMs, atMs)
    link.inFlight += 1
    const arrive = (): void => {
      if (link.connection !== connection) return
      const leftMs = link.cloggedUntilMs - this.#scheduler.nowMs
      if (leftMs > 0) return void this.#scheduler.after(leftMs, arrive)
      link.inFlight -= 1
      if (link.isCut) this.lost.cut += 1
      else deliver()
    }
    this.#scheduler.after(atMs - nowMs, arrive)
  }

  #link(from: NodeId, to: NodeId): Link {
    const name = `${from}>${to}`
    if (!this.#links.has(name))
      this.#links.set(name, {
        isCut: false,
        cloggedUntilMs: 0,
        lastMs: 0,
        inFlight: 0,
        connection: 0,
      })
    return must(this.#links.get(name), 'a link')
  }
}
