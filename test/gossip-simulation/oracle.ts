import type { SwimEvent } from '../../server/gossip/swim/events.ts'
import { must } from '../../server/model/assert.ts'
import type { Timeline } from './timeline.ts'

/**
 * Knows who is really there, and judges what members come to believe.
 *
 * A suspicion counts where it begins: once for each accuser of its own. A verdict counts once for each observer and subject that
 * changes its view: one member called failed by a thousand others is a thousand views and one innocent.
 */
export class Oracle {
  readonly verdicts: Verdicts = {
    suspicions: 0,
    healthySuspicions: 0,
    failedViews: 0,
    failedHealthyViews: 0,
    failedByHealthyViews: 0,
    innocents: new Set(),
    lost: new Set(),
  }
  readonly deaths: Death[] = []
  /** Members that this run does harm to: what is said of them, and what they say, is not held against the protocol. */
  readonly afflicted = new Set<number>()
  readonly #timeline: Timeline
  readonly #indexes = new Map<string, number>()
  readonly #names: string[] = []
  readonly #deaths = new Map<number, Death>()
  readonly #departed = new Set<number>()
  /** How many are there. */
  #observers = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  appeared(name: string, index: number): void {
    this.#indexes.set(name, index)
    this.#names[index] = name
    this.#observers += 1
  }

  died(index: number): void {
    const death: Death = {
      index,
      atUs: this.#timeline.nowUs,
      suspectedUs: null,
      failedUs: null,
      everywhereUs: null,
      seenBy: new Set(),
    }
    this.#forgoes(index)
    this.deaths.push(death)
    this.#deaths.set(index, death)
  }

  /** It said that it goes. */
  departed(index: number): void {
    this.#departed.add(index)
    this.#forgoes(index)
  }

  isThere(index: number): boolean {
    return !this.#deaths.has(index) && !this.#departed.has(index)
  }

  saw(observer: number, event: SwimEvent): void {
    if (event.kind === 'suspected') this.#suspected(observer, event.member.name, event.from)
    else if (event.kind === 'failed') this.#failed(observer, event.member.name)
  }

  #suspected(observer: number, name: string, from: string): void {
    if (from !== this.#names[observer]) return
    const subject = this.#index(name)
    const death = this.#deaths.get(subject)
    if (death !== undefined) death.suspectedUs ??= this.#timeline.nowUs
    if (!this.isThere(subject)) return
    this.verdicts.suspicions += 1
    if (!this.afflicted.has(subject)) this.verdicts.healthySuspicions += 1
  }

  #failed(observer: number, name: string): void {
    const subject = this.#index(name)
    const { verdicts } = this
    const death = this.#deaths.get(subject)
    if (death !== undefined) this.#buried(death, observer)
    if (!this.isThere(subject)) return
    verdicts.failedViews += 1
    if (this.afflicted.has(subject)) {
      if (!this.afflicted.has(observer)) verdicts.lost.add(subject)
      return
    }
    verdicts.failedHealthyViews += 1
    if (this.afflicted.has(observer)) return
    verdicts.failedByHealthyViews += 1
    verdicts.innocents.add(subject)
  }

  #buried(death: Death, observer: number): void {
    const { nowUs } = this.#timeline
    death.failedUs ??= nowUs
    if (!this.isThere(observer)) return
    death.seenBy.add(observer)
    if (death.seenBy.size >= this.#observers * everywhereShare) death.everywhereUs ??= nowUs
  }

  /** Who has gone need not hear of anything. */
  #forgoes(observer: number): void {
    this.#observers -= 1
    for (const { seenBy } of this.deaths) seenBy.delete(observer)
  }

  #index(name: string): number {
    return must(this.#indexes.get(name), 'only members are spoken of')
  }
}

export interface Verdicts {
  /** Of members that were there. */
  suspicions: number
  /** Of members that were there and well. */
  healthySuspicions: number
  /** Views in which a member that was there is failed. */
  failedViews: number
  /** The same of members that were well. */
  failedHealthyViews: number
  /** The same by observers that were well too. */
  failedByHealthyViews: number
  /** Members that were well and that a healthy observer called failed. */
  readonly innocents: Set<number>
  /** Afflicted members that a healthy observer called failed. */
  readonly lost: Set<number>
}

export interface Death {
  readonly index: number
  readonly atUs: number
  /** When somebody who found out for itself said so. */
  suspectedUs: number | null
  failedUs: number | null
  /** When 99 of 100 of those who were there had seen it. */
  everywhereUs: number | null
  /** Those of the members still there who have called it failed. */
  readonly seenBy: Set<number>
}

const everywhereShare = 0.99
