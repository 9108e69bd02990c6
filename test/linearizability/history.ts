import { must } from '../../server/model/assert.ts'

/**
 * One request of one client. Times are numbers of one clock, in any unit: a simulator's virtual milliseconds, a process's
 * nanoseconds.
 */
export interface Operation<Input, Output> {
  readonly client: string
  /** Operations on different keys have nothing to do with each other; each key begins as the model's initial state. */
  readonly key: string
  readonly input: Input
  readonly calledAt: number
  /** Infinity: no answer came, so it may take effect at any time after its call, or never. */
  readonly returnedAt: number
  /** Undefined: not known. With a time of return it is done by then all the same. */
  readonly output: Output | undefined
  /** The Raft index that the answer told, if it told one. */
  readonly index?: number | undefined
}

/**
 * Writes down what clients do as they do it. An operation that nobody answered stays in: to leave it out would make liars of
 * those that saw its effect.
 */
export class History<Input, Output> {
  readonly #operations: (Operation<Input, Output> | undefined)[] = []

  /** Gives the operation's number, for what becomes of it. */
  call(client: string, key: string, input: Input, calledAt: number): number {
    return (
      this.#operations.push({
        client,
        key,
        input,
        calledAt,
        returnedAt: Infinity,
        output: undefined,
      }) - 1
    )
  }

  return(number: number, output: Output, returnedAt: number, index?: number): void {
    const called = must(this.#operations[number], 'an operation that is called')
    this.#operations[number] = { ...called, output, returnedAt, index }
  }

  /** It surely had no effect: refused before anything was done, or only ever a read. */
  forget(number: number): void {
    this.#operations[number] = undefined
  }

  /** All of them, in the order of their calls, those still in flight included. */
  operations(): Operation<Input, Output>[] {
    return this.#operations.filter((operation) => operation !== undefined)
  }
}

/** One line of JSON for each operation. JSON has no infinity: an operation without an answer has no `returnedAt`. */
export function* encodeHistory(
  operations: Iterable<Operation<unknown, unknown>>,
): Generator<string> {
  for (const { returnedAt, ...rest } of operations)
    yield JSON.stringify({ ...rest, ...(returnedAt === Infinity ? {} : { returnedAt }) })
}

/** What encodeHistory wrote; the types are the caller's word. */
export function decodeHistory<Input, Output>(text: string): Operation<Input, Output>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const operation = JSON.parse(line) as Operation<Input, Output>
      return {
        ...operation,
        returnedAt: operation.returnedAt ?? Infinity,
        output: operation.output,
      }
    })
}
