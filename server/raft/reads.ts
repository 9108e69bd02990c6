import { notLeader } from '../model/errors.ts'
import type { ReadResult, Ticket } from './core/output.ts'
import type { Waiter } from './future.ts'
import { queueFull } from './proposals.ts'
import type { Index } from './types.ts'

/** Reads that wait for the core's word. All that are asked for in one turn share a ticket: its index is good for each. */
export class Reads {
  #gathered: Waiter<Index>[] = []
  readonly #ticketed = new Map<Ticket, readonly Waiter<Index>[]>()

  get gathered(): number {
    return this.#gathered.length
  }

  add(waiter: Waiter<Index>): void {
    this.#gathered.push(waiter)
  }

  issue(ticket: Ticket): void {
    this.#ticketed.set(ticket, this.#gathered)
    this.#gathered = []
  }

  settle(result: ReadResult, shift: number): void {
    const waiters = this.#ticketed.get(result.ticket) ?? []
    this.#ticketed.delete(result.ticket)
    if (result.outcome === 'ready') {
      for (const { resolve } of waiters) resolve(result.index + shift)
      return
    }
    const error = result.outcome === 'notLeader' ? notLeader() : queueFull()
    for (const { reject } of waiters) reject(error)
  }

  rejectAll(error: Error): void {
    const waiters = [...this.#ticketed.values()].flat().concat(this.#gathered)
    this.#gathered = []
    this.#ticketed.clear()
    for (const { reject } of waiters) reject(error)
  }
}
