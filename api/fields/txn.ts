import type { HealthCheck } from '../../server/model/check.ts'
import type { Struct } from '../../server/model/decode.ts'
import { encodePlainJson } from '../../server/model/json.ts'
import type { Node } from '../../server/model/node.ts'
import type { Service } from '../../server/model/service.ts'
import type { TxnOp, TxnReply, TxnResult } from '../../server/model/txn.ts'
import type { Unsigned64 } from '../../server/model/unsigned.ts'
import {
  agentServiceStruct,
  checkStruct,
  type Given,
  nodeStruct,
  toCheck,
  toNode,
  toService,
} from './catalog.ts'
import { encodeEntry } from './kv.ts'
import { struct } from './struct.ts'

/** The steps of a transaction as clients write them, and its result as Consul prints it. */
const kv = struct('api.KVTxnOp', {
  Verb: { named: 'api.KVOp', as: 'string' },
  Key: 'string',
  Value: 'bytes',
  Flags: 'unsigned',
  Index: 'unsigned',
  Session: 'string',
})
const node = struct('api.NodeTxnOp', {
  Verb: { named: 'api.NodeOp', as: 'string' },
  Node: nodeStruct,
})
const service = struct('api.ServiceTxnOp', {
  Verb: { named: 'api.ServiceOp', as: 'string' },
  Node: 'string',
  Service: agentServiceStruct,
})
const check = struct('api.CheckTxnOp', {
  Verb: { named: 'api.CheckOp', as: 'string' },
  Check: { ...checkStruct, name: 'api.HealthCheck' },
})

const op: Struct = struct('api.TxnOp', { KV: kv, Node: node, Service: service, Check: check })
export const opsKind = { named: 'api.TxnOps', as: { list: op } } as const

interface Verb {
  readonly Verb?: string
}

export interface GivenOp {
  readonly KV?: Verb & {
    readonly Key?: string
    readonly Value?: Uint8Array
    readonly Flags?: Unsigned64
    readonly Index?: Unsigned64
    readonly Session?: string
  }
  readonly Node?: Verb & { readonly Node?: Given<Node> }
  readonly Service?: Verb & { readonly Node?: string; readonly Service?: Given<Service> }
  readonly Check?: Verb & { readonly Check?: Given<HealthCheck> }
}

/** One step, or none: Consul passes over a step that says nothing. */
export function toOp(given: GivenOp): readonly TxnOp[] {
  if (given.KV) {
    const { Verb = '', Key = '', Value = nothing, Flags = 0, Index = 0, Session = '' } = given.KV
    return [{ KV: { Verb, Key, Value, Flags, Session, ModifyIndex: Number(Index) } }]
  }
  if (given.Node)
    return [{ Node: { Verb: given.Node.Verb ?? '', Node: toNode(given.Node.Node ?? {}) } }]
  if (given.Service) {
    const { Verb = '', Node = '', Service = {} } = given.Service
    return [{ Service: { Verb, Node, Service: toService(Service) } }]
  }
  if (given.Check)
    return [{ Check: { Verb: given.Check.Verb ?? '', Check: toCheck(given.Check.Check ?? {}) } }]
  return []
}

const nothing = new Uint8Array(0)

/** The body of the answer. A transaction that only reads has four more fields, which say nothing but are always there. */
export function encodeReply(reply: TxnReply, readOnly: boolean): string {
  const failed = reply.errors.length > 0
  const results = failed ? 'null' : `[${reply.results.map(encodeResult).join(',')}]`
  const errors = failed ? encodePlainJson(reply.errors) : 'null'
  const meta = ',"Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""'
  return `{"Results":${results},"Errors":${errors}${readOnly ? meta : ''}}`
}

const encodeResult = (result: TxnResult): string =>
  'KV' in result ? `{"KV":${encodeEntry(result.KV)}}` : encodePlainJson(result)
