import { PraetorError } from '../../../server/model/errors.ts'
import { sleep } from '../../../server/runtime/clock.ts'
import type { KvPair } from '../../answer.ts'
import { telling } from '../errno.ts'
import { deleteKeys, getPair, putKey } from '../kv-client.ts'
import { attemptWaits, watchHolding } from './holding.ts'
import type { Holding, HoldingDeps } from './holding.ts'
import { farewellMs } from './session.ts'

/** The flags of a key that say that it is a lock, the same for all of Consul's tools. */
const lockFlags = 0x2ddc_cbc0_58a5_0c18n
/** A lock that nobody holds and nobody gets is in its lock-delay. */
const delayMs = 5000

/** A lock that one may have: a key that is acquired by a session. */
export function lockOf(key: string, deps: HoldingDeps): Holding {
  const { client, clock, sessionId, interrupted } = deps
  const flags = String(lockFlags)

  async function acquire(): Promise<boolean> {
    const nextWait = attemptWaits(deps)
    let index: string | undefined
    for (;;) {
      const wait = nextWait()
      if (wait === undefined) return false
      const seen = await telling(
        'failed to read lock',
        getPair(client, key, { query: { wait, index } }),
      )
      refuseOther(seen.pair)
      if (seen.pair?.Session === sessionId) return true
      index = seen.index
      if (isHeld(seen.pair)) continue
      const query = { acquire: sessionId, flags }
      if (await telling('failed to acquire lock', putKey(client, key, { query }))) return true
      const again = await telling('failed to read lock', getPair(client, key))
      index = again.index
      if (isHeld(again.pair)) continue
      index = undefined
      await sleep(clock, delayMs, interrupted)
    }
  }

  return {
    description: `Setting up lock at path: ${key}`,
    acquire,
    lost: (signal) =>
      watchHolding(
        async (index) => {
          const seen = await getPair(client, key, { query: { consistent: '', index }, signal })
          return { isHeld: seen.pair?.Session === sessionId, index: seen.index }
        },
        deps,
        signal,
      ),
    async release() {
      const signal = AbortSignal.timeout(farewellMs)
      await putKey(client, key, { query: { release: sessionId, flags }, signal })
    },
    async cleanUp() {
      const signal = AbortSignal.timeout(farewellMs)
      const { pair } = await getPair(client, key, { signal })
      if (pair === undefined) return true
      refuseOther(pair)
      if (isHeld(pair)) return false
      return deleteKeys(client, key, { query: { cas: String(pair.ModifyIndex) }, signal })
    },
  }
}

function isHeld(pair: KvPair | undefined): boolean {
  return (pair?.Session ?? '') !== ''
}

function refuseOther(pair: KvPair | undefined): void {
  if (pair !== undefined && BigInt(pair.Flags) !== lockFlags)
    throw new PraetorError('conflict', 'Existing key does not match lock use')
}
