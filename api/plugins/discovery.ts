import type { ReadMethod, ReadMethods, Rpc } from '../../server/model/methods.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import type { ApiPorts } from '../ports.ts'
import { FailedRead } from './errors.ts'
import { discoveryHeaders, type HeaderList, indexHeaders } from './headers.ts'

export interface Read<Value> {
  readonly value: Value
  readonly index: number
  readonly headers: HeaderList
}

/** Consul sets these headers before it asks, so a failed read has them as they were then. */
const unanswered = indexHeaders({
  index: 1,
  knownLeader: false,
  lastContactMs: 0,
  consistency: 'default',
})

/** A read whose errors carry index headers, as those of sessions and the UI do. */
export async function readIndexed<M extends ReadMethod>(
  { rpc }: Pick<ApiPorts, 'rpc'>,
  options: QueryOptions,
  method: M,
  args: ReadMethods[M]['args'],
): Promise<Read<ReadMethods[M]['reply']>> {
  const { value, meta } = await ask(rpc, method, args, options)
  return { value, index: meta.index, headers: indexHeaders(meta) }
}

/**
 * A read of the catalog or of health: the same, with the consistency that the answer had, and nodes near to a given one first. The
 * leader is asked where what another server has is too old.
 */
export async function readDiscovery<M extends ReadMethod>(
  { rpc, agent }: Pick<ApiPorts, 'rpc' | 'agent'>,
  options: QueryOptions,
  method: M,
  args: ReadMethods[M]['args'],
): Promise<Read<ReadMethods[M]['reply']>> {
  const near = options.near === '_agent' ? { ...options, near: agent.nodeName } : options
  const first = await ask(rpc, method, args, near)
  const { maxStaleMs = Infinity, consistency } = options
  const isTooOld = consistency === 'stale' && first.meta.lastContactMs > maxStaleMs
  const { value, meta } = isTooOld
    ? await ask(rpc, method, args, { ...near, consistency: 'default' })
    : first
  return { value, index: meta.index, headers: discoveryHeaders(meta) }
}

async function ask<M extends ReadMethod>(
  rpc: Rpc,
  method: M,
  args: ReadMethods[M]['args'],
  options: QueryOptions,
) {
  try {
    return await rpc.read(method, args, options)
  } catch (error) {
    throw new FailedRead(error, unanswered)
  }
}
