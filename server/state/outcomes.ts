import type { WriteId } from '../model/methods.ts'
import { outcomeKey } from './schema.ts'
import type { Outcome } from './schema.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * What became of writes that a server sent on for somebody else. When an answer is lost the write is sent again, perhaps to
 * another leader; it is then answered from here and not carried out twice (Ongaro's thesis §6.3).
 */
export function recallOutcome(store: Store, id: WriteId): Outcome | undefined {
  const row = store.outcomes.get(outcomeKey(id))
  return row?.epoch === id.epoch && row.sequence === id.sequence ? row.outcome : undefined
}

export function rememberOutcome(
  store: Store,
  tx: Transaction,
  id: WriteId,
  outcome: Outcome,
): void {
  const { origin, epoch, sequence } = id
  tx.put(store.outcomes, { origin, epoch, sequence, outcome })
}
