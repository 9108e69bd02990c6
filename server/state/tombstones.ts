import { byteString } from './byte-string.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * What was deleted leaves its index behind for a while. A list's index is the newest ModifyIndex among its entries, so without
 * tombstones it would fall when the newest entry goes, and nobody who waits would hear of it.
 */

export function layTombstone(store: Store, tx: Transaction, key: string): void {
  tx.put(store.tombstones, { Key: key, Index: tx.index })
  tx.bump('tombstones')
}

/**
 * One tombstone stands for a whole tree, in place of those below it: nothing is left there, and a list with neither entries nor
 * tombstones stands at the index of the newest write of all. Consul leaves the older ones, so that who waits for a prefix inside
 * the tree may find it at an old deletion's index and never hears of this one.
 */
export function layTreeTombstone(store: Store, tx: Transaction, prefix: string): void {
  const below = Array.from(store.tombstones.withPrefix(byteString(prefix)), ({ Key }) => Key)
  for (const key of below) tx.delete(store.tombstones, byteString(key))
  // A list of everything stands at the newest write anyway.
  if (prefix !== '') layTombstone(store, tx, prefix)
}

/** The index of the newest deletion under the prefix; 0 where none is remembered. */
export function newestTombstone(store: Store, prefix: string): number {
  let newest = 0
  for (const { Index } of store.tombstones.withPrefix(byteString(prefix)))
    newest = Math.max(newest, Index)
  return newest
}

/**
 * Forgets tombstones up to this index, oldest first and at most `rowsMax`, so that one command never holds up the others.
 * Gives how many went: fewer than `rowsMax` says that none is left.
 */
export function reapTombstones(
  store: Store,
  tx: Transaction,
  { throughIndex, rowsMax }: { readonly throughIndex: number; readonly rowsMax: number },
): number {
  const reaped: string[] = []
  for (const { Key, Index } of store.tombstones.allBy('age')) {
    if (Index > throughIndex || reaped.length === rowsMax) break
    reaped.push(Key)
  }
  for (const key of reaped) tx.delete(store.tombstones, byteString(key))
  return reaped.length
}
