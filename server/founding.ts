import type { Pool } from './gossip/pool.ts'
import { hostPort } from './model/host-port.ts'
import { memberStatus } from './model/member.ts'
import type { Member } from './model/member.ts'
import { emptyMembership } from './raft/types.ts'
import type { Membership } from './raft/types.ts'

/**
 * How servers that never met become one cluster, and never two. A cluster has an id; a server that has once taken one part in it
 * keeps the id beside its log and speaks to no other. A server without one does one of three things (tags carry what is said):
 *
 *   1. If any server names a cluster, it takes that id and waits to be let in.
 *   2. If as many fresh servers as are expected see each other, all but the one with the smallest id promise themselves to that one,
 *      and a promise stands for as long as the one it was given to is there.
 *   3. The one with the smallest id, once everyone else has promised, founds: it makes up the id, and its first log entry names
 *      exactly those who promised. Nobody else begins a log, so there is one first entry.
 *
 * Two foundings would have to share a server that promised both; whatever the timing, it takes one of the ids, and the other
 * cluster lacks its majority and says nothing.
 */
export interface FoundingOptions {
  readonly pool: Pool
  /** This server's tags as they are without the three below. */
  readonly tags: Readonly<Record<string, string>>
  readonly nodeId: string
  readonly datacenter: string
  /** How many servers make a beginning; 0 for a server that never founds. */
  readonly expect: number
  readonly makeClusterId: () => string
}

export interface Founded {
  readonly clusterId: string
  /** With whom the log begins; undefined for a server that gets its log from others. */
  readonly founders: Membership | undefined
}

export const clusterTag = 'praetor_cluster'
const promiseTag = 'praetor_promise'

/** Resolves with the cluster that this server is part of from now on; rejects only with the signal's reason. */
export function findCluster(options: FoundingOptions, signal: AbortSignal): Promise<Founded> {
  const { pool } = options
  if (options.expect === 1) return Promise.resolve(foundWith(options, ownMember(options)))
  return new Promise((resolve, reject) => {
    let promised = ''
    const look = (): void => {
      const next = decide(options, promised)
      if (next.kind === 'promise' && next.to !== promised) {
        promised = next.to
        pool.setTags({ ...options.tags, [promiseTag]: promised })
      }
      if (next.kind === 'done') finish(() => resolve(next.founded))
    }
    const stop = (): void => finish(() => reject(signal.reason as Error))
    const finish = (settle: () => void): void => {
      unsubscribe()
      signal.removeEventListener('abort', stop)
      settle()
    }
    const unsubscribe = pool.onChange(look)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    else look()
  })
}

type Decision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'promise'; readonly to: string }
  | { readonly kind: 'done'; readonly founded: Founded }

/** What follows from what is seen: a pure function, so that every meeting can be tested. */
export function decide(options: FoundingOptions, promised: string): Decision {
  const { nodeId, expect } = options
  const servers = serversOf(options)
  const clustered = servers.find(({ Tags }) => (Tags[clusterTag] ?? '') !== '')
  if (clustered !== undefined)
    return {
      kind: 'done',
      founded: { clusterId: clustered.Tags[clusterTag] ?? '', founders: undefined },
    }
  const fresh = servers
    .filter(({ Tags }) => Tags['expect'] === String(expect))
    .toSorted((a, b) => ((a.Tags['id'] ?? '') < (b.Tags['id'] ?? '') ? -1 : 1))
  if (expect === 0 || fresh.length < expect) return { kind: 'wait' }
  const founderId = fresh[0]?.Tags['id'] ?? ''
  if (founderId !== nodeId) {
    const stands = fresh.some(({ Tags }) => Tags['id'] === promised)
    return { kind: 'promise', to: stands ? promised : founderId }
  }
  // Whoever promised itself elsewhere can't be a founder twice.
  if (promised !== '' && fresh.some(({ Tags }) => Tags['id'] === promised)) return { kind: 'wait' }
  const promisers = fresh.filter(({ Tags }) => Tags[promiseTag] === nodeId)
  return promisers.length >= expect - 1
    ? { kind: 'done', founded: foundWith(options, ...fresh.slice(0, 1), ...promisers) }
    : { kind: 'wait' }
}

function foundWith({ makeClusterId }: FoundingOptions, ...members: readonly Member[]): Founded {
  const addresses = Object.fromEntries(
    members.map(({ Addr, Tags }) => [Tags['id'] ?? '', hostPort(Addr, Tags['port'] ?? '')]),
  )
  return {
    clusterId: makeClusterId(),
    founders: { ...emptyMembership, voters: Object.keys(addresses).toSorted(), addresses },
  }
}

function serversOf({ pool, datacenter }: FoundingOptions): Member[] {
  return pool
    .members()
    .filter(
      ({ Status, Tags }) =>
        Status === memberStatus.alive && Tags['role'] === 'consul' && Tags['dc'] === datacenter,
    )
}

function ownMember(options: FoundingOptions): Member {
  const own = serversOf(options).find(({ Tags }) => Tags['id'] === options.nodeId)
  if (own === undefined) throw new RangeError('a server is a member of its own pool')
  return own
}
