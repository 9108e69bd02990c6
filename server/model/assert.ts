/**
 * Assertions state what must hold whatever the outside does. They stay on in production: a process that finds its own
 * invariants broken stops before it can acknowledge anything that is not true.
 */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed'
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message)
}

/** For the `default` of an exhaustive switch: the compiler proves it unreachable, and this says so if it is reached. */
export function assertNever(value: never): never {
  throw new AssertionFailed(`unreachable: ${JSON.stringify(value)}`)
}

/** The value of something that was put there, so its absence is a bug. */
export function must<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionFailed(message)
  return value
}
