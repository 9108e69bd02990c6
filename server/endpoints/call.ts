import { noLeader, noPathToDatacenter, notLeader } from '../model/errors.ts'
import type {
  ReadMethod,
  ReadMethods,
  ReadReply,
  Rpc,
  WriteMethod,
  WriteMethods,
  WriteOptions,
} from '../model/methods.ts'
import { queryJitterFraction } from '../model/query.ts'
import type { Consistency, QueryOptions } from '../model/query.ts'
import type { Chance } from '../runtime/chance.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Store } from '../state/store.ts'
import { WatchSet } from '../state/watch.ts'
import type { ReadEndpoint, ReadResult, WriteContext, WriteEndpoint } from './method.ts'
import { RememberedAnswers } from './remembered.ts'
import type { Answer } from './remembered.ts'

/** What a call needs of consensus: server.ts satisfies it from the raft driver. */
export interface Consensus {
  /** True while this server is a leader nobody can have replaced, and its state holds everything committed before it led. */
  leaseValid(): boolean
  /**
   * Resolves once this server's state holds everything that was committed before the call, confirmed with a quorum. Rejects
   * with a PraetorError when there is no leader.
   */
  confirm(): Promise<void>
  knownLeader(): boolean
  lastContactMs(): number
  /** Resolves once it is known who leads, with whether this server does, and is ready; rejects when the signal fires. */
  awaitLeader(signal: AbortSignal): Promise<boolean>
}

export type ReadTable = { readonly [M in ReadMethod]: ReadEndpoint<M> }
export type WriteTable = { readonly [M in WriteMethod]: WriteEndpoint<M> }
export type EndpointTable = ReadTable & WriteTable

export interface CallDependencies {
  readonly endpoints: EndpointTable
  readonly store: Store
  readonly consensus: Consensus
  readonly writeContext: WriteContext
  readonly clock: Clock
  readonly chance: Chance
  readonly metrics: Metrics
  readonly datacenter: string
  readonly defaultQueryTimeMs: number
  readonly maxQueryTimeMs: number
  /** How long a call waits for a leader before it fails (Consul's rpc_hold_timeout). */
  readonly holdMs: number
}

/**
 * The cluster's methods, called in the server's own process: no encoding, no hop. What is the same for every method is here
 * (consistency, blocking, remembering, waiting for a leader); what differs is in the method table.
 */
export class LocalRpc implements Rpc {
  readonly #needs: CallDependencies
  readonly #remembered: RememberedAnswers

  constructor(needs: CallDependencies) {
    this.#needs = needs
    this.#remembered = new RememberedAnswers(needs.store.watchers)
  }

