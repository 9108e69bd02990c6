import { diff } from 'node:util'

import { type Explained, explained } from './explained.ts'
import type { Observation } from './observation.ts'
import type { Step } from './step.ts'

export interface Difference {
  readonly step: string
  readonly part: string
  readonly expected: string | undefined
  readonly actual: string | undefined
  readonly explanation: Explained | undefined
}

export function differencesIn(
  family: string,
  step: Step,
  expected: Observation,
  actual: Observation,
  isClient: boolean,
): Difference[] {
  const parts = new Set([...expected.keys(), ...actual.keys()])
  const name = `${family}: ${step.name}`
  return [...parts]
    .filter((part) => expected.get(part) !== actual.get(part))
    .map((part) => ({
      step: name,
      part,
      expected: expected.get(part),
      actual: actual.get(part),
      explanation: explained.find(
        (entry) =>
          entry.step.test(name) &&
          entry.part.test(part) &&
          (isClient || entry.ofClients !== true) &&
          (entry.when?.(expected.get(part), actual.get(part)) ?? true),
      ),
    }))
}

const linesMax = 40
const linesAround = 1

/** For a person: short values in one line, long ones as the lines that differ (`-` the oracle's, `+` the subject's). */
export function printDifference({ part, expected, actual, explanation }: Difference): string {
  if (explanation) return `  ${part}: explained: ${explanation.why}`
  if (expected === undefined || actual === undefined || isShort(expected, actual))
    return `  ${part}: ${show(expected)} → ${show(actual)}`
  return `  ${part}:\n${lineDifference(expected, actual)}`
}

function isShort(...values: readonly string[]): boolean {
  return values.every((value) => !value.includes('\n') && value.length < shortMax)
}

const shownMax = 300
const shortMax = 120

/** JSON that was not printed for people has a line for each field. */
function linesOf(value: string): string[] {
  return value.includes('\n') ? value.split('\n') : value.split(/(?<=[,{[])(?=["{])/)
}

function show(value: string | undefined): string {
  return value === undefined ? '(absent)' : JSON.stringify(value).slice(0, shownMax)
}

function lineDifference(expected: string, actual: string): string {
  const lines = diff(linesOf(expected), linesOf(actual)) as [number, string][]
  const near = (at: number): boolean =>
    lines.slice(Math.max(0, at - linesAround), at + linesAround + 1).some(([kind]) => kind !== 0)
  // The library marks with 1 what only its first argument has.
  const shown = lines
    .filter((_, at) => near(at))
    .map(([kind, line]) => `    ${kind === 0 ? ' ' : kind > 0 ? '-' : '+'} ${line}`)
  return shown.length > linesMax
    ? [...shown.slice(0, linesMax), `    … ${shown.length - linesMax} more lines`].join('\n')
    : shown.join('\n')
}
