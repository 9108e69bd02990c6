import { PraetorError } from '../../../server/model/errors.ts'
import type { KvPair } from '../../answer.ts'
import { telling } from '../errno.ts'
import { deleteKeys, getPair, listPairs, putKey, valueOf } from '../kv-client.ts'
import { attemptWaits, watchHolding } from './holding.ts'
import type { Holding, HoldingDeps } from './holding.ts'
import { farewellMs } from './session.ts'

/** The flags of a key that say that it belongs to a semaphore, the same for all of Consul's tools. */
const semaphoreFlags = 0xe0f6_9a2b_aa41_4de0n

/** What is kept under `.lock`: who is in, by session. */
interface Holders {
  readonly Limit: number
  readonly Holders: Readonly<Record<string, true>>
}

/**
 * A semaphore: everyone who wants in has a key of its own below the prefix, which is gone with its session, and those who are in
 * are listed under `.lock`, which is changed by check-and-set. Who is listed but has no key is dead, and makes room.
 */
export function semaphoreOf(prefix: string, limit: number, deps: HoldingDeps): Holding {
  const { client, sessionId } = deps
  const flags = String(semaphoreFlags)
  const below = prefix.endsWith('/') ? prefix : `${prefix}/`
  const [lockKey, contenderKey] = [`${below}.lock`, below + sessionId]

  function living(pairs: readonly KvPair[]): { readonly index: number; readonly held: Holders } {
    const lock = pairs.find(({ Key }) => Key === lockKey)
    const held = decode(lock, limit)
    const alive = new Set(pairs.flatMap(({ Session }) => Session ?? []))
    const holders = Object.entries(held.Holders).filter(([session]) => alive.has(session))
    return {
      index: lock?.ModifyIndex ?? 0,
      held: { ...held, Holders: Object.fromEntries(holders) },
    }
  }

  const write = (held: Holders, index: number, signal?: AbortSignal): Promise<boolean> =>
    putKey(client, lockKey, {
      query: { cas: String(index), flags },
      body: JSON.stringify(held),
      ...(signal === undefined ? {} : { signal }),
    })

  async function acquire(): Promise<boolean> {
    const query = { acquire: sessionId, flags }
    if (!(await telling('failed to make contender entry', putKey(client, contenderKey, { query }))))
      throw new PraetorError('failed', 'failed to make contender entry')
    const nextWait = attemptWaits(deps)
    let index: string | undefined
    for (;;) {
      const wait = nextWait()
      if (wait === undefined) return false
      const seen = await telling(
        'failed to read prefix',
        listPairs(client, prefix, { query: { wait, index } }),
      )
      const { held, index: lockIndex } = living(seen.pairs ?? [])
      if (held.Limit !== limit)
        throw new PraetorError(
          'conflict',
          `semaphore limit conflict (lock: ${held.Limit}, local: ${limit})`,
        )
      index = seen.index
      if (Object.keys(held.Holders).length >= limit) continue
      const joined = { ...held, Holders: { ...held.Holders, [sessionId]: true as const } }
      if (await telling('failed to update lock', write(joined, lockIndex))) return true
    }
  }

  async function release(): Promise<void> {
    const signal = AbortSignal.timeout(farewellMs)
    for (;;) {
      const { pair } = await getPair(client, lockKey, { signal })
      const { [sessionId]: own, ...others } = decode(pair, limit).Holders
      if (pair === undefined || own === undefined) break
      const held = { ...decode(pair, limit), Holders: others }
      if (await write(held, pair.ModifyIndex, signal)) break
    }
    await deleteKeys(client, contenderKey, { signal })
  }

  return {
    description: `Setting up semaphore (limit ${limit}) at prefix: ${prefix}`,
    acquire,
    lost: (signal) =>
      watchHolding(
        async (index) => {
          const seen = await listPairs(client, prefix, { query: { consistent: '', index }, signal })
          return { isHeld: sessionId in living(seen.pairs ?? []).held.Holders, index: seen.index }
        },
        deps,
        signal,
      ),
    release,
    async cleanUp() {
      const signal = AbortSignal.timeout(farewellMs)
      const { pairs = [] } = await listPairs(client, prefix, { signal })
      const { index, held } = living(pairs)
      if (index === 0) return true
      if (Object.keys(held.Holders).length > 0) return false
      return deleteKeys(client, lockKey, { query: { cas: String(index) }, signal })
    },
  }
}

function decode(pair: KvPair | undefined, limit: number): Holders {
  if (pair === undefined) return { Limit: limit, Holders: {} }
  if (BigInt(pair.Flags) !== semaphoreFlags)
    throw new PraetorError('conflict', 'Existing key does not match semaphore use')
  const text = valueOf(pair).toString()
  if (text === '') return { Limit: limit, Holders: {} }
  try {
    return { Limit: limit, Holders: {}, ...(JSON.parse(text) as Partial<Holders>) }
  } catch (error) {
    throw new PraetorError('failed', `lock decoding failed: ${(error as Error).message}`)
  }
}
