import type { Fault } from './plan.ts'
import type { Outcome } from './simulation.ts'

/** What many seeds did together. */
export class Tally {
  seeds = 0
  failures = 0
  steps = 0
  turns = 0
  virtualMs = 0
  committed = 0
  readonly #startedMs = performance.now()
  readonly #faults = new Map<Fault, number>()
  readonly #messages = new Map<string, number>()
  readonly #deeds = new Map<string, number>()
  readonly #requests = new Map<string, number>()

  add(outcome: Outcome): void {
    this.seeds += 1
    if (outcome.failure !== null) this.failures += 1
    this.steps += outcome.steps
    this.turns += outcome.turns
    this.virtualMs += outcome.virtualMs
    this.committed += outcome.commitIndex
    sum(this.#faults, outcome.faults)
    sum(this.#messages, new Map(Object.entries(outcome.messages)))
    sum(this.#deeds, new Map(Object.entries(outcome.deeds)))
    sum(this.#requests, new Map(Object.entries(outcome.requests)))
  }

  print(): string {
    const seconds = (performance.now() - this.#startedMs) / 1000
    const rate = (count: number): string => Math.round(count / seconds).toLocaleString('en')
    return [
      `seeds     ${this.seeds.toLocaleString('en')}, ${this.failures} failed, in ${seconds.toFixed(1)} s (${rate(this.seeds * 60)} a minute)`,
      `steps     ${this.steps.toLocaleString('en')} (${rate(this.steps)} a second), of them turns of a core ${this.turns.toLocaleString('en')}`,
      `virtual   ${(this.virtualMs / 3_600_000).toFixed(2)} hours (${rate(this.virtualMs / 1000)} seconds a second)`,
      `faults    ${list(this.#faults)}`,
      `messages  ${list(this.#messages)}`,
      `deeds     ${list(this.#deeds)}`,
      `requests  ${list(this.#requests)}`,
      `committed ${this.committed.toLocaleString('en')} entries`,
    ].join('\n')
  }
}

function sum<Key>(into: Map<Key, number>, counts: ReadonlyMap<Key, number>): void {
  for (const [key, count] of counts) into.set(key, (into.get(key) ?? 0) + count)
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
    .join(', ')
}
