import { readTxn } from '../fsm/txn.ts'
import { nodeIdMistake } from '../model/node-id.ts'
import type { TxnError, TxnOp, TxnReply } from '../model/txn.ts'
import type { EndpointTable } from './call.ts'
import type { LockDelays } from './method.ts'

export const txnEndpoints = {
  'Txn.Read': {
    kind: 'read',
    run(store, { Ops }) {
      const errors = mistakesIn(Ops)
      return { index: 0, value: errors.length > 0 ? refused(errors) : readTxn(store, Ops) }
    },
  },

  'Txn.Apply': {
    kind: 'write',
    async run({ lockDelays, propose }, { Ops }) {
      const errors = mistakesIn(Ops, lockDelays)
      return errors.length > 0 ? refused(errors) : propose('txn', { Ops: Ops.map(completed) })
    },
  },
} satisfies Pick<EndpointTable, 'Txn.Read' | 'Txn.Apply'>

function refused(errors: readonly TxnError[]): TxnReply {
  return { results: [], errors }
}

/** What is wrong with each step before anything is tried. Where there is any of it, Consul tells nothing else. */
function mistakesIn(ops: readonly TxnOp[], lockDelays?: LockDelays): TxnError[] {
  return ops.flatMap((op, OpIndex) => {
    const What = mistakeIn(op, lockDelays)
    return What === undefined ? [] : [{ OpIndex, What }]
  })
}

function mistakeIn(op: TxnOp, lockDelays: LockDelays | undefined): string | undefined {
  if ('KV' in op) {
    const { Verb, Key } = op.KV
    if (Key === '' && Verb !== 'delete-tree') return 'Must provide key'
    if (Verb === 'lock' && lockDelays?.isHeldBack(Key) === true)
      return `failed to lock key ${JSON.stringify(Key)} due to lock delay`
  } else if ('Node' in op && op.Node.Verb !== 'get') {
    const { Node, ID } = op.Node.Node
    if (Node === '') return 'Must provide node'
    const mistake = ID === '' ? undefined : nodeIdMistake(ID)
    if (mistake !== undefined) return `Bad node ID: ${mistake}`
  } else if ('Service' in op && op.Service.Verb !== 'get') {
    const { ID, Service } = op.Service.Service
    if (ID !== '' && Service === '') return 'Must provide service name with ID'
  }
  return undefined
}

/** What a client may leave out: the id of a service or check is then its name. */
function completed(op: TxnOp): TxnOp {
  if ('Service' in op && op.Service.Verb !== 'get' && op.Service.Service.ID === '')
    return {
      Service: {
        ...op.Service,
        Service: { ...op.Service.Service, ID: op.Service.Service.Service },
      },
    }
  if ('Check' in op && op.Check.Verb !== 'get' && op.Check.Check.CheckID === '')
    return { Check: { ...op.Check, Check: { ...op.Check.Check, CheckID: op.Check.Check.Name } } }
  return op
}
