import { PraetorError } from '../model/errors.ts'
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
import { Hold } from './hold.ts'
import type { HoldConfig } from './hold.ts'
import type { LeaderCalls } from './pool.ts'
import { RemoteRpc } from './remote-rpc.ts'
import { WriteNames } from './write-names.ts'

export interface ForwardingConfig extends Omit<HoldConfig<Rpc>, 'whom'> {
  /** The methods as this server carries them out itself. When it was just elected they wait until it may. */
  readonly local: Rpc
  readonly isLeader: () => boolean
  /** `host:port` of the leader; undefined or empty where none is known. */
  readonly leaderAddress: () => string | undefined
  readonly calls: LeaderCalls
  readonly datacenter: string
  /** This server's id; and something new with every start, such as a UUID. Together they name its writes. */
  readonly origin: Pick<WriteId, 'origin' | 'epoch'>
  /**
   * Leaders heed a write's id. Then a write may be made again even when nobody knows what became of it; otherwise only when it
   * was certainly not carried out.
   */
  readonly leadersHeedIds: boolean
}

/**
 * The cluster's methods on any server: what may be answered here is, and the rest is asked of the leader.
 *
 *     stale read ──────────────────────────► here
 *     read, write ── leads? ── yes ─────────► here ── leads no more? ──────────────────────┐
 *                       └ no ── leader known? ── yes ─► there ── leads no more, or lost? ─┤
 *                                 └ no ── wait ◄──────────────────────────────────────────┘
 */
export class ForwardingRpc implements Rpc {
  readonly #config: ForwardingConfig
  readonly #hold: Hold<Rpc>
  readonly #names = new WriteNames()
  #leader: { readonly address: string; readonly rpc: Rpc } | undefined

  constructor(config: ForwardingConfig) {
    this.#config = config
    this.#hold = new Hold({ ...config, whom: () => this.#whom() })
  }

  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions = {},
  ): Promise<ReadReply<ReadMethods[M]['reply']>> {
    const { local } = this.#config
    if (options.consistency === 'stale' || this.#isElsewhere(options.datacenter))
      return local.read(method, args, options)
    return this.#hold.make({
      make: (rpc) => rpc.read(method, args, options),
      mayAgain: (fate) => fate !== 'answered',
      signal: options.signal,
    })
  }

  /**
   * A write that this server carries out itself has no number, for nobody remembers it. It gets one when it is sent, and keeps it
   * wherever it goes from there; one that came with a number has it already.
   */
  async write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
    options: WriteOptions = {},
  ): Promise<WriteMethods[M]['reply']> {
    const { local, origin, leadersHeedIds } = this.#config
    if (this.#isElsewhere(options.datacenter)) return local.write(method, args, options)
    let sequence: number | undefined
    let { id } = options
    try {
      return await this.#hold.make({
        make: (rpc) => {
          if (rpc === local && id === undefined) return local.write(method, args, options)
          id ??= { ...origin, sequence: (sequence = this.#number()) }
          return rpc.write(method, args, { ...options, id })
        },
        mayAgain: (fate) =>
          fate === 'undone' || (fate === 'unknown' && id !== undefined && leadersHeedIds),
        signal: options.signal,
      })
    } finally {
      if (sequence !== undefined) this.#names.giveBack(sequence)
    }
  }

  /**
   * To be called when it becomes known who leads. Who waited for a leader has one; and who waits for the answer of another, which
   * may stand still or be cut off and not say anything for long, asks again.
   */
  turnToLeader(): void {
    const before = this.#leader
    if (before !== undefined && before.rpc !== this.#whom())
      this.#config.calls.depose(before.address)
    this.#hold.wake()
  }

  #number(): number {
    const sequence = this.#names.take()
    if (sequence === undefined)
      throw new PraetorError('limited', 'rpc: too many writes are under way')
    return sequence
  }

  /** Another data centre's calls are refused, or routed, here: the leader could do no more. */
  #isElsewhere(datacenter = ''): boolean {
    return datacenter !== '' && datacenter !== this.#config.datacenter
  }

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
