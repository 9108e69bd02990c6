import { assert } from '../model/assert.ts'
import { PraetorError } from '../model/errors.ts'
import type { Fence } from '../model/kv.ts'
import type { TxnError, TxnOp, TxnReply, TxnResult } from '../model/txn.ts'
import { fenceRefusal } from '../state/fences.ts'
import { invalidateSession } from '../state/sessions.ts'
import type { Store } from '../state/store.ts'
import { Transaction } from '../state/transaction.ts'
import type { Command } from './command.ts'
import { checkVerb, nodeVerb, serviceVerb } from './txn-catalog.ts'
import { kvVerb } from './txn-kv.ts'
import { oneOf } from './txn-verb.ts'

export interface TxnArgs {
  readonly Ops: readonly TxnOp[]
  readonly Fences?: readonly Fence[]
}

export const txnCommands = {
  txn: { number: 5, apply: applyTxn } satisfies Command<TxnArgs, TxnReply>,
}

/**
 * Every step, each seeing what those before it wrote; or, where any fails, nothing, and what was wrong with each that did. A
 * fence refuses every step alike.
 */
function applyTxn(store: Store, tx: Transaction, { Ops, Fences }: TxnArgs): TxnReply {
  const refusal = fenceRefusal(store, Fences)
  if (refusal !== undefined)
    return { results: [], errors: Ops.map((_, OpIndex) => ({ OpIndex, What: refusal })) }
  const results: TxnResult[] = []
  const errors: TxnError[] = []
  for (const [OpIndex, op] of Ops.entries())
    try {
      results.push(...carryOut(store, tx, op))
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      errors.push({ OpIndex, What: error.message })
    }
  if (errors.length === 0) return { results, errors }
  tx.undo()
  return { results: [], errors }
}

/** The answers to steps that only look (`isReadOnly` in server/model/txn.ts). */
export function readTxn(store: Store, Ops: readonly TxnOp[]): TxnReply {
  const tx = new Transaction(0, store.indexes)
  const reply = applyTxn(store, tx, { Ops })
  assert(!tx.changed, 'a transaction that only looks changes nothing')
  return reply
}

function carryOut(store: Store, tx: Transaction, op: TxnOp): readonly TxnResult[] {
  if ('KV' in op) return kvVerb(store, tx, op.KV)
  if ('Node' in op) return nodeVerb(store, tx, op.Node)
  if ('Service' in op) return serviceVerb(store, tx, op.Service)
  if ('Check' in op) return checkVerb(store, tx, op.Check)
  return sessionVerb(store, tx, op.Session)
}

/** A leader may end a session together with something else. */
const sessionVerb = oneOf<Extract<TxnOp, { readonly Session: unknown }>['Session']>('Session', {
  delete(store, tx, { Session }) {
    invalidateSession(store, tx, Session.ID)
    return []
  },
})
