import { PraetorError } from '../model/errors.ts'
import { decodeMembership, firstEntry } from './core/membership.ts'
import { forceMembership } from './forced-membership.ts'
import type { RaftOptions } from './options.ts'
import type { HardState, Membership, Recovered } from './types.ts'

type Stores = Pick<RaftOptions<never>, 'logStore' | 'snapshots'>

/** Memberships that do not come out of a log. */
type Given = Pick<RaftOptions<never>, 'bootstrap' | 'forced'>

/** What the core begins with: what storage holds, or the first entry of a cluster that begins now. */
export async function recover(stores: Stores, { bootstrap, forced }: Given): Promise<Recovered> {
  const { logStore, snapshots } = stores
  const { hardState, memberships, snapshot } = logStore.recovered
  if (logStore.lastIndex() === 0 && hardState.term === 0) {
    // A server that forgot its log forgot its votes, and could give one twice.
    if (snapshots.list().length > 0)
      throw new PraetorError(
        'failed',
        'there are snapshots and no log: either the log was lost, or these are not its snapshots',
      )
    if (forced !== undefined)
      throw new PraetorError('failed', 'there is no log yet whose members could be changed')
    if (bootstrap !== undefined) return await begin(logStore, bootstrap)
  }
  if (snapshot !== null && !snapshots.list().some(({ meta }) => meta.index === snapshot.index))
    throw new PraetorError(
      'failed',
      `the log begins after snapshot ${snapshot.term}-${snapshot.index}, which is missing`,
    )
  const recovered: Recovered = {
    hardState,
    snapshot,
    memberships: memberships.map(({ index, payload }) => ({
      index,
      membership: decodeMembership(payload),
    })),
    log: logStore,
  }
  return forced === undefined ? recovered : forceMembership(logStore, recovered, forced)
}

/** The first entry is durable before anyone builds on it. */
async function begin(logStore: Stores['logStore'], membership: Membership): Promise<Recovered> {
  const entry = firstEntry(membership)
  const hardState: HardState = { term: entry.term, vote: null, commit: 0 }
  await new Promise<void>((resolve) => {
    logStore.append(
      { seq: 0, hardState, truncateFrom: null, snapshot: null, entries: [entry] },
      resolve,
    )
  })
  return {
    hardState,
    snapshot: null,
    memberships: [{ index: entry.index, membership }],
    log: logStore,
  }
}
