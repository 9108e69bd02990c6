import type { HealthCheck } from '../model/check.ts'
import { nodeIdMistake } from '../model/node-id.ts'
import type { Node } from '../model/node.ts'
import type { catalogTxnVerbs, TxnOp } from '../model/txn.ts'
import { casCheck, deleteCheck, deleteCheckCas, findCheck, putCheck } from '../state/checks.ts'
import { casNode, deleteNode, deleteNodeCas, findNode, nodeById, putNode } from '../state/nodes.ts'
import {
  casService,
  deleteService,
  deleteServiceCas,
  findService,
  putService,
} from '../state/services.ts'
import type { Store } from '../state/store.ts'
import { oneOf, orRefuse, quoted, refusal } from './txn-verb.ts'
import type { Verb } from './txn-verb.ts'

type CatalogVerbs<Op> = Readonly<Record<(typeof catalogTxnVerbs)[number], Verb<Op>>>

type NodeOp = Extract<TxnOp, { readonly Node: unknown }>['Node']

const nodeVerbs: CatalogVerbs<NodeOp> = {
  get: (store, _tx, { Node: given }) => [
    { Node: orRefuse(namedNode(store, given), `node ${quoted(given.Node)} doesn't exist`) },
  ],

  set: (store, tx, { Node: given }) => [{ Node: putNode(store, tx, given) }],

  cas: (store, tx, { Node: given }) => [
    {
      Node: orRefuse(
        casNode(store, tx, given, given.ModifyIndex),
        `failed to set node ${quoted(given.Node)}, index is stale`,
      ),
    },
  ],

  delete(store, tx, { Node: given }) {
    deleteNode(store, tx, given.Node)
    return []
  },

  'delete-cas'(store, tx, { Node: given }) {
    if (!deleteNodeCas(store, tx, given.Node, given.ModifyIndex))
      throw refusal(`failed to delete node ${quoted(given.Node)}, index is stale`)
    return []
  },
}

/** A node that is asked for with its id is looked up by that alone. */
function namedNode(store: Store, { ID, Node: name }: Node): Node | undefined {
  if (ID === '') return findNode(store, name)
  const mistake = nodeIdMistake(ID)
  if (mistake !== undefined)
    throw refusal(`node lookup by ID failed, wrong UUID: ${mistake} for '${ID}'`)
  return nodeById(store, ID)
}

type ServiceOp = Extract<TxnOp, { readonly Service: unknown }>['Service']

const serviceVerbs: CatalogVerbs<ServiceOp> = {
  get: (store, _tx, op) => [
    {
      Service: orRefuse(
        findService(store, op.Node, op.Service.ID),
        `${namedService(op)} doesn't exist`,
      ),
    },
  ],

  set: (store, tx, op) => [{ Service: putService(store, tx, op.Node, op.Service) }],

  cas: (store, tx, op) => [
    {
      Service: orRefuse(
        casService(store, tx, op.Node, op.Service, op.Service.ModifyIndex),
        `failed to set ${namedService(op)}, index is stale`,
      ),
    },
  ],

  delete(store, tx, op) {
    deleteService(store, tx, op.Node, op.Service.ID)
    return []
  },

  'delete-cas'(store, tx, op) {
    if (!deleteServiceCas(store, tx, op.Node, op.Service.ID, op.Service.ModifyIndex))
      throw refusal(`failed to delete ${namedService(op)}, index is stale`)
    return []
  },
}

function namedService({ Node: node, Service }: ServiceOp): string {
  return `service ${quoted(Service.ID)} on node ${quoted(node)}`
}

type CheckOp = Extract<TxnOp, { readonly Check: unknown }>['Check']

const checkVerbs: CatalogVerbs<CheckOp> = {
  get: (store, _tx, { Check }) => [
    {
      Check: orRefuse(
        findCheck(store, Check.Node, Check.CheckID),
        `${namedCheck(Check)} doesn't exist`,
      ),
    },
  ],

  set: (store, tx, { Check }) => [{ Check: putCheck(store, tx, Check) }],

  cas: (store, tx, { Check }) => [
    {
      Check: orRefuse(
        casCheck(store, tx, Check, Check.ModifyIndex),
        `failed to set ${namedCheck(Check)}, index is stale`,
      ),
    },
  ],

  delete(store, tx, { Check }) {
    deleteCheck(store, tx, Check.Node, Check.CheckID)
    return []
  },

  'delete-cas'(store, tx, { Check }) {
    if (!deleteCheckCas(store, tx, Check.Node, Check.CheckID, Check.ModifyIndex))
      throw refusal(`failed to delete ${namedCheck(Check)}, index is stale`)
    return []
  },
}

function namedCheck({ Node: node, CheckID }: HealthCheck): string {
  return `check ${quoted(CheckID)} on node ${quoted(node)}`
}

export const nodeVerb = oneOf('Node', nodeVerbs)
export const serviceVerb = oneOf('Service', serviceVerbs)
export const checkVerb = oneOf('Check', checkVerbs)
