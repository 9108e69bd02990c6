import { PraetorError } from '../model/errors.ts'
import type { ReadMethod, Rpc, WriteMethod } from '../model/methods.ts'
import type { QueryOptions } from '../model/query.ts'
import type { CallHandler, InboundCall } from './answerer.ts'
import { NotLeader } from './error-wire.ts'
import { fieldsOf } from './shape.ts'
import type { Fields } from './shape.ts'
import type { WireMethod } from './wire-methods/method.ts'
import { metaFields, queryOf, writeOptionsOf } from './wire-methods/query.ts'
import { wireReads, wireWrites } from './wire-methods/table.ts'

export interface RpcServiceConfig {
  /** Answers agents: here, or by asking the leader. */
  readonly rpc: Rpc
  /** Answers what another server forwarded, being told that this one leads. */
  readonly local: Rpc
  readonly isLeader: () => boolean
  /** Methods that are no part of the Rpc, such as `Status.Ping`, by name: from the request's fields to the answer's body. */
  readonly others?: Readonly<Record<string, (body: Fields, call: InboundCall) => unknown>>
}

type AnyMethod = WireMethod<unknown, unknown>

/** Carries out calls that come over the wire with the methods of server/model/methods.ts. */
export function createRpcService(config: RpcServiceConfig): CallHandler {
  const reads = wireReads as unknown as Readonly<Record<string, AnyMethod>>
  const writes = wireWrites as unknown as Readonly<Record<string, AnyMethod>>

  return async (call) => {
    const { method } = call
    if (Object.hasOwn(reads, method)) return read(config, call, reads[method] as AnyMethod)
    if (Object.hasOwn(writes, method)) return write(config, call, writes[method] as AnyMethod)
    const other = Object.hasOwn(config.others ?? {}, method) ? config.others?.[method] : undefined
    if (other) return other(fieldsOf(call.body), call)
    const known = [reads, writes, config.others ?? {}].flatMap((table) => Object.keys(table))
    const missing = known.some((one) => serviceOf(one) === serviceOf(method)) ? 'method' : 'service'
    throw new PraetorError('failed', `rpc: can't find ${missing} ${method}`)
  }
}

async function read(config: RpcServiceConfig, call: InboundCall, wire: AnyMethod): Promise<Fields> {
  const body = fieldsOf(call.body)
  const args = wire.args.fromWire(body)
  const query = queryOf(body)
  const { value, meta } = await answering(config, body).read(
    call.method as ReadMethod,
    args as never,
    withSignal(query, call),
  )
  return { ...(wire.reply.toWire(value, args) as Fields), ...metaFields(meta) }
}

/** Only a read that blocks outlives its caller for long; what else is given up ends soon anyway. */
function withSignal(query: QueryOptions, call: InboundCall): QueryOptions {
  return query.minIndex === undefined ? query : { ...query, signal: call.signal }
}

async function write(
  config: RpcServiceConfig,
  call: InboundCall,
  wire: AnyMethod,
): Promise<unknown> {
  const body = fieldsOf(call.body)
  const args = wire.args.fromWire(body)
  const reply: unknown = await answering(config, body).write(
    call.method as WriteMethod,
    args as never,
    writeOptionsOf(body),
  )
  return wire.reply.toWire(reply, args)
}

/** A forwarded call goes no further: two servers that each take the other for the leader would pass it on for ever. */
function answering({ rpc, local, isLeader }: RpcServiceConfig, body: Fields): Rpc {
  if (body['PraetorForwarded'] !== true) return rpc
  if (!isLeader()) throw new NotLeader()
  return local
}

function serviceOf(method: string): string {
  return method.slice(0, Math.max(0, method.lastIndexOf('.')))
}
