/**
 * What an object would do if only one client at a time used it: the yardstick of linearizability. Deterministic, so that a
 * wrong answer can be told from the right one; states are values, never changed in place.
 */
export interface Model<State, Input, Output> {
  readonly initial: State
  readonly apply: (state: State, input: Input) => Applied<State, Output>
  /** Whether what a client saw is what was to be expected. */
  readonly agrees: (expected: Output, observed: Output) => boolean
  /** Equal for equal states, and for no others. */
  readonly identify: (state: State) => string
  /** For a person: `put "a"`, or `get → "a"` where the output is given. */
  readonly describe: (input: Input, output: Output | undefined) => string
}

export interface Applied<State, Output> {
  readonly state: State
  readonly output: Output
}
