import type { KvEntry, KvWrite } from '../model/kv.ts'
import { byteString } from './byte-string.ts'
import type { Indexed, Store } from './store.ts'
import { layTombstone, layTreeTombstone, newestTombstone } from './tombstones.ts'
import type { Transaction } from './transaction.ts'
import type { WatchSet } from './watch.ts'

/**
 * Keys and their values. A missing key stands at the index of the newest write to any key, as in Consul, but whoever waits for it
 * is woken only when that key comes.
 */
export function getKey(store: Store, key: string, watch?: WatchSet): Indexed<KvEntry | undefined> {
  const value = store.kv.get(byteString(key), watch)
  return { index: value?.ModifyIndex ?? kvIndex(store), value }
}

/** Entries whose key begins with the prefix, in byte order. */
export function listKeys(store: Store, prefix: string, watch?: WatchSet): Indexed<KvEntry[]> {
  const value = [...store.kv.withPrefix(byteString(prefix), watch)]
  if (prefix === '') return { index: kvIndex(store), value }
  let index = newestTombstone(store, prefix)
  for (const { ModifyIndex } of value) index = Math.max(index, ModifyIndex)
  return { index: index === 0 ? kvIndex(store) : index, value }
}

/** Keys with the prefix, cut after the first separator that follows it; each name once. No separator cuts nothing. */
export function listKeyNames(
  store: Store,
  prefix: string,
  separator: string,
  watch?: WatchSet,
): Indexed<string[]> {
  const { index, value } = listKeys(store, prefix, watch)
  const names: string[] = []
  for (const { Key } of value) {
    const cut = separator === '' ? -1 : Key.indexOf(separator, prefix.length)
    const name = cut < 0 ? Key : Key.slice(0, cut + separator.length)
    if (name !== names.at(-1)) names.push(name)
  }
  return { index, value: names }
}

/** Writes value and flags. Whoever holds the key's lock keeps it, though the count of its locks begins anew, as in Consul. */
export function setKey(store: Store, tx: Transaction, write: KvWrite): KvEntry {
  const before = store.kv.get(byteString(write.Key))
  return putEntry(store, tx, before, { ...content(write), LockIndex: 0, ...holderOf(before) })
}

/** Sets only if the key's ModifyIndex is the one given, or, for 0, if there is no such key. Undefined: it was not so. */
export function setKeyCas(store: Store, tx: Transaction, write: KvWrite): KvEntry | undefined {
  const current = store.kv.get(byteString(write.Key))?.ModifyIndex ?? 0
  return current === (write.ModifyIndex ?? 0) ? setKey(store, tx, write) : undefined
}

export function deleteKey(store: Store, tx: Transaction, key: string): void {
  if (!tx.delete(store.kv, byteString(key))) return
  layTombstone(store, tx, key)
  tx.bump('kvs')
}

/** Deletes only if the key's ModifyIndex is the one given; a missing key is as good as deleted. False: it was another. */
export function deleteKeyCas(store: Store, tx: Transaction, key: string, index: number): boolean {
  const before = store.kv.get(byteString(key))
  if (before === undefined) return true
  if (before.ModifyIndex !== index) return false
  deleteKey(store, tx, key)
  return true
}

/** Deletes every key with the prefix. */
export function deleteTree(store: Store, tx: Transaction, prefix: string): void {
  const keys = Array.from(store.kv.withPrefix(byteString(prefix)), ({ Key }) => byteString(Key))
  if (keys.length === 0) return
  for (const key of keys) tx.delete(store.kv, key)
  layTreeTombstone(store, tx, prefix)
  tx.bump('kvs')
}

/** What a write may change of an entry. */
export interface EntryContent {
  readonly Key: string
  readonly Flags: KvEntry['Flags']
  readonly Value: Uint8Array
  readonly LockIndex: number
  readonly Session: string | undefined
  readonly LockedAt: number | undefined
}

/** Puts the entry in place of the one before, unless both say the same: then nothing is written and no index moves. */
export function putEntry(
  store: Store,
  tx: Transaction,
  before: KvEntry | undefined,
  { Key, Flags, Value, LockIndex, Session, LockedAt }: EntryContent,
): KvEntry {
  if (
    before !== undefined &&
    before.LockIndex === LockIndex &&
    before.Flags === Flags &&
    before.Session === Session &&
    before.LockedAt === LockedAt &&
    equalBytes(before.Value, Value)
  )
    return before
  const entry: KvEntry = {
    LockIndex,
    Key,
    Flags,
    Value,
    ...(Session === undefined ? {} : { Session }),
    ...(LockedAt === undefined ? {} : { LockedAt }),
    CreateIndex: before?.CreateIndex ?? tx.index,
    ModifyIndex: tx.index,
  }
  tx.put(store.kv, entry)
  tx.bump('kvs')
  return entry
}

export function content({ Key, Flags, Value }: KvWrite): Pick<KvWrite, 'Key' | 'Flags' | 'Value'> {
  return { Key, Flags, Value }
}

/** Whose the key is, and since when. */
export function holderOf(entry: KvEntry | undefined): Pick<EntryContent, 'Session' | 'LockedAt'> {
  return { Session: entry?.Session, LockedAt: entry?.LockedAt }
}

export const unheld = { Session: undefined, LockedAt: undefined } as const

function kvIndex(store: Store): number {
  return store.maxIndex(['kvs', 'tombstones'])
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
