import { hashSeed, mix } from './draw.ts'

export interface Scheduled {
  cancel(): void
}

interface Event {
  readonly atMs: number
  readonly order: number
  run: (() => void) | null
}

/**
 * Time, as the only thing that makes anything happen: a heap of (time, order, what). Between two events no time passes, and one
 * runs to its end before the next.
 */
export class Scheduler {
  nowMs = 0
  /** Events run so far. */
  steps = 0
  /** Of everything that was noted, in order: two runs of a seed must give the same. */
  digest = hashSeed
  readonly #heap: Event[] = []
  #order = 0

  /** Never in the past: what is late happens now. */
  after(delayMs: number, run: () => void): Scheduled {
    this.#order += 1
    const event: Event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order, run }
    this.#push(event)
    return {
      cancel() {
        event.run = null
      },
    }
  }

  /** Runs the next event; false when there is none before that time, which it is then. */
  next(untilMs: number): boolean {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs)
        return false
      }
      this.#pop()
      if (first.run === null) continue
      this.nowMs = first.atMs
      this.steps += 1
      first.run()
      return true
    }
  }

  note(value: number): void {
    this.digest = mix(mix(this.digest, value), value / 2 ** 32)
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Event
      if (!isBefore(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Event
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event))
        child += 1
      if (!isBefore(heap[child] as Event, last)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = last
  }
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)
}
