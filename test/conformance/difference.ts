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
      explanation: explained.find(
        (entry) =>
          entry.step.test(name) &&
          entry.part.test(part) &&
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

function isShort(expected: string, actual: string): boolean {
  return !expected.includes('\n') && !actual.includes('\n')
}

const shownMax = 300

function show(value: string | undefined): string {
  return value === undefined ? '(absent)' : JSON.stringify(value).slice(0, shownMax)
}

function lineDifference(expected: string, actual: string): string {
  const lines = diff(expected.split('\n'), actual.split('\n')) as [number, string][]
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
