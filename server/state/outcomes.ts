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
  if (row?.epoch !== id.epoch || row.sequence < id.sequence) return undefined
  // A later write has its place: its origin is done with it, and a copy of it that was under way for so long is nobody's.
  return row.sequence === id.sequence ? row.outcome : outlived
}

const outlived: Outcome = {
  kind: 'refused',
  error: 'failed',
  message: 'this write was sent on long ago, and its answer is no longer known',
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