  async read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions = {},
  ): Promise<ReadReply<ReadMethods[M]['reply']>> {
    const { consensus, metrics } = this.#needs
    this.#checkDatacenter(options.datacenter)
    metrics.count('rpc.query')
    const consistency = options.consistency ?? 'default'
    if (consistency !== 'default' || !consensus.leaseValid())
      await this.#agree(consistency, options)
    const reads: ReadTable = this.#needs.endpoints
    const endpoint: ReadEndpoint<M> = reads[method]
    const result =
      options.minIndex !== undefined && options.minIndex > 0
        ? await this.#block(endpoint, method, args, options, consistency)
        : this.#evaluate(endpoint, method, args, options, false).result
    const { near = '' } = options
    return {
      value:
        near === '' || endpoint.arrange === undefined
          ? result.value
          : endpoint.arrange(this.#needs.store, result.value, near),
      meta: {
        index: Math.max(1, result.index),
        knownLeader: consensus.knownLeader(),
        lastContactMs: consensus.lastContactMs(),
        consistency,
      },
    }
  }

  async write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
    options: WriteOptions = {},
  ): Promise<WriteMethods[M]['reply']> {
    const { consensus, writeContext } = this.#needs
    this.#checkDatacenter(options.datacenter)
    if (!consensus.leaseValid()) await this.#holdToLead(options.signal)
    const writes: WriteTable = this.#needs.endpoints
    const endpoint: WriteEndpoint<M> = writes[method]
    const { id } = options
    return endpoint.run(id === undefined ? writeContext : writeContext.known(id), args)
  }

  #checkDatacenter(datacenter: string | undefined): void {
    if (datacenter !== undefined && datacenter !== '' && datacenter !== this.#needs.datacenter)
      throw noPathToDatacenter()
  }

  /**
   * Makes the state fresh enough for the consistency asked. A stale read needs only that there is a state: a server that never
   * knew a leader has none to show, and Consul holds such a read as it holds the others.
   */
  async #agree(consistency: Consistency, { signal }: QueryOptions): Promise<void> {
    const { consensus } = this.#needs
    if (consistency === 'stale') {
      if (!consensus.knownLeader() && this.#needs.store.isEmpty) await this.#holdForLeader(signal)
      return
    }
    if (!consensus.leaseValid()) await this.#holdToLead(signal)
    if (consistency === 'consistent' || !consensus.leaseValid()) await consensus.confirm()
  }

  async #holdToLead(signal: AbortSignal | undefined): Promise<void> {
    if (!(await this.#holdForLeader(signal))) throw notLeader()
  }

  async #holdForLeader(signal: AbortSignal | undefined): Promise<boolean> {
    const { consensus, clock, holdMs } = this.#needs
    const hold = new AbortController()
    const timer = clock.after(holdMs, () => hold.abort())
    try {
      return await consensus.awaitLeader(
        signal === undefined ? hold.signal : AbortSignal.any([signal, hold.signal]),
      )
    } catch (error) {
      throw signal?.aborted === true ? error : noLeader()
    } finally {
      timer.cancel()
    }
  }

  /** Runs again whenever something it depends on changed, until its index is above the one asked or the wait is over. */
  async #block<M extends ReadMethod>(
    endpoint: ReadEndpoint<M>,
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions,
    consistency: Consistency,
  ): Promise<ReadResult<ReadMethods[M]['reply']>> {
    const { clock, store, metrics } = this.#needs
    const { minIndex = 0, signal } = options
    const deadlineMs = clock.monotonicMs() + this.#waitMs(options.waitMs)
    for (;;) {
      const { result, topics } = this.#evaluate(endpoint, method, args, options, true)
      const leftMs = deadlineMs - clock.monotonicMs()
      if (Math.max(1, result.index) > minIndex || leftMs <= 0) return result
      const waiting = store.watchers.wait(topics, { clock, waitMs: leftMs, signal })
      metrics.gauge('rpc.queries_blocking', store.watchers.size)
      const outcome = await waiting
      metrics.gauge('rpc.queries_blocking', store.watchers.size)
      signal?.throwIfAborted()
      // Nothing that the answer depends on changed, so it is still the answer.
      if (outcome === 'timeout') return result
      await this.#agree(consistency, options)
    }
  }

  #waitMs(askedMs: number | undefined): number {
    const { chance, defaultQueryTimeMs, maxQueryTimeMs } = this.#needs
    const waitMs =
      askedMs === undefined || askedMs <= 0 ? defaultQueryTimeMs : Math.min(askedMs, maxQueryTimeMs)
    return waitMs + chance.fraction() * waitMs * queryJitterFraction
  }

  /** Runs the read, or finds that nothing changed since it last ran. Topics are only there when `watching`, or remembered. */
  #evaluate<M extends ReadMethod>(
    endpoint: ReadEndpoint<M>,
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions,
    watching: boolean,
  ): Answer<ReadMethods[M]['reply']> {
    const { store } = this.#needs
    if (endpoint.remember !== true) {
      const watch = watching ? new WatchSet() : undefined
      return { result: endpoint.run(store, args, options, watch), topics: watch?.topics ?? [] }
    }
    const key = question(method, args, options)
    const kept = this.#remembered.get(key)
    if (kept) return kept as Answer<ReadMethods[M]['reply']>
    const watch = new WatchSet()
    const answer = { result: endpoint.run(store, args, options, watch), topics: watch.topics }
    if (answer.result.remember !== false) this.#remembered.keep(key, answer)
    return answer
  }
}

/** Two reads with the same question have the same answer at the same moment, whatever order each wants it in. */
function question(method: string, args: object, { filter, nodeMeta }: QueryOptions): string {
  const plain = `${method} ${JSON.stringify(args)}`
  return filter === undefined && nodeMeta === undefined
    ? plain
    : `${plain} ${JSON.stringify([filter, nodeMeta])}`
}
