import type { Holding } from '../linearizability/exclusion.ts'
import { History } from '../linearizability/history.ts'
import type { LockInput, LockOutput } from '../linearizability/models/lock.ts'
import type { RegisterInput, RegisterOutput } from '../linearizability/models/register.ts'
import type { TransactionInput, TransactionOutput } from '../linearizability/models/transaction.ts'
import type { Observation } from '../linearizability/watch.ts'

export type Mode = 'default' | 'consistent' | 'stale'

/** A read says how it was asked for. */
export type KvInput = RegisterInput & { readonly mode?: Mode }
export type GroupInput = TransactionInput & { readonly mode?: Mode }

/** What one life of one server said without asking anybody. */
export interface StaleRead {
  readonly server: string
  readonly key: string
  readonly calledAt: number
  readonly returnedAt: number
  readonly index: number
  readonly value: string | null
}

export interface Inflicted {
  readonly at: number
  readonly what: string
  /** Set where who led must be replaced, or be there again, before anything can be written. */
  readonly loss: Loss | undefined
}

/** What befell the leader; or that all servers were started. */
export type Loss = 'killed' | 'paused' | 'cut off' | 'started'

/** All that was seen in a run, by one clock: this process's monotonic milliseconds. */
export class Record {
  readonly registers = new History<KvInput, RegisterOutput>()
  readonly groups = new History<GroupInput, TransactionOutput>()
  readonly locks = new History<LockInput, LockOutput>()
  readonly holdings: Holding[] = []
  readonly observations: Observation[] = []
  readonly staleReads: StaleRead[] = []
  /** Keys of their own, written once and acknowledged: each must be there in the end. */
  readonly ledger = new Map<string, string>()
  readonly inflicted: Inflicted[] = []
  /** When nobody could have been elected, whatever the servers did. */
  readonly outages: { readonly from: number; readonly until: number }[] = []
  /** Writes that were acknowledged, by when they were asked for and answered. */
  readonly accepted: { readonly calledAt: number; readonly returnedAt: number }[] = []
  readonly counts = { answered: 0, refused: 0, unknown: 0 }

  now(): number {
    return performance.now()
  }
}
