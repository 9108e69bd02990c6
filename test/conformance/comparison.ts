import { type Difference, differencesIn, printDifference } from './difference.ts'
import type { Observation } from './observation.ts'
import { observe } from './observe.ts'
import type { Peer } from './peer.ts'
import type { Step } from './step.ts'
import { families } from './steps.ts'

export interface Compared {
  steps: number
  explained: number
  unexplained: number
}

/**
 * Takes all of them through the steps at the same time, and prints where a subject's answers differ from the oracle's. `only`
 * takes whole families and prints only the steps that it names; throws where it names none.
 */
export async function compare(
  oracle: Peer,
  subjects: readonly Peer[],
  { only, show }: { readonly only: string; readonly show: boolean },
): Promise<ReadonlyMap<Peer, Compared>> {
  const counts = new Map(
    subjects.map((subject) => [subject, { steps: 0, explained: 0, unexplained: 0 }]),
  )
  for (const family of families) {
    const isAsked = ({ name }: Step): boolean => `${family.name}: ${name}`.includes(only)
    if (!family.steps.some(isAsked)) continue
    for (const step of family.steps) {
      const name = `${family.name}: ${step.name}`
      const [expected, ...actual] = await Promise.all([
        theOracle(name, step, oracle),
        ...subjects.map((subject) => observe(step, subject)),
      ])
      if (!isAsked(step)) continue
      if (show) console.log(name, expected)
      for (const [at, subject] of subjects.entries()) {
        const isClient = subject.behind !== undefined
        const seen = actual[at] ?? new Map<string, string>()
        const differences = differencesIn(family.name, step, expected, seen, isClient)
        print(subject, differences)
        const count = counts.get(subject)
        if (!count) continue
        count.steps += 1
        count.explained += differences.filter(({ explanation }) => explanation).length
        count.unexplained += differences.filter(({ explanation }) => !explanation).length
      }
    }
  }
  if ([...counts.values()].some(({ steps }) => steps === 0))
    throw new Error(`no step has ${only} in its name`)
  return counts
}

async function theOracle(name: string, step: Step, oracle: Peer): Promise<Observation> {
  const observation = await observe(step, oracle)
  const failure = observation.get('failure')
  if (failure !== undefined) throw new Error(`the oracle failed ${name}: ${failure}`)
  return observation
}

function print({ label }: Peer, differences: readonly Difference[]): void {
  const [first] = differences
  if (!first) return
  console.log(`${first.step} [${label}]`)
  for (const difference of differences) console.log(printDifference(difference))
}
