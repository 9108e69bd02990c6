import { assertNever } from '../../../server/model/assert.ts'
import type { Model } from '../model.ts'

/** A key that sessions lock. `lockIndex` counts how often it was taken: the fence that a holder shows to what it protects. */
export interface LockState {
  readonly holder: string | null
  readonly lockIndex: number
}

export type LockInput =
  | { readonly verb: 'acquire' | 'release'; readonly session: string }
  /** The session ends, and with it what it holds. The model knows no lock delay: such sessions are made without. */
  | { readonly verb: 'destroy'; readonly session: string }
  | { readonly verb: 'read' }

export type LockOutput = boolean | LockState

export const lock: Model<LockState, LockInput, LockOutput> = {
  initial: { holder: null, lockIndex: 0 },
  identify: ({ holder, lockIndex }) => `${lockIndex} ${holder ?? ''}`,
  agrees: (expected, observed) =>
    typeof expected === 'object' && typeof observed === 'object'
      ? lock.identify(expected) === lock.identify(observed)
      : expected === observed,
  apply(state, input) {
    switch (input.verb) {
      case 'read':
        return { state, output: state }
      case 'acquire':
        if (state.holder === input.session) return { state, output: true }
        return state.holder === null
          ? { state: { holder: input.session, lockIndex: state.lockIndex + 1 }, output: true }
          : { state, output: false }
      case 'release':
        return state.holder === input.session
          ? { state: { ...state, holder: null }, output: true }
          : { state, output: false }
      case 'destroy':
        return {
          state: state.holder === input.session ? { ...state, holder: null } : state,
          output: true,
        }
      default:
        return assertNever(input)
    }
  },
  describe(input, output) {
    const asked = input.verb === 'read' ? 'read' : `${input.verb} by ${input.session}`
    if (output === undefined) return asked
    return typeof output === 'boolean'
      ? `${asked} → ${output}`
      : `${asked} → ${output.holder ?? 'nobody'}, taken ${output.lockIndex} times`
  },
}
