/**
 * What may go wrong and be told to a caller: one class with a kind. A kind decides the HTTP status, the DNS rcode and how the
 * error crosses a server hop; the message is Consul's own text wherever Consul has one, since clients match on it.
 */
export const errorStatus = {
  'bad-request': 400,
  unsupported: 401,
  denied: 403,
  'not-found': 404,
  'bad-method': 405,
  conflict: 409,
  'too-large': 413,
  'bad-media': 415,
  limited: 429,
  /** Consul answers most failed validation with 500, and clients have learnt to expect it. */
  failed: 500,
  unavailable: 503,
} as const

export type ErrorKind = keyof typeof errorStatus

export class PraetorError extends Error {
  override readonly name = 'PraetorError'
  readonly kind: ErrorKind

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }

  get status(): number {
    return errorStatus[this.kind]
  }
}

export const noLeader = (): PraetorError => new PraetorError('failed', 'No cluster leader')

/** Raft's word for it: nothing was done, and whoever leads may be asked. */
export const notLeader = (): PraetorError => new PraetorError('failed', 'node is not the leader')

export const noPathToDatacenter = (): PraetorError =>
  new PraetorError('failed', 'No path to datacenter')

/** An error as something a person can read, whatever was thrown. */
export function describeError(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
