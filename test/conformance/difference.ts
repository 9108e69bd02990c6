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
      explanation: explained.find((entry) => entry.step.test(name) && entry.part.test(part)),
    }))
}

const linesMax = 40
const linesAround = 1

/** For a person: short values side by side, long ones as the lines that differ. */
export function printDifference({ part, expected, actual, explanation }: Difference): string {
  const title = `  ${part}${explanation ? ` (explained: ${explanation.why})` : ''}`
  if (explanation) return title
  if (expected === undefined || actual === undefined || isShort(expected, actual))
    return `${title}\n    - ${show(expected)}\n    + ${show(actual)}`
  return `${title}\n${lineDifference(expected, actual)}`
}

function isShort(expected: string, actual: string): boolean {
  return !expected.includes('\n') && !actual.includes('\n')
}

function show(value: string | undefined): string {
  return value === undefined ? '(absent)' : JSON.stringify(value)
}

function lineDifference(expected: string, actual: string): string {
  // The oldest value is second: `diff` says how to get from the one to the other backwards (-1 is only in the second).
  const lines = diff(actual.split('\n'), expected.split('\n')) as [number, string][]
  const near = (at: number): boolean =>
    lines.slice(Math.max(0, at - linesAround), at + linesAround + 1).some(([kind]) => kind !== 0)
  const shown = lines
    .filter((_, at) => near(at))
    .map(([kind, line]) => `    ${kind === 0 ? ' ' : kind < 0 ? '-' : '+'} ${line}`)
  return shown.length > linesMax
    ? [...shown.slice(0, linesMax), `    … ${shown.length - linesMax} more lines`].join('\n')
    : shown.join('\n')
}
