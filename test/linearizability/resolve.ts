import type { Operation } from './history.ts'

/**
 * Settles operations without an answer by what the servers' logs hold. One that is in no log never happened, and goes; one that
 * is, happened, and did before anything later in the log was answered. The search is exponential in what stays open, so this
 * turns hours into moments; the answers that clients did get are not touched.
 *
 * `positionOf` gives an operation's index in the log, `'absent'` where it is certain that it is in none (so the log must reach
 * back to the first operation), and undefined where it can't be told.
 */
export function resolveOpen<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  positionOf: (operation: Operation<Input, Output>) => number | 'absent' | undefined,
): Operation<Input, Output>[] {
  const positions = new Map(operations.map((operation) => [operation, positionOf(operation)]))
  const placed = operations
    .filter((operation) => typeof positions.get(operation) === 'number')
    .toSorted((a, b) => Number(positions.get(a)) - Number(positions.get(b)))
  // From the end: the earliest return of all that come later.
  const returnedBy = new Map<Operation<Input, Output>, number>()
  let earliest = Infinity
  for (const operation of placed.toReversed()) {
    earliest = Math.min(earliest, operation.returnedAt)
    returnedBy.set(operation, earliest)
  }
  return operations.flatMap((operation) => {
    if (operation.returnedAt !== Infinity) return [operation]
    if (positions.get(operation) === 'absent') return []
    return [{ ...operation, returnedAt: returnedBy.get(operation) ?? Infinity }]
  })
}
