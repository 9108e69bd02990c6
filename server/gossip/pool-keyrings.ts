import { decodeBase64 } from '../model/base64.ts'
import { describeError } from '../model/errors.ts'
import type { KeyVerb, PoolKeyring } from '../model/keyring.ts'
import type { KeyringTally } from './serf/events.ts'

/** A pool, as far as its members' keyrings go. */
export interface KeyedPool {
  readonly isWan: boolean
  /** Has every member do that, and tells what came of it. Rejects where it could not even be asked. */
  readonly operate: (verb: KeyVerb, key: Uint8Array, relayFactor: number) => Promise<KeyringTally>
}

export interface KeyringOperation {
  readonly verb: KeyVerb
  /** In base64; empty for `list`. */
  readonly key: string
  readonly relayFactor: number
}

/**
 * The same with each pool in turn: the keyrings of a server's pools are kept alike. That not all members of one did it is said in
 * its answer, and is no reason to leave out the others.
 */
export async function operatePools(
  pools: readonly KeyedPool[],
  datacenter: string,
  operation: KeyringOperation,
): Promise<PoolKeyring[]> {
  const answers: PoolKeyring[] = []
  for (const pool of pools) {
    const about = { WAN: pool.isWan, Datacenter: datacenter, Segment: '' }
    answers.push({ ...about, ...(await operate(pool, operation)) })
  }
  return answers
}

type Outcome = Omit<PoolKeyring, 'WAN' | 'Datacenter' | 'Segment'>

async function operate(
  pool: KeyedPool,
  { verb, key, relayFactor }: KeyringOperation,
): Promise<Outcome> {
  const decoded = decodeBase64(key)
  if (!decoded.ok) return failed(decoded.error)
  try {
    const tally = await pool.operate(verb, decoded.bytes, relayFactor)
    return {
      Messages: sorted(tally.messages),
      Keys: sorted(tally.keys),
      PrimaryKeys: sorted(tally.primaryKeys),
      NumNodes: tally.nodes,
      Error: tally.error ?? '',
    }
  } catch (error) {
    return failed(describeError(error))
  }
}

function failed(error: string): Outcome {
  return { Messages: {}, Keys: {}, PrimaryKeys: {}, NumNodes: 0, Error: error }
}

/** As Go prints a map. */
function sorted<Value>(map: ReadonlyMap<string, Value>): Record<string, Value> {
  return Object.fromEntries([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
