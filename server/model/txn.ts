import type { HealthCheck } from './check.ts'
import type { KvEntry, KvWrite } from './kv.ts'
import type { Node } from './node.ts'
import type { Service } from './service.ts'

export const kvTxnVerbs = [
  'set',
  'cas',
  'lock',
  'unlock',
  'get',
  'get-tree',
  'check-index',
  'check-session',
  'check-not-exists',
  'delete',
  'delete-tree',
  'delete-cas',
] as const
export const catalogTxnVerbs = ['set', 'cas', 'get', 'delete', 'delete-cas'] as const

/** One step of a transaction: exactly one of the four is there. Verbs are checked where they are carried out, in Consul's words. */
export type TxnOp =
  | { readonly KV: { readonly Verb: string } & KvWrite }
  | { readonly Node: { readonly Verb: string; readonly Node: Node } }
  | {
      readonly Service: { readonly Verb: string; readonly Node: string; readonly Service: Service }
    }
  | { readonly Check: { readonly Verb: string; readonly Check: HealthCheck } }
  | { readonly Session: { readonly Verb: string; readonly Session: { readonly ID: string } } }

export type TxnResult =
  | { readonly KV: KvEntry & { readonly omitValue?: boolean } }
  | { readonly Node: Node }
  | { readonly Service: Service }
  | { readonly Check: HealthCheck }

export interface TxnError {
  readonly OpIndex: number
  readonly What: string
}

export interface TxnReply {
  readonly results: readonly TxnResult[]
  readonly errors: readonly TxnError[]
}

export const txnOpsMax = 64
export const txnSizeMaxBytes = 524_288

/** True where no step writes: such a transaction is a read, with a read's consistency. */
export function isReadOnly(ops: readonly TxnOp[]): boolean {
  return ops.every((op) => {
    if ('KV' in op)
      return /^(get|get-tree|check-index|check-session|check-not-exists)$/.test(op.KV.Verb)
    if ('Node' in op) return op.Node.Verb === 'get'
    if ('Service' in op) return op.Service.Verb === 'get'
    if ('Check' in op) return op.Check.Verb === 'get'
    return false
  })
}
