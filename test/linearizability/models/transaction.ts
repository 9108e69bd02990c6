import type { Model } from '../model.ts'

/** A few keys that are read and written together: what a group's transactions see is one state or another, never half of each. */
export interface TransactionInput {
  readonly steps: readonly TransactionStep[]
}

export type TransactionStep =
  | { readonly verb: 'set'; readonly key: string; readonly value: string }
  /** A key that is not there refuses the whole, as all that does not hold does. */
  | { readonly verb: 'get' | 'delete' | 'check-not-exists'; readonly key: string }

/** What the gets saw, in order; null: refused, and nothing was done. */
export type TransactionOutput = readonly string[] | null

type Values = Readonly<Record<string, string>>

export const transaction: Model<Values, TransactionInput, TransactionOutput> = {
  initial: {},
  identify: (state) =>
    JSON.stringify(Object.entries(state).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  agrees: (expected, observed) => JSON.stringify(expected) === JSON.stringify(observed),
  apply(before, { steps }) {
    const seen: string[] = []
    const state = { ...before }
    for (const step of steps) {
      const held = state[step.key]
      if (step.verb === 'set') state[step.key] = step.value
      else if (step.verb === 'delete') delete state[step.key]
      else if ((step.verb === 'get') !== (held !== undefined))
        return { state: before, output: null }
      else if (held !== undefined) seen.push(held)
    }
    return { state, output: seen }
  },
  describe({ steps }, output) {
    const asked = steps.map((step) =>
      step.verb === 'set' ? `set ${step.key} ${step.value}` : `${step.verb} ${step.key}`,
    )
    const answer = output === null ? ' → refused' : output ? ` → [${output.join(', ')}]` : ''
    return `{ ${asked.join('; ')} }${answer}`
  },
}
