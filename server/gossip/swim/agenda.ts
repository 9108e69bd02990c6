import { Heap } from './heap.ts'

/**
 * What is due when: a heap of appointments, kept instead of timers. `drained` runs what is due; `dueMs` says when there will be
 * something. Appointments of the same moment are kept in the order in which they were made.
 *
 * Judgements are appointments at which silence is held against somebody. They alone are put off by time in which we did not look.
 */
export class Agenda {
  readonly #heap = new Heap<Appointment>(earlier)
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
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.size) this.#rebuild()
  }

  /** Infinity where nothing is due ever. */
  dueMs(): number {
    let { first } = this.#heap
    while (first !== undefined && first.run === null) {
      this.#removeFirst()
      first = this.#heap.first
    }
    return first?.atMs ?? Infinity
  }

  /** Runs what is due, in order; what that makes due, too. */
  runDue(nowMs: number): void {
    while (this.dueMs() <= nowMs) {
      const run = this.#heap.first?.run ?? null
      this.#removeFirst()
      if (run !== null) run()
    }
  }

  /** Puts every judgement off. */
  postpone(pauseMs: number): void {
    for (const appointment of this.#heap.items())
      if (appointment.isJudgement) appointment.atMs += pauseMs
    this.#rebuild()
  }

  #make(atMs: number, run: () => void, isJudgement: boolean): Appointment {
    this.#made += 1
    const appointment = { atMs, order: this.#made, isJudgement, run }
    this.#heap.add(appointment)
    return appointment
  }

  #rebuild(): void {
    this.#heap.rebuild(({ run }) => run !== null)
    this.#cancelled = 0
  }

  #removeFirst(): void {
    const first = this.#heap.removeFirst()
    if (first === undefined) return
    if (first.run === null) this.#cancelled -= 1
    else first.run = null
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
