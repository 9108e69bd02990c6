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
import type { CallRate } from './call-rate.ts'
import type { CallOptions } from './caller.ts'
import { fateOf } from './fate.ts'
import { Hold } from './hold.ts'
import type { HoldConfig } from './hold.ts'
import type { Calls, Target } from './pool.ts'
import { RemoteRpc } from './remote-rpc.ts'
import type { ServerChoice } from './server-choice.ts'
import type { Fields } from './shape.ts'
import { WriteNames } from './write-names.ts'

export interface RoutedConfig extends Omit<HoldConfig<unknown>, 'whom'> {
  readonly calls: Calls
  readonly choice: ServerChoice
  /** Every call that is asked for counts, and not how often it has to be made. */
  readonly callRate: CallRate
  readonly datacenter: string
  /** This client's id; and something new with every start, such as a UUID. Together they name its writes. */
  readonly origin: Pick<WriteId, 'origin' | 'epoch'>
}

/**
 * A client's writes under way that have a number. The cluster remembers an outcome for each, of every client, so they are few; a
 * write beyond them goes without, and is not made again where nobody knows what became of it.
 */
const numberedMax = 32
/** How long an answer may take to a call that is no method of the Rpc. */
const answerMs = 60_000

/** In Consul's words. */
export const noServers = (): PraetorError => new PraetorError('failed', 'No known Consul servers')

/** The cluster's methods on a client: all are asked of a server, and of another where that one fails. */
export class RoutedRpc implements Rpc {
  readonly #config: RoutedConfig
  readonly #hold: Hold<Server>
  readonly #names = new WriteNames(numberedMax)
  /** Those that were asked since servers last came or went, by address: the same one is the same object. */
  readonly #servers = new Map<string, Server>()

  constructor(config: RoutedConfig) {
    this.#config = config
    this.#hold = new Hold({ ...config, whom: () => this.#current() })
  }

  read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions = {},
  ): Promise<ReadReply<ReadMethods[M]['reply']>> {
    return this.#ask(
      (server) => server.read(method, args, options),
      (fate) => fate !== 'answered',
      options.signal,
    )
  }

  /** A Praetor heeds a write's number, so that it may be made again even when nobody knows what became of it. */
  async write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
    options: WriteOptions = {},
  ): Promise<WriteMethods[M]['reply']> {
    const sequence = this.#names.take()
    const id = sequence === undefined ? undefined : { ...this.#config.origin, sequence }
    let isNumbered = false
    try {
      return await this.#ask(
        (server) => {
          isNumbered = id !== undefined && server.target.speaks === 'praetor'
          return server.write(method, args, isNumbered && id ? { ...options, id } : options)
        },
        (fate) => fate === 'undone' || (fate === 'unknown' && isNumbered),
        options.signal,
      )
    } finally {
      if (sequence !== undefined) this.#names.giveBack(sequence)
    }
  }

  /** A call that is no method of the Rpc, by Consul's name for it. Made again only where nothing can have come of it. */
  call(method: string, body: Fields): Promise<unknown> {
    const { datacenter } = this.#config
    return this.#ask(
      (server) => server.call(method, { Datacenter: datacenter, ...body }, { timeoutMs: answerMs }),
      (fate) => fate === 'undone',
      undefined,
    )
  }

  /** Servers came or went: who waits for one may have it. */
  turn(): void {
    this.#servers.clear()
    this.#config.choice.changed()
    this.#hold.wake()
  }

  /** The server to ask now. Throws where none is known. */
  target(): Target {
    this.#config.callRate.take()
    const server = this.#current()
    if (server === undefined) throw noServers()
    return server.target
  }

  #ask<Reply>(
    call: (server: Server) => Promise<Reply>,
    mayAgain: (fate: ReturnType<typeof fateOf>) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    try {
      this.#config.callRate.take()
    } catch (error) {
      return Promise.reject(error)
    }
    // A node that knows no server can't know when there will be one.
    if (this.#current() === undefined) return Promise.reject(noServers())
    const make = (server: Server): Promise<Reply> =>
      call(server).catch((error: unknown) => {
        if (fateOf(error) !== 'answered') this.#config.choice.failed(server.target.address)
        throw error
      })
    return this.#hold.make({ make, mayAgain, signal })
  }

  #current(): Server | undefined {
    const target = this.#config.choice.current()
    if (target === undefined) return undefined
    const { address, speaks } = target
    let server = this.#servers.get(address)
    if (server?.target.speaks !== speaks) {
      server = new Server(this.#config, { address, speaks })
      this.#servers.set(address, server)
    }
    return server
  }
}

/** A server as the one that is asked. */
class Server extends RemoteRpc {
  readonly target: Target
  readonly #calls: Calls

  constructor({ calls, datacenter }: RoutedConfig, target: Target) {
    super({ calls, target, datacenter })
    this.target = target
    this.#calls = calls
  }

  call(method: string, body: Fields, options: CallOptions): Promise<unknown> {
    return this.#calls.call(this.target, method, body, options)
  }
}
