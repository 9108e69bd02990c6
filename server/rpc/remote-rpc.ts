import type {
  ReadMethod,
  ReadMethods,
  ReadReply,
  Rpc,
  WriteMethod,
  WriteMethods,
  WriteOptions,
} from '../model/methods.ts'
import { maxQueryTimeMs, queryJitterFraction } from '../model/query.ts'
import type { QueryOptions } from '../model/query.ts'
import type { Calls, Target } from './pool.ts'
import { fieldsOf, text } from './shape.ts'
import type { Fields } from './shape.ts'
import type { WireMethod } from './wire-methods/method.ts'
import { metaOf, queryFields, writeFields } from './wire-methods/query.ts'
import { wireReads, wireWrites } from './wire-methods/table.ts'

export interface RemoteRpcConfig {
  readonly calls: Calls
  readonly target: Target
  /** Where a call goes that names no data centre: on the wire it must name one. */
  readonly datacenter: string
  /** The server asked is taken for the leader: it is to answer itself or say that it doesn't lead, and not to ask further. */
  readonly forwarded?: boolean
  readonly callTimeoutMs?: number
}

/** How long an answer may take that isn't asked to block; Consul's `rpc_client_timeout`. */
const callTimeoutDefaultMs = 60_000

/** The cluster's methods, carried out by another server. */
export class RemoteRpc implements Rpc {
  readonly #config: RemoteRpcConfig
  readonly #marks: Fields

  constructor(config: RemoteRpcConfig) {
    this.#config = config
    this.#marks = config.forwarded === true ? { PraetorForwarded: true } : {}
  }

  async read<M extends ReadMethod>(
    method: M,
    args: ReadMethods[M]['args'],
    options: QueryOptions = {},
  ): Promise<ReadReply<ReadMethods[M]['reply']>> {
    const { datacenter, callTimeoutMs = callTimeoutDefaultMs } = this.#config
    const wire = wireReads[method] as WireMethod<ReadMethods[M]['args'], ReadMethods[M]['reply']>
    const body = {
      ...wire.args.toWire(args),
      ...queryFields({ ...options, datacenter: options.datacenter || datacenter }),
      ...this.#marks,
    }
    const answer = fieldsOf(
      await this.#call(method, body, {
        signal: options.signal,
        timeoutMs: callTimeoutMs + blockingMs(options),
      }),
    )
    return {
      value: wire.reply.fromWire(answer, args),
      meta: metaOf(answer, options.consistency),
    }
  }

  async write<M extends WriteMethod>(
    method: M,
    args: WriteMethods[M]['args'],
    options: WriteOptions = {},
  ): Promise<WriteMethods[M]['reply']> {
    const { callTimeoutMs = callTimeoutDefaultMs } = this.#config
    const wire = wireWrites[method] as WireMethod<WriteMethods[M]['args'], WriteMethods[M]['reply']>
    const own = wire.args.toWire(args)
    const named = options.datacenter || text.fromWire(own['Datacenter']) || this.#config.datacenter
    const body = {
      ...own,
      ...writeFields({ ...options, datacenter: named }),
      ...this.#marks,
    }
    const answer = await this.#call(method, body, {
      signal: options.signal,
      timeoutMs: callTimeoutMs,
    })
    return wire.reply.fromWire(answer, args)
  }

  #call(
    method: string,
    body: Fields,
    options: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number },
  ): Promise<unknown> {
    const { calls, target, forwarded = false } = this.#config
    return calls.call(target, method, body, { ...options, toLeader: forwarded })
  }
}

/** How long the other side may wait before it answers: it adds its jitter to what it is asked. */
function blockingMs({ minIndex = 0, waitMs = 0 }: QueryOptions): number {
  if (minIndex === 0) return 0
  const askedMs = waitMs > 0 ? Math.min(waitMs, maxQueryTimeMs) : maxQueryTimeMs
  return askedMs * (1 + queryJitterFraction)
}
