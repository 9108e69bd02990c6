import { readTxn } from '../fsm/txn.ts'
import { PraetorError } from '../model/errors.ts'
import { nodeIdMistake } from '../model/node-id.ts'
import type { TxnError, TxnOp, TxnReply } from '../model/txn.ts'
import type { EndpointTable } from './call.ts'
import type { LockDelays } from './method.ts'
import { completeService } from './registration.ts'

export const txnEndpoints = {
  'Txn.Read': {
    kind: 'read',
    run(store, { Ops }) {
      const { ops, errors } = completeAll(Ops, '')
      return { index: 0, value: errors.length > 0 ? refused(errors) : readTxn(store, ops) }
    },
  },

  'Txn.Apply': {
    kind: 'write',
    async run({ lockDelays, propose, datacenter }, { Ops, ...conditions }) {
      const { ops, errors } = completeAll(Ops, datacenter, lockDelays)
      return errors.length > 0 ? refused(errors) : propose('txn', { Ops: ops, ...conditions })
    },
  },
} satisfies Pick<EndpointTable, 'Txn.Read' | 'Txn.Apply'>

function refused(errors: readonly TxnError[]): TxnReply {
  return { results: [], errors }
}

/** The steps as they go into the log, and what is wrong with any. Where anything is, Consul tries none and tells only of that. */
function completeAll(
  given: readonly TxnOp[],
  datacenter: string,
  lockDelays?: LockDelays,
): { readonly ops: readonly TxnOp[]; readonly errors: readonly TxnError[] } {
  const ops: TxnOp[] = []
  const errors: TxnError[] = []
  for (const [OpIndex, op] of given.entries())
    try {
      ops.push(complete(op, datacenter, lockDelays))
    } catch (error) {
      if (!(error instanceof PraetorError)) throw error
      errors.push({ OpIndex, What: error.message })
    }
  return { ops, errors }
}

/** The step with what a client may leave out. Throws, in Consul's words, for what is wrong whatever the state. */
function complete(op: TxnOp, Datacenter: string, lockDelays: LockDelays | undefined): TxnOp {
  if ('KV' in op) checkKv(op.KV, lockDelays)
  else if ('Node' in op && op.Node.Verb !== 'get') {
    checkNode(op.Node.Node)
    return { Node: { ...op.Node, Node: { ...op.Node.Node, Datacenter } } }
  } else if ('Service' in op && op.Service.Verb !== 'get') {
    const { ModifyIndex, CreateIndex, ...service } = op.Service.Service
    const completed = { ...completeService(service), CreateIndex, ModifyIndex }
    return { Service: { ...op.Service, Service: completed } }
  } else if ('Check' in op && op.Check.Verb !== 'get' && op.Check.Check.CheckID === '')
    return { Check: { ...op.Check, Check: { ...op.Check.Check, CheckID: op.Check.Check.Name } } }
  return op
}

function checkKv(
  { Verb, Key }: { readonly Verb: string; readonly Key: string },
  lockDelays: LockDelays | undefined,
): void {
  if (Key === '' && Verb !== 'delete-tree') throw refusal('Must provide key')
  if (Verb === 'lock' && lockDelays?.isHeldBack(Key) === true)
    throw refusal(`failed to lock key ${JSON.stringify(Key)} due to lock delay`)
}

function checkNode({ Node, ID }: { readonly Node: string; readonly ID: string }): void {
  if (Node === '') throw refusal('Must provide node')
  const mistake = ID === '' ? undefined : nodeIdMistake(ID)
  if (mistake !== undefined) throw refusal(`Bad node ID: ${mistake}`)
}

function refusal(text: string): PraetorError {
  return new PraetorError('failed', text)
}
