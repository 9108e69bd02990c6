import { PraetorError, describeError, errorStatus } from '../model/errors.ts'
import type { ErrorKind } from '../model/errors.ts'

/**
 * How an error crosses a hop. Consul sends its text alone; we add the kind, so that it is the same error on the other side. Where
 * a Consul answers, its texts tell the few kinds that matter apart.
 */
export interface ErrorFields {
  readonly Error: string
  /** Ours: what the text is an instance of (server/model/errors.ts). */
  readonly Kind?: ErrorKind
  /** Ours: nothing was done, for the asked server doesn't lead. Ask another. */
  readonly NotLeader?: true
}

/** What a caller sees: Consul's prefix, once for every hop. */
export const callPrefix = 'rpc error making call: '

/** A server was asked that doesn't lead, and did nothing: the call may be made again elsewhere. */
export class NotLeader extends PraetorError {
  constructor(message = 'No cluster leader') {
    super('failed', message)
  }
}

export function errorFields(thrown: unknown): ErrorFields {
  const text = describeError(thrown)
  // An empty text would say that nothing went wrong.
  const Error = text === '' ? 'unknown error' : text
  if (thrown instanceof NotLeader) return { Error, Kind: thrown.kind, NotLeader: true }
  return thrown instanceof PraetorError ? { Error, Kind: thrown.kind } : { Error }
}

/** The error that an answer's header tells of. */
export function errorOfAnswer(header: Readonly<Record<string, unknown>>): PraetorError {
  const text = String(header['Error'])
  if (header['NotLeader'] === true) return new NotLeader(callPrefix + text)
  return new PraetorError(kindOf(header['Kind'], text), callPrefix + text)
}

function kindOf(given: unknown, text: string): ErrorKind {
  if (typeof given === 'string' && Object.hasOwn(errorStatus, given)) return given as ErrorKind
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? 'failed'
}

/** The texts by which Consul itself tells these kinds. */
const known: readonly (readonly [RegExp, ErrorKind])[] = [
  [/Permission denied|ACL not found/, 'denied'],
  [/rate limit exceeded/i, 'limited'],
  [/^Query not found$/, 'not-found'],
  [/ACL support disabled/, 'unsupported'],
]
