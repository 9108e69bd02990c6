import type { Unsigned64 } from './unsigned.ts'

/** A key and what is under it. `Value` is bytes here and base64 (or `null` when empty) over HTTP. */
export interface KvEntry {
  readonly LockIndex: number
  readonly Key: string
  readonly Flags: Unsigned64
  readonly Value: Uint8Array
  /** The session that holds the key's lock; absent when nobody does. */
  readonly Session?: string
  /** The index at which the holder took the lock; there while it is held. Not part of any answer: fences are judged by it. */
  readonly LockedAt?: number
  readonly CreateIndex: number
  readonly ModifyIndex: number
}

/** What a client gives when it writes. */
export interface KvWrite {
  readonly Key: string
  readonly Flags: Unsigned64
  readonly Value: Uint8Array
  /** For lock and unlock: the session. */
  readonly Session?: string
  /** For cas and delete-cas: the ModifyIndex the key must have; 0 for cas means it must not exist. */
  readonly ModifyIndex?: number
}

/**
 * A write's condition that its writer still holds a lock: `Key` is the lock, `Index` the ModifyIndex at which the writer read that
 * it held it. Refused where the lock was let go of, or taken anew above that index (server/state/fences.ts).
 */
export interface Fence {
  readonly Key: string
  readonly Index: number
}

export const fencesMax = 16

/** Consul's names for the writes; the transaction verbs that only look are in txn.ts. */
export const kvWriteVerbs = [
  'set',
  'delete',
  'delete-cas',
  'delete-tree',
  'cas',
  'lock',
  'unlock',
] as const
export type KvWriteVerb = (typeof kvWriteVerbs)[number]

export const kvValueSizeMaxBytes = 524_288
