/**
 * What is due when: a heap of appointments, kept instead of timers. `drained` runs what is due; `dueMs` says when there will be
 * something. Appointments of the same moment are kept in the order in which they were made.
 *
 * Judgements are appointments at which silence is held against somebody. They alone are put off by time in which we did not look.
 */
export class Agenda {
  #heap: Appointment[] = []
  #made = 0
  #cancelled = 0

  at(atMs: number, run: () => void): Appointment {
    return this.#make(atMs, run, false)
  }

  judgeAt(atMs: number, run: () => void): Appointment {
    return this.#make(atMs, run, true)
  }

  cancel(appointment: Appointment | null): void {
    if (appointment === null || appointment.run === null) return
    appointment.run = null
    this.#cancelled += 1
    // Cancelled ones wait for their turn, but not in the majority.
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#rebuild()
  }

  /** Infinity where nothing is due ever. */
  dueMs(): number {
    let first = this.#heap[0]
    while (first !== undefined && first.run === null) {
      this.#removeFirst()
      first = this.#heap[0]
    }
    return first?.atMs ?? Infinity
  }

  /** Runs what is due, in order; what that makes due, too. */
  runDue(nowMs: number): void {
    while (this.dueMs() <= nowMs) {
      const run = this.#heap[0]?.run ?? null
      this.#removeFirst()
      if (run !== null) run()
    }
  }

  /** Puts every judgement off. */
  postpone(pauseMs: number): void {
    for (const appointment of this.#heap) if (appointment.isJudgement) appointment.atMs += pauseMs
    this.#rebuild()
  }

  #make(atMs: number, run: () => void, isJudgement: boolean): Appointment {
    this.#made += 1
    const appointment = { atMs, order: this.#made, isJudgement, run }
    this.#heap.push(appointment)
    this.#rise(this.#heap.length - 1)
    return appointment
  }

  #rebuild(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(({ run }) => run !== null)
    this.#heap.sort(earlier)
    this.#cancelled = 0
  }

  #removeFirst(): void {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return
    if (first.run === null) this.#cancelled -= 1
    else first.run = null
    if (heap.length === 0) return
    heap[0] = last
    this.#sink(0)
  }

  #rise(from: number): void {
    const heap = this.#heap
    let at = from
    const moving = heap[at]
    if (moving === undefined) return
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || earlier(parent, moving) <= 0) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = moving
  }

  #sink(from: number): void {
    const heap = this.#heap
    let at = from
    const moving = heap[at]
    if (moving === undefined) return
    for (;;) {
      let childAt = at * 2 + 1
      let child = heap[childAt]
      if (child === undefined) break
      const other = heap[childAt + 1]
      if (other !== undefined && earlier(other, child) < 0) {
        child = other
        childAt += 1
      }
      if (earlier(moving, child) <= 0) break
      heap[at] = child
      at = childAt
    }
    heap[at] = moving
  }
}

export interface Appointment {
  atMs: number
  readonly order: number
  readonly isJudgement: boolean
  /** Null once it was kept or cancelled. */
  run: (() => void) | null
}

const earlier = (a: Appointment, b: Appointment): number => a.atMs - b.atMs || a.order - b.order
