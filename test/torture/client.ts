import type { Chance } from '../../server/runtime/chance.ts'
import { nap } from './nap.ts'
import type { Record } from './record.ts'
import { type Ask, type Outcome, Requests } from './request.ts'

/** Where a client may ask, and whom it asks there. */
export interface Door {
  readonly port: number
  /** The server and which of its lives, at this moment. */
  name(): string
}

export interface ClientOptions {
  readonly name: string
  readonly doors: readonly Door[]
  readonly chance: Chance
  readonly record: Record
  /** Fires when clients are to end; what is in flight then stays without an answer. */
  readonly signal: AbortSignal
  readonly thinkMs: number
}

export interface Asked {
  readonly outcome: Outcome
  readonly calledAt: number
  readonly returnedAt: number
}

/** A client as real ones are: it keeps to one server while that answers, and goes to another when it does not. */
export class Client implements Disposable {
  readonly name: string
  readonly chance: Chance
  readonly record: Record
  readonly signal: AbortSignal
  readonly #options: ClientOptions
  readonly #requests = new Requests()
  #door: Door

  constructor(options: ClientOptions) {
    this.#options = options
    this.name = options.name
    this.chance = options.chance
    this.record = options.record
    this.signal = options.signal
    this.#door = this.pick(options.doors)
  }

  get door(): Door {
    return this.#door
  }

  get isOver(): boolean {
    return this.signal.aborted
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.chance.fraction() * items.length)] as T
  }

  /** `began` is called with the time of the call, before anything is sent. */
  async ask(ask: Ask, began: (calledAt: number) => void = () => undefined): Promise<Asked> {
    const { record } = this
    const calledAt = record.now()
    began(calledAt)
    const outcome = await this.#requests.send(this.#door.port, ask, this.signal)
    const returnedAt = record.now()
    record.counts[outcome.kind] += 1
    const isRead = ask.isRead ?? ask.method === 'GET'
    if (!isRead && outcome.kind === 'answered' && outcome.status === 200)
      record.accepted.push({ calledAt, returnedAt })
    return { outcome, calledAt, returnedAt }
  }

  /** Between requests; after one that failed, until some server answers: else a server that is down would be all it asks. */
  async rest(last?: Outcome): Promise<void> {
    await this.sleep(this.chance.fraction() * 2 * this.#options.thinkMs)
    if (last === undefined || last.kind === 'answered') return
    while (!this.isOver) {
      this.#door = this.pick(this.#options.doors)
      const probe = { method: 'GET', path: '/status/leader', timeoutMs: 1000 } as const
      const answer = await this.#requests.send(this.#door.port, probe, this.signal)
      if (answer.kind === 'answered' && answer.text.includes(':')) return
      await this.sleep(50 + 100 * this.chance.fraction())
    }
  }

  /** Ends early when clients are to end. */
  sleep(ms: number): Promise<void> {
    return nap(ms, this.signal)
  }

  [Symbol.dispose](): void {
    this.#requests[Symbol.dispose]()
  }
}
