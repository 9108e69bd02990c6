import { explain, type Explanation } from './explain.ts'
import type { Operation } from './history.ts'
import type { Model } from './model.ts'
import { search } from './search.ts'

export interface CheckOptions {
  /** How often the model may be asked about one key before that key counts as undecided. */
  readonly stepsMaxPerKey?: number
  /** How many wrong keys are explained; explaining takes much longer than finding. */
  readonly explanationsMax?: number
}

export interface Verdict {
  /** `undecided`: nothing wrong was found, and not everything could be looked at. */
  readonly kind: 'legal' | 'illegal' | 'undecided'
  readonly operations: number
  readonly keys: number
  readonly steps: number
  /** Keys on which no order explains what was seen. */
  readonly illegal: readonly string[]
  readonly explanations: readonly Explanation[]
  readonly undecided: readonly string[]
}

/**
 * Whether what the clients saw could have been seen if each operation had happened at one instant between its call and its
 * return (Herlihy and Wing, 1990). A history is linearizable if what it holds for each key is, so each key is judged by
 * itself: the search grows with the number of operations in flight at once on one key, and with those that nobody answered.
 * So let no key have more than about 500 operations or 8 without an answer, and never write a value twice.
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  { stepsMaxPerKey = 5_000_000, explanationsMax = 3 }: CheckOptions = {},
): Verdict {
  const illegal: string[] = []
  const undecided: string[] = []
  const explanations: Explanation[] = []
  const byKey = Map.groupBy(operations, ({ key }) => key)
  let steps = 0
  for (const [key, ofKey] of byKey) {
    const found = search({ model, operations: ofKey, stepsMax: stepsMaxPerKey })
    steps += found.steps
    if (found.kind === 'undecided') undecided.push(key)
    if (found.kind !== 'illegal') continue
    illegal.push(key)
    if (explanations.length < explanationsMax) explanations.push(explain(model, key, ofKey))
  }
  const kind = illegal.length > 0 ? 'illegal' : undecided.length > 0 ? 'undecided' : 'legal'
  const counts = { operations: operations.length, keys: byKey.size, steps }
  return { kind, ...counts, illegal, explanations, undecided }
}
