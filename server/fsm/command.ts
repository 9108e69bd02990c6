import type { Store } from '../state/store.ts'
import type { Transaction } from '../state/transaction.ts'

/**
 * One replicated command. Its number is the first byte of its log entry, in this log and in every log there ever was, so numbers
 * are never reused or changed. `apply` must be deterministic: no clock, no chance, no locale; the leader has put into the args
 * whatever only it could choose. A PraetorError thrown by it takes all its writes back and is the answer.
 */
export interface Command<Args, Result> {
  readonly number: number
  readonly apply: (store: Store, tx: Transaction, args: Args) => Result
  /** For a command that comes often: a tighter form than msgpack's maps. */
  readonly codec?: CommandCodec<Args>
}

export interface CommandCodec<Args> {
  /** The whole entry, its first byte left for the command's number. */
  readonly encode: (args: Args) => Uint8Array
  readonly decode: (entry: Uint8Array) => Args
}
