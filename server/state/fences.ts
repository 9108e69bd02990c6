import type { Fence } from '../model/kv.ts'
import { getKey } from './kv.ts'
import type { Store } from './store.ts'

/**
 * Why a write must not be done because its writer no longer holds a lock that it held when it decided to write (it may have slept
 * through the end of its session), or undefined. The index names one time of holding: it was read while the lock was held, so it
 * is not below `LockedAt`, and every later taking is at a higher index (README.md, "Fences").
 */
export function fenceRefusal(store: Store, fences: readonly Fence[] = []): string | undefined {
  for (const { Key, Index } of fences) {
    const { LockedAt } = getKey(store, Key).value ?? {}
    if (LockedAt === undefined) return `${refused} the lock ${JSON.stringify(Key)} is not held`
    if (LockedAt > Index)
      return `${refused} the lock ${JSON.stringify(Key)} was taken anew at index ${LockedAt}, which is after ${Index}`
  }
  return undefined
}

const refused = 'Write refused by its fence:'
