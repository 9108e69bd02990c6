import type { Model } from '../model.ts'

export type ListInput =
  | { readonly verb: 'append'; readonly value: string }
  | { readonly verb: 'read' }

/** What a read saw, oldest first; null for an append. Values hold no line breaks. */
export type ListOutput = readonly string[] | null

/** A list that only grows: every read tells the whole order of the appends before it, so no error hides behind a later write. */
export const list: Model<string, ListInput, ListOutput> = {
  initial: '',
  identify: (state) => state,
  agrees: (expected, observed) => (expected ?? []).join('\n') === (observed ?? []).join('\n'),
  apply: (state, input) =>
    input.verb === 'append'
      ? { state: `${state}${input.value}\n`, output: null }
      : { state, output: state.split('\n').slice(0, -1) },
  describe: (input, output) =>
    input.verb === 'append'
      ? `append ${input.value}`
      : `read${output === undefined ? '' : ` → [${(output ?? []).join(', ')}]`}`,
}
