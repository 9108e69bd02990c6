import type { KvEntry, KvWrite } from '../model/kv.ts'
import type { Session } from '../model/session.ts'
import { byteString } from './byte-string.ts'
import { content, deleteKey, putEntry, unheld } from './kv.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * A lock is a session's name on a key. Whether the session is one that may lock is for sessions.ts to say; here is what becomes of
 * the key.
 */

/** Writes the key as the session's. Undefined: another session holds it. LockIndex counts how often the key was taken. */
export function lockKey(
  store: Store,
  tx: Transaction,
  write: KvWrite,
  session: string,
): KvEntry | undefined {
  const before = store.kv.get(byteString(write.Key))
  const holder = before?.Session
  if (holder !== undefined && holder !== session) return undefined
  const isFresh = holder === undefined
  return putEntry(store, tx, before, {
    ...content(write),
    LockIndex: (before?.LockIndex ?? 0) + (isFresh ? 1 : 0),
    Session: session,
    LockedAt: isFresh ? tx.index : before?.LockedAt,
  })
}

/** Writes the key and frees it. Undefined: the session does not hold it. */
export function unlockKey(
  store: Store,
  tx: Transaction,
  write: KvWrite,
  session: string,
): KvEntry | undefined {
  const before = store.kv.get(byteString(write.Key))
  if (before?.Session !== session) return undefined
  return putEntry(store, tx, before, {
    ...content(write),
    LockIndex: before.LockIndex,
    ...unheld,
  })
}

/** Frees every key that the session holds, or deletes it, as its behavior says. Gives the keys. */
export function freeLocksOf(
  store: Store,
  tx: Transaction,
  { ID, Behavior }: Pick<Session, 'ID' | 'Behavior'>,
): string[] {
  const held = [...store.kv.by('session', ID.toLowerCase())]
  for (const entry of held)
    if (Behavior === 'delete') deleteKey(store, tx, entry.Key)
    else putEntry(store, tx, entry, { ...entry, ...unheld })
  return held.map(({ Key }) => Key)
}
