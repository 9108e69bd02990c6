import type { HealthCheck } from '../../model/check.ts'
import { PraetorError } from '../../model/errors.ts'
import type { Node } from '../../model/node.ts'
import type { Service } from '../../model/service.ts'
import type { TxnError, TxnOp, TxnReply, TxnResult } from '../../model/txn.ts'
import { fieldsOf, integer, list, struct, text } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { healthCheck, kvEntry, kvWrite, node, service } from './rows.ts'

/** A transaction's steps and results: in Go a struct of pointers of which one is not nil, here a union. */
const nodeStep = struct<{ Verb: string; Node: Node }>({ Verb: text, Node: node })
const serviceStep = struct<{ Verb: string; Node: string; Service: Service }>({
  Verb: text,
  Node: text,
  Service: service,
})
const checkStep = struct<{ Verb: string; Check: HealthCheck }>({ Verb: text, Check: healthCheck })
const sessionStep = struct<{ Verb: string; Session: { readonly ID: string } }>({
  Verb: text,
  Session: struct<{ ID: string }>({ ID: text }),
})

export const txnOp: Shape<TxnOp> = {
  toWire(op) {
    if ('KV' in op) return { KV: { Verb: op.KV.Verb, DirEnt: kvWrite.toWire(op.KV) } }
    if ('Node' in op) return { Node: nodeStep.toWire(op.Node) }
    if ('Service' in op) return { Service: serviceStep.toWire(op.Service) }
    if ('Check' in op) return { Check: checkStep.toWire(op.Check) }
    return { Session: sessionStep.toWire(op.Session) }
  },
  fromWire(wire) {
    const { KV, Node, Service, Check, Session } = fieldsOf(wire)
    if (isThere(KV)) {
      const { Verb, DirEnt } = fieldsOf(KV)
      return { KV: { Verb: text.fromWire(Verb), ...kvWrite.fromWire(DirEnt) } }
    }
    if (isThere(Node)) return { Node: nodeStep.fromWire(Node) }
    if (isThere(Service)) return { Service: serviceStep.fromWire(Service) }
    if (isThere(Check)) return { Check: checkStep.fromWire(Check) }
    if (isThere(Session)) return { Session: sessionStep.fromWire(Session) }
    throw new PraetorError('bad-request', 'rpc: a step of a transaction says nothing')
  },
}

const txnResult: Shape<TxnResult> = {
  toWire(result) {
    if ('KV' in result) {
      const wire = fieldsOf(kvEntry.toWire(result.KV))
      return { KV: result.KV.omitValue === true ? { ...wire, Value: null } : wire }
    }
    if ('Node' in result) return { Node: node.toWire(result.Node) }
    if ('Service' in result) return { Service: service.toWire(result.Service) }
    return { Check: healthCheck.toWire(result.Check) }
  },
  fromWire(wire) {
    const { KV, Node, Service, Check } = fieldsOf(wire)
    if (isThere(KV)) return { KV: kvEntry.fromWire(KV) }
    if (isThere(Node)) return { Node: node.fromWire(Node) }
    if (isThere(Service)) return { Service: service.fromWire(Service) }
    return { Check: healthCheck.fromWire(Check) }
  },
}

export const txnReply: Shape<TxnReply> = struct<TxnReply>(
  {
    results: list(txnResult),
    errors: list(struct<TxnError>({ OpIndex: integer, What: text })),
  },
  { results: 'Results', errors: 'Errors' },
)

function isThere(wire: unknown): boolean {
  return wire !== undefined && wire !== null
}
