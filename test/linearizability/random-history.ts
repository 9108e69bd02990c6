import fc from 'fast-check'

import { seededChance, type Chance } from '../../server/runtime/chance.ts'
import type { Operation } from './history.ts'
import type { Model } from './model.ts'
import { register, type RegisterInput, type RegisterOutput } from './models/register.ts'

/** How an operation lies around the instant at which it takes effect, and what its client hears of it. */
interface Circumstance {
  readonly before: number
  readonly after: number
  readonly fate: 'answered' | 'unheard' | 'never'
}

const circumstance: fc.Arbitrary<Circumstance> = fc.record({
  before: fc.integer({ min: 0, max: 60 }),
  after: fc.integer({ min: 0, max: 60 }),
  fate: fc.oneof(
    { weight: 8, arbitrary: fc.constant('answered' as const) },
    { weight: 1, arbitrary: fc.constant('unheard' as const) },
    { weight: 1, arbitrary: fc.constant('never' as const) },
  ),
})

/** Histories that are linearizable because they were made from an order: every tenth instant one operation takes effect. */
export function legalHistories<State, Input, Output>(
  model: Model<State, Input, Output>,
  input: fc.Arbitrary<Input>,
  { operationsMax = 40 } = {},
): fc.Arbitrary<Operation<Input, Output>[]> {
  return fc
    .array(fc.tuple(input, circumstance), { maxLength: operationsMax })
    .map((planned) => carryOut(model, planned))
}

function carryOut<State, Input, Output>(
  model: Model<State, Input, Output>,
  planned: readonly (readonly [Input, Circumstance])[],
): Operation<Input, Output>[] {
  let state = model.initial
  return planned.map(([input, { before, after, fate }], position) => {
    const instant = 10 * position
    const called = { client: `c${position}`, key: 'k', input, calledAt: instant - before }
    if (fate === 'never') return { ...called, returnedAt: Infinity, output: undefined }
    const applied = model.apply(state, input)
    state = applied.state
    return fate === 'unheard'
      ? { ...called, returnedAt: Infinity, output: undefined }
      : { ...called, returnedAt: instant + after, output: applied.output }
  })
}

const value = fc.constantFrom('a', 'b', 'c')

export const registerInput: fc.Arbitrary<RegisterInput> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<RegisterInput>({ verb: 'get' }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('put' as const), value }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('cas' as const),
      expected: fc.option(value),
      value,
    }),
  },
  { weight: 1, arbitrary: fc.constant<RegisterInput>({ verb: 'delete' }) },
  {
    weight: 1,
    arbitrary: fc.record({ verb: fc.constant('delete-cas' as const), expected: value }),
  },
)

/** Any answers at all, most of them wrong. */
export const anyRegisterHistories: fc.Arbitrary<Operation<RegisterInput, RegisterOutput>[]> =
  fc.array(
    fc
      .tuple(
        registerInput,
        fc.nat(30),
        fc.nat(12),
        fc.constantFrom<RegisterOutput | undefined>('a', 'b', 'c', null),
        fc.constantFrom(true, true, true, false, undefined),
      )
      .map(([input, calledAt, length, seen, done]) => ({
        client: 'c',
        key: 'k',
        input,
        calledAt,
        returnedAt: done === undefined ? Infinity : calledAt + length,
        output: done === undefined ? undefined : input.verb === 'get' ? seen : done,
      })),
    { maxLength: 6 },
  )

export interface Load {
  readonly operations: number
  readonly keys: number
  readonly clients: number
  /** Of all operations, those that nobody answers. */
  readonly openFraction: number
}

/** What clients of a correct store would write down, in closed loops, each value written once. */
export function busyHistory(seed: number, load: Load): Operation<RegisterInput, RegisterOutput>[] {
  const chance = seededChance(seed)
  const states = new Map<string, string | null>()
  const free = Array.from({ length: load.clients }, () => 0)
  return Array.from({ length: load.operations }, (_, number) => {
    const client = free.indexOf(Math.min(...free))
    const calledAt = (free[client] ?? 0) + chance.fraction()
    const instant = calledAt + chance.fraction() * 10
    free[client] = instant + chance.fraction() * 10
    const key = `k${Math.floor(chance.fraction() * load.keys)}`
    return { number, client, key, calledAt, instant, returnedAt: free[client] }
  })
    .toSorted((a, b) => a.instant - b.instant)
    .map(({ number, client, key, calledAt, returnedAt }) => {
      const state = states.get(key) ?? null
      const input = drawInput(chance, state, `v${number}`)
      const applied = register.apply(state, input)
      const isOpen = chance.fraction() < load.openFraction
      if (!isOpen || chance.fraction() < 0.5) states.set(key, applied.state)
      const called = { client: `c${client}`, key, input, calledAt }
      return isOpen
        ? { ...called, returnedAt: Infinity, output: undefined }
        : { ...called, returnedAt, output: applied.output }
    })
}

function drawInput(chance: Chance, state: string | null, fresh: string): RegisterInput {
  const draw = chance.fraction()
  if (draw < 0.5) return { verb: 'get' }
  if (draw < 0.85) return { verb: 'put', value: fresh }
  return { verb: 'cas', expected: draw < 0.95 ? state : 'v0', value: fresh }
}
