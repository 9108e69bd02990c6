import { noLeader } from '../model/errors.ts'
import type {
  ReadMethod,
  ReadMethods,
  ReadReply,
  Rpc,
  WriteId,
  WriteMethod,
  WriteMethods,
  WriteOptions,
} from '../model/methods.ts'
import type { QueryOptions } from '../model/query.ts'
import type { Chance } from '../runtime/chance.ts'
import { sleep } from '../runtime/clock.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { CallFailed } from './caller.ts'
import { NotLeader } from './error-wire.ts'
import type { Calls } from './pool.ts'
import { RemoteRpc } from './remote-rpc.ts'
import { WriteNames } from './write-names.ts'

export interface ForwardingConfig {
  /** The methods as this server carries them out itself. */
  readonly local: Rpc
  readonly isLeader: () => boolean
  /** `host:port` of the leader, where one is known. */
  readonly leaderAddress: () => string | undefined
  readonly calls: Calls
  readonly clock: Clock
  readonly chance: Chance
  readonly metrics: Metrics
  readonly datacenter: string
  /** How long a call waits for a leader, and is made again, before it fails (Consul's rpc_hold_timeout). */
  readonly holdMs: number
  /** This server's id; and something new with every start, such as a UUID. Together they name its writes. */
  readonly origin: Pick<WriteId, 'origin' | 'epoch'>
  /**
   * Leaders heed a write's id. Then a write may be made again even when nobody knows what became of it; otherwise only when it
   * was certainly not carried out.
   */
  readonly leadersHeedIds: boolean
}

/** A call is made again after up to this fraction of the hold; the figure is Consul's. */
const pauseFraction = 1 / 16
/** While there is no leader, this often is looked for one: a call then waits no longer than it must. */
const lookMs = 20

/**
 * The cluster's methods on any server: what may be answered here is, and the rest is asked of the leader.
 *
 *     stale read ──────────────────────────► here
 *     read, write ── leads? ── yes ─────────► here
 *                       └ no ── leader known? ── yes ─► there ── leads no more, or lost? ─┐
 *                                 └ no ── wait ◄──────────────────────────────────────────┘
 */
export class ForwardingRpc implements Rpc {
  readonly #config: ForwardingConfig
  readonly #names = new WriteNames()
  #looking: Promise<void> | undefined
  #leader: { readonly address: string; readonly rpc: Rpc } | undefined

  constructor(config: ForwardingConfig) {
    this.#config = config
  }

  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions = {},
  ): Promise<ReadReply<ReadMethods[M]['reply']>> {
    const { local } = this.#config
    if (options.consistency === 'stale' || this.#isForHere(options.datacenter))
      return local.read(method, args, options)
    return this.#hold((rpc) => rpc.read(method, args, options), wasNotAnswered, options.signal)
  }

  async write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
    options: WriteOptions = {},
  ): Promise<WriteMethods[M]['reply']> {
    const { local, origin, leadersHeedIds } = this.#config
    if (this.#isForHere(options.datacenter)) return local.write(method, args, options)
    const sequence = this.#names.take()
    if (sequence === undefined) throw new CallFailed('too many calls are waiting', { sent: false })
    try {
      const named = { ...options, id: { ...origin, sequence } }
      return await this.#hold(
        (rpc) => rpc.write(method, args, named),
        leadersHeedIds ? wasNotAnswered : wasNotDone,
        options.signal,
      )
    } finally {
      this.#names.giveBack(sequence)
    }
  }

  /** Another data centre's calls are refused, or routed, here: the leader could do no more. */
  #isForHere(datacenter = ''): boolean {
    const { isLeader, datacenter: own } = this.#config
    return isLeader() || (datacenter !== '' && datacenter !== own)
  }

  /** Makes the call until it is answered, may not be made again, or the hold is over. */
  async #hold<Reply>(
    make: (rpc: Rpc) => Promise<Reply>,
    mayAgain: (error: unknown) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    const { clock, chance, holdMs, metrics } = this.#config
    const untilMs = clock.monotonicMs() + holdMs
    for (;;) {
      const rpc = this.#whom()
      if (rpc === undefined) {
        if (clock.monotonicMs() >= untilMs) throw noLeader()
        await this.#look()
        signal?.throwIfAborted()
        continue
      }
      try {
        return await make(rpc)
      } catch (error) {
        if (!mayAgain(error) || clock.monotonicMs() >= untilMs) throw error
      }
      metrics.count('rpc.forward_retry')
      await pause(clock, chance.fraction() * holdMs * pauseFraction, signal)
    }
  }

  /** Until it is time to look for a leader again. All that wait share one timer: without a leader they are many. */
  #look(): Promise<void> {
    const { clock, holdMs } = this.#config
    this.#looking ??= pause(clock, Math.min(lookMs, holdMs)).finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Who carries a call out at this moment. */
  #whom(): Rpc | undefined {
    const { isLeader, leaderAddress, local, calls, datacenter } = this.#config
    if (isLeader()) return local
    const address = leaderAddress()
    if (address === undefined || address === '') return undefined
    if (this.#leader?.address !== address) {
      const target = { address, speaks: 'praetor' } as const
      const rpc = new RemoteRpc({ calls, target, datacenter, forwarded: true })
      this.#leader = { address, rpc }
    }
    return this.#leader.rpc
  }
}

function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal !== undefined) return sleep(clock, delayMs, signal)
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

/** The call was certainly not carried out. */
function wasNotDone(error: unknown): boolean {
  return error instanceof NotLeader || (error instanceof CallFailed && !error.sent)
}

/** Nobody knows whether it was carried out: for what may be carried out twice, or is known by its id. */
function wasNotAnswered(error: unknown): boolean {
  return error instanceof NotLeader || error instanceof CallFailed
}
