import type { Clock, Timer } from '../runtime/clock.ts'

/**
 * Who waits for what. A read collects the topics its answer depends on in a WatchSet; a blocking query then waits until a
 * transaction has touched one of them. Reading and starting to wait happen in one turn of the event loop, so no change can fall
 * between the two.
 *
 * A topic is a name such as `kv/app/one`; a prefix topic waits for every name that begins with it. What a waiter costs is
 * proportional to its topics, and what a write costs to those that it wakes: a write that nobody watches costs a lookup.
 */
export interface Topic {
  readonly name: string
  readonly prefix: boolean
}

export class WatchSet {
  readonly topics: Topic[] = []

  add(name: string): void {
    this.topics.push({ name, prefix: false })
  }

  addPrefix(name: string): void {
    this.topics.push({ name, prefix: true })
  }
}

export type WaitOutcome = 'changed' | 'timeout' | 'gone'

export interface WaitOptions {
  readonly clock: Clock
  readonly waitMs: number
  /** The asker went away. */
  readonly signal?: AbortSignal | undefined
}

type Waiter = () => void

/** Thousands may wait for one change. So many go on at once: some five milliseconds of work. */
const sliceMax = 128

export class Watchers {
  readonly #exact = new Map<string, Set<Waiter>>()
  readonly #prefixes = new Map<string, Set<Waiter>>()
  /** How many watched prefixes have this length: a touched name is cut at these lengths only. */
  readonly #prefixLengths = new Map<number, number>()
  #waiting = 0
  #wokenInSlice = 0
  #late: (() => void)[] = []

  /** How many wait: for metrics, bounds, and tests that nothing leaks. */
  get size(): number {
    return this.#waiting
  }

  /** Calls back at the first touch of any of the topics, and then no more. The result takes the wish back. */
  once(topics: readonly Topic[], wake: () => void): () => void {
    let isWaiting = true
    const cancel = (): void => {
      if (!isWaiting) return
      isWaiting = false
      for (const topic of topics) this.#remove(topic, waiter)
    }
    const waiter: Waiter = () => {
      // Another who was woken by the same touch may have taken this wish back.
      if (!isWaiting) return
      cancel()
      wake()
    }
    for (const topic of topics) this.#add(topic, waiter)
    return cancel
  }

  /** Settles once, with what came first: a touch of any topic, the end of the wait, or the asker's going away. */
  wait(topics: readonly Topic[], { clock, waitMs, signal }: WaitOptions): Promise<WaitOutcome> {
    if (signal?.aborted === true) return Promise.resolve('gone')
    return new Promise((resolve) => {
      let isOver = false
      const settle = (outcome: WaitOutcome): void => {
        if (isOver) return
        isOver = true
        this.#waiting -= 1
        cancel()
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        resolve(outcome)
      }
      const onAbort = (): void => settle('gone')
      const cancel = this.once(topics, () => this.#wakeInTurn(clock, () => settle('changed')))
      const timer: Timer = clock.after(waitMs, () => settle('timeout'))
      this.#waiting += 1
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Each that is woken works out an answer: those beyond a slice go on when all else in this process had its turn. */
  #wakeInTurn(clock: Clock, wake: () => void): void {
    if (this.#wokenInSlice === 0) clock.after(0, () => this.#nextSlice(clock))
    if (this.#wokenInSlice < sliceMax) {
      this.#wokenInSlice += 1
      wake()
    } else this.#late.push(wake)
  }

  #nextSlice(clock: Clock): void {
    this.#wokenInSlice = 0
    for (const wake of this.#late.splice(0, sliceMax)) this.#wakeInTurn(clock, wake)
  }

  /** Wakes everyone whose topics these names touch, each once. */
  touch(names: Iterable<string>): void {
    if (this.#exact.size === 0 && this.#prefixes.size === 0) return
    const woken = new Set<Waiter>()
    for (const name of names) {
      for (const waiter of this.#exact.get(name) ?? []) woken.add(waiter)
      for (const length of this.#prefixLengths.keys())
        if (length <= name.length)
          for (const waiter of this.#prefixes.get(name.slice(0, length)) ?? []) woken.add(waiter)
    }
    for (const waiter of woken) waiter()
  }

  /** After a snapshot was restored nothing that anyone read is certain any more. */
  touchAll(): void {
    const all = new Set<Waiter>()
    for (const sets of [this.#exact, this.#prefixes])
      for (const waiters of sets.values()) for (const waiter of waiters) all.add(waiter)
    for (const waiter of all) waiter()
  }

  #add({ name, prefix }: Topic, waiter: Waiter): void {
    const sets = prefix ? this.#prefixes : this.#exact
    let waiters = sets.get(name)
    if (!waiters) {
      sets.set(name, (waiters = new Set()))
      if (prefix)
        this.#prefixLengths.set(name.length, (this.#prefixLengths.get(name.length) ?? 0) + 1)
    }
    waiters.add(waiter)
  }

  #remove({ name, prefix }: Topic, waiter: Waiter): void {
    const sets = prefix ? this.#prefixes : this.#exact
    const waiters = sets.get(name)
    if (!waiters?.delete(waiter) || waiters.size > 0) return
    sets.delete(name)
    if (!prefix) return
    const left = (this.#prefixLengths.get(name.length) ?? 1) - 1
    if (left === 0) this.#prefixLengths.delete(name.length)
    else this.#prefixLengths.set(name.length, left)
  }
}
