import { assert, must } from '../../server/model/assert.ts'
import type { Operation } from './history.ts'
import type { Model } from './model.ts'
import { search } from './search.ts'

/** Why a history of one key is not linearizable: as few of its operations as contradict each other. */
export interface Explanation {
  readonly key: string
  /** By time of call. Whatever all others did, these can't be. */
  readonly operations: readonly Operation<unknown, unknown>[]
  /** The one of them whose answer made it so. */
  readonly culprit: Operation<unknown, unknown>
  /** What the culprit could have answered instead, described with it; the first few. */
  readonly expected: readonly string[]
  /** The same for a person, times counted from the first call. */
  readonly text: string
}

/** Bounds of what is spent on being clear. Beyond them the explanation is longer than it need be, and as true. */
const stepsMax = 300_000
const statesMax = 300
const windowMax = 64
const answersMax = 4

/** `operations` are those of one key, and not linearizable. */
export function explain<State, Input, Output>(
  model: Model<State, Input, Output>,
  key: string,
  operations: readonly Operation<Input, Output>[],
): Explanation {
  const prefix = shortestPrefix(model, operations)
  const culprit = must(
    prefix
      .filter(({ returnedAt }) => returnedAt !== Infinity)
      .toSorted(byReturn)
      .at(-1),
    'an answer that contradicts',
  )
  const core = contradiction(model, prefix, culprit)
  const expected = possibleAnswers(model, prefix, culprit)
  return {
    key,
    operations: core,
    culprit,
    expected,
    text: print(model, key, core, culprit, expected),
  }
}

/**
 * What was known when the answer came that can't be: everything called by then, and of what was not answered by then, no answer.
 * Any beginning of a linearizable history is one, so the first bad moment is found by halving.
 */
function shortestPrefix<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): readonly Operation<Input, Output>[] {
  const answered = operations.filter(({ returnedAt }) => returnedAt !== Infinity).toSorted(byReturn)
  const until = (count: number): Operation<Input, Output>[] => {
    const heard = new Set(answered.slice(0, count))
    const now = must(answered[count - 1], 'an answer').returnedAt
    return operations
      .filter(({ calledAt }) => calledAt <= now)
      .map((operation) => (heard.has(operation) ? operation : unanswered(operation)))
  }
  let [good, bad] = [0, answered.length]
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    const found = search({ model, operations: until(middle), stepsMax })
    if (found.kind === 'illegal') bad = middle
    else good = middle
  }
  return until(bad)
}

/**
 * The part of the prefix that contradicts itself, whatever went before and beside it. First by time: from some call on, starting
 * from any state that any order comes to, with what was in flight at that moment counted as perhaps done before. Then one by
 * one: what may as well have had any answer, and have happened or not, is no part of it.
 */
function contradiction<State, Input, Output>(
  model: Model<State, Input, Output>,
  prefix: readonly Operation<Input, Output>[],
  culprit: Operation<Input, Output>,
): readonly Operation<Input, Output>[] {
  const states = new Map<string, State>()
  const visit = (state: State): void => {
    if (states.size <= statesMax) states.set(model.identify(state), state)
  }
  search({ model, operations: prefix, stepsMax: 10 * stepsMax, visit })
  const answered = prefix.filter(({ returnedAt }) => returnedAt !== Infinity).toSorted(byCall)
  if (states.size > statesMax) return answered.slice(-windowMax)

  const contradicts = (operations: readonly Operation<Input, Output>[]): boolean =>
    [...states.values()].every(
      (initial) => search({ model, operations, initial, stepsMax }).kind === 'illegal',
    )
  const windowFrom = (start: number): Operation<Input, Output>[] =>
    prefix
      .filter(({ returnedAt }) => returnedAt >= start)
      .map((operation) => (operation.calledAt >= start ? operation : unanswered(operation)))
  const starts = answered.map(({ calledAt }) => calledAt).toReversed()
  const start = starts.slice(0, windowMax).find((at) => contradicts(windowFrom(at)))
  if (start === undefined)
    // The whole, from the true beginning; too much to be reduced.
    return answered.slice(-windowMax)

  let window = windowFrom(start)
  for (const operation of window) {
    if (operation.returnedAt === Infinity || operation === culprit) continue
    const without = window.map((other) => (other === operation ? unanswered(operation) : other))
    if (contradicts(without)) window = without
  }
  return window.filter(({ returnedAt }) => returnedAt !== Infinity).toSorted(byCall)
}

/** Asks for an order in which the culprit answers something, then for one in which it answers something else, and so on. */
function possibleAnswers<State, Input, Output>(
  model: Model<State, Input, Output>,
  prefix: readonly Operation<Input, Output>[],
  culprit: Operation<Input, Output>,
): string[] {
  const answers: Output[] = []
  while (answers.length < answersMax) {
    const { kind, order } = search({
      model,
      operations: prefix,
      stepsMax,
      accepts: (operation, expected) =>
        operation === culprit
          ? !answers.some((answer) => model.agrees(expected, answer))
          : operation.output === undefined || model.agrees(expected, operation.output),
    })
    if (kind !== 'legal') break
    let state = model.initial
    for (const operation of order) {
      const applied = model.apply(state, operation.input)
      if (operation === culprit) answers.push(applied.output)
      state = applied.state
    }
    assert(order.includes(culprit), 'an answered operation has its place')
  }
  return answers.map((answer) => model.describe(culprit.input, answer))
}

function print<State, Input, Output>(
  model: Model<State, Input, Output>,
  key: string,
  operations: readonly Operation<Input, Output>[],
  culprit: Operation<Input, Output>,
  expected: readonly string[],
): string {
  const start = Math.min(...operations.map(({ calledAt }) => calledAt))
  const rows = operations.map((operation) => [
    `${format(operation.calledAt - start)} … ${format(operation.returnedAt - start)}`,
    operation.client,
    `${model.describe(operation.input, operation.output)}${operation === culprit ? '   ← can not be' : ''}`,
  ])
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map(
    ([times = '', client = '', what = '']) =>
      `  ${times.padStart(widths[0] ?? 0)}  ${client.padEnd(widths[1] ?? 0)}  ${what}`,
  )
  const could =
    expected.length === 0
      ? '  no answer would have been right: an earlier one was wrong, and this shows it'
      : `  it could have been: ${expected.join(', or ')}`
  return [`${key}: no order of these explains what was seen`, ...lines, could].join('\n')
}

function format(time: number): string {
  return Number.isInteger(time) ? String(time) : time.toFixed(3)
}

/** As if its client had heard nothing: it may have happened, then or later, or never. */
function unanswered<Input, Output>(operation: Operation<Input, Output>): Operation<Input, Output> {
  return { ...operation, returnedAt: Infinity, output: undefined }
}

function byCall(a: Operation<unknown, unknown>, b: Operation<unknown, unknown>): number {
  return a.calledAt - b.calledAt
}

function byReturn(a: Operation<unknown, unknown>, b: Operation<unknown, unknown>): number {
  return a.returnedAt - b.returnedAt
}
