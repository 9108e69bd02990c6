import type { KvEntry } from '../model/kv.ts'
import type { kvTxnVerbs, TxnOp, TxnResult } from '../model/txn.ts'
import {
  deleteKey,
  deleteKeyCas,
  deleteTree,
  getKey,
  listKeys,
  setKey,
  setKeyCas,
} from '../state/kv.ts'
import { lockKey, unlockKey } from '../state/locks.ts'
import { givenSession, lockingSession } from '../state/sessions.ts'
import { oneOf, orRefuse, quoted, refusal } from './txn-verb.ts'
import type { Verb } from './txn-verb.ts'

type KvOp = Extract<TxnOp, { readonly KV: unknown }>['KV']

const verbs: Readonly<Record<(typeof kvTxnVerbs)[number], Verb<KvOp>>> = {
  set: (store, tx, op) => written(setKey(store, tx, op)),

  cas: (store, tx, op) =>
    written(
      orRefuse(setKeyCas(store, tx, op), `failed to set key ${quoted(op.Key)}, index is stale`),
    ),

  lock: (store, tx, op) =>
    written(
      orRefuse(
        lockKey(store, tx, op, lockingSession(store, op.Session)),
        `failed to lock key ${quoted(op.Key)}, lock is already held`,
      ),
    ),

  unlock: (store, tx, op) =>
    written(
      orRefuse(
        unlockKey(store, tx, op, givenSession(op.Session)),
        `failed to unlock key ${quoted(op.Key)}, lock isn't held, or is held by another session`,
      ),
    ),

  get: (store, _tx, { Key }) => [
    { KV: orRefuse(getKey(store, Key).value, `key ${quoted(Key)} doesn't exist`) },
  ],

  'get-tree': (store, _tx, { Key }) => listKeys(store, Key).value.map((KV) => ({ KV })),

  'check-index'(store, _tx, { Key, ModifyIndex = 0 }) {
    const entry = orRefuse(
      getKey(store, Key).value,
      `failed to check index, key ${quoted(Key)} doesn't exist`,
    )
    if (entry.ModifyIndex !== ModifyIndex)
      throw refusal(
        `failed index check for key ${quoted(Key)}, current modify index ${entry.ModifyIndex} != ${ModifyIndex}`,
      )
    return written(entry)
  },

  'check-session'(store, _tx, { Key, Session = '' }) {
    const entry = orRefuse(
      getKey(store, Key).value,
      `failed to check session, key ${quoted(Key)} doesn't exist`,
    )
    const holder = entry.Session ?? ''
    if (holder !== Session)
      throw refusal(
        `failed session check for key ${quoted(Key)}, current session ${quoted(holder)} != ${quoted(Session)}`,
      )
    return written(entry)
  },

  'check-not-exists'(store, _tx, { Key }) {
    if (getKey(store, Key).value !== undefined) throw refusal(`key ${quoted(Key)} exists`)
    return []
  },

  delete(store, tx, { Key }) {
    deleteKey(store, tx, Key)
    return []
  },

  'delete-tree'(store, tx, { Key }) {
    deleteTree(store, tx, Key)
    return []
  },

  'delete-cas'(store, tx, { Key, ModifyIndex = 0 }) {
    if (!deleteKeyCas(store, tx, Key, ModifyIndex))
      throw refusal(`failed to delete key ${quoted(Key)}, index is stale`)
    return []
  },
}

export const kvVerb = oneOf('KV', verbs)

/** Whoever wrote a value knows it: the answer leaves it out. */
function written(entry: KvEntry): readonly TxnResult[] {
  return [{ KV: { ...entry, Value: nothing, omitValue: true } }]
}

const nothing = new Uint8Array(0)
