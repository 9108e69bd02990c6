import { PraetorError } from '../model/errors.ts'
import type { KvWrite, KvWriteVerb } from '../model/kv.ts'
import { fenceRefusal } from '../state/fences.ts'
import { deleteKey, deleteKeyCas, deleteTree, setKey, setKeyCas } from '../state/kv.ts'
import { lockKey, unlockKey } from '../state/locks.ts'
import { givenSession, lockingSession } from '../state/sessions.ts'
import type { Store } from '../state/store.ts'
import { reapTombstones } from '../state/tombstones.ts'
import type { Transaction } from '../state/transaction.ts'
import type { Command } from './command.ts'
import { kvCodec } from './kv-codec.ts'
import type { KvArgs } from './kv-codec.ts'

/** How a leader's duty asks for tombstones to go: see reapTombstones in server/state. */
export interface TombstoneReap {
  readonly throughIndex: number
  readonly rowsMax: number
}

export const kvCommands = {
  kv: { number: 1, apply: applyKv, codec: kvCodec } satisfies Command<KvArgs, boolean>,
  'tombstone-reap': {
    number: 2,
    apply: reapTombstones,
  } satisfies Command<TombstoneReap, number>,
}

/** False where the condition of a cas, a lock or an unlock did not hold. Throws where a fence refuses. */
function applyKv(store: Store, tx: Transaction, { Op, DirEnt, Fences }: KvArgs): boolean {
  const refusal = fenceRefusal(store, Fences)
  if (refusal !== undefined) throw new PraetorError('conflict', refusal)
  return verbs[Op](store, tx, DirEnt)
}

type Verb = (store: Store, tx: Transaction, entry: KvWrite) => boolean

const verbs: Readonly<Record<KvWriteVerb, Verb>> = {
  set(store, tx, entry) {
    setKey(store, tx, entry)
    return true
  },
  cas: (store, tx, entry) => setKeyCas(store, tx, entry) !== undefined,
  delete(store, tx, { Key }) {
    deleteKey(store, tx, Key)
    return true
  },
  'delete-cas': (store, tx, { Key, ModifyIndex = 0 }) => deleteKeyCas(store, tx, Key, ModifyIndex),
  'delete-tree'(store, tx, { Key }) {
    deleteTree(store, tx, Key)
    return true
  },
  lock: (store, tx, entry) =>
    lockKey(store, tx, entry, lockingSession(store, entry.Session)) !== undefined,
  unlock: (store, tx, entry) =>
    unlockKey(store, tx, entry, givenSession(entry.Session)) !== undefined,
}
