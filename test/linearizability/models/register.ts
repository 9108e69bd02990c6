import { assertNever } from '../../../server/model/assert.ts'
import type { Model } from '../model.ts'

/**
 * One key with conditions on its value. Consul's conditions name a ModifyIndex instead; a client that never writes a value twice
 * may put the value in its place, since each stands for the other.
 */
export type RegisterInput =
  | { readonly verb: 'get' }
  | { readonly verb: 'put'; readonly value: string }
  /** `expected: null`: only if there is no such key. */
  | { readonly verb: 'cas'; readonly expected: string | null; readonly value: string }
  | { readonly verb: 'delete' }
  | { readonly verb: 'delete-cas'; readonly expected: string }

/** A get's value, null where there is no such key; for the others whether it was done. */
export type RegisterOutput = string | null | boolean

export const register: Model<string | null, RegisterInput, RegisterOutput> = {
  initial: null,
  agrees: (expected, observed) => expected === observed,
  identify: (state) => (state === null ? '' : `=${state}`),
  apply(state, input) {
    switch (input.verb) {
      case 'get':
        return { state, output: state }
      case 'put':
        return { state: input.value, output: true }
      case 'cas':
        return state === input.expected
          ? { state: input.value, output: true }
          : { state, output: false }
      case 'delete':
        return { state: null, output: true }
      case 'delete-cas':
        // A missing key is as good as deleted, to Consul.
        return state === null || state === input.expected
          ? { state: null, output: true }
          : { state, output: false }
      default:
        return assertNever(input)
    }
  },
  describe(input, output) {
    const answer = output === undefined ? '' : ` → ${show(output)}`
    switch (input.verb) {
      case 'get':
      case 'delete':
        return `${input.verb}${answer}`
      case 'put':
        return `put ${show(input.value)}${answer}`
      case 'cas':
        return `cas ${show(input.expected)} to ${show(input.value)}${answer}`
      case 'delete-cas':
        return `delete-cas ${show(input.expected)}${answer}`
      default:
        return assertNever(input)
    }
  },
}

function show(value: RegisterOutput): string {
  return value === null ? 'nothing' : JSON.stringify(value)
}
