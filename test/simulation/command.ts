import type { NodeId } from '../../server/raft/types.ts'

/**
 * What the clients of a simulation ask for. The `mark` is the request's alone, and is found again in the log, so that it is
 * known at the end what became of a request that nobody answered.
 */
export type Command =
  | { readonly verb: 'put'; readonly key: string; readonly mark: string }
  /** Only if the key's row is the one last written at `index`. Its value is `expected` then; null with 0 for no row. */
  | {
      readonly verb: 'cas'
      readonly key: string
      readonly mark: string
      readonly expected: string | null
      readonly index: number
    }
  /** `node`: registers what sessions are bound to, which may be done often. `session` makes one. */
  | { readonly verb: 'node' | 'session'; readonly mark: string }
  | {
      readonly verb: 'acquire' | 'release'
      readonly key: string
      readonly mark: string
      readonly session: string
    }
  /** The session of that mark ends, and with it what it holds. */
  | { readonly verb: 'destroy'; readonly mark: string; readonly session: string }

export interface Row {
  readonly value: string
  /** Where in the log it was last written. */
  readonly index: number
  readonly holder: string | null
  /** How often it was taken. */
  readonly lockIndex: number
}

/** What became of a request. */
export type Answer =
  /** Carried out at `index`; `isDone` is what the state machine made of it. */
  | { readonly kind: 'written'; readonly isDone: boolean; readonly index: number }
  | { readonly kind: 'read'; readonly row: Row | null; readonly index: number }
  /** Surely nothing was done. */
  | { readonly kind: 'refused' }
  /** Something may have been done, or may be yet. */
  | { readonly kind: 'unknown' }

/** How a read makes sure that it is not old. */
export type ReadMode = 'lease' | 'round'

/** What simulations need of a replicated state: the ledger, which is quick, or the server's own store. */
export interface Replica {
  readonly index: number
  row(key: string): Row | null
  /** Of everything in it: equal at equal indexes, on every server. */
  digest(): number
}

/** A request on its way through servers: who is asked last answers. */
export interface Frontend {
  write(command: Command, answer: (answer: Answer) => void): void
  read(key: string, mode: ReadMode, answer: (answer: Answer) => void): void
  /** Whom this server would pass a request on to; itself, if it leads. */
  leader(): NodeId | null
}
