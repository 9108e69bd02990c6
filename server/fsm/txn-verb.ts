import { PraetorError } from '../model/errors.ts'
import type { TxnResult } from '../model/txn.ts'
import type { Store } from '../state/store.ts'
import type { Transaction } from '../state/transaction.ts'

/** What one verb does with a step of its kind. Throws a PraetorError in Consul's words where the step can't be carried out. */
export type Verb<Op> = (store: Store, tx: Transaction, op: Op) => readonly TxnResult[]

/** One function for all verbs of a kind: it looks up the step's own. */
export function oneOf<Op extends { readonly Verb: string }>(
  kind: string,
  verbs: Readonly<Record<string, Verb<Op>>>,
): Verb<Op> {
  const byName = new Map(Object.entries(verbs))
  return (store, tx, op) => {
    const verb = byName.get(op.Verb)
    if (verb === undefined) throw refusal(`unknown ${kind} verb ${quoted(op.Verb)}`)
    return verb(store, tx, op)
  }
}

export function refusal(text: string): PraetorError {
  return new PraetorError('failed', text)
}

/** The value of a step whose condition held; where it did not, the step fails with this text. */
export function orRefuse<Value>(value: Value | undefined, text: string): Value {
  if (value === undefined) throw refusal(text)
  return value
}

/** As Go's `%q` prints a string. */
export function quoted(text: string): string {
  return JSON.stringify(text)
}
