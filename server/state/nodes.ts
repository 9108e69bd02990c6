import { serfCheckId } from '../model/check.ts'
import { PraetorError } from '../model/errors.ts'
import type { Node } from '../model/node.ts'
import type { Given } from '../model/registration.ts'
import { deleteCheck, findCheck } from './checks.ts'
import { deleteCoordinates } from './coordinates.ts'
import { isSame } from './equality.ts'
import { refreshInstancesOnNode } from './instances.ts'
import { nodeIdKey, nodeKey, onNode } from './schema.ts'
import { deleteService } from './services.ts'
import { invalidateSessionsOfNode } from './sessions.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { WatchSet } from './watch.ts'

/**
 * Puts the node in, unless it is there and says the same. A known id under another name is the same node renamed: it keeps its
 * CreateIndex, and loses its services and checks until they are registered again. Fails where the name is another node's that is
 * alive.
 */
export function putNode(store: Store, tx: Transaction, given: Given<Node>): Node {
  const known = given.ID === '' ? undefined : nodeById(store, given.ID)
  if (known && known.Node !== given.Node) {
    refuseTakenName(store, given, {
      mayUpgrade: false,
      renaming: `${quote(given.ID)} (${given.Address})`,
    })
    deleteNode(store, tx, known.Node)
  } else if (given.ID !== '' && !known)
    refuseTakenName(store, given, { mayUpgrade: true, renaming: quote(given.ID) })
  const before = known ?? store.nodes.get(nodeKey(given.Node))
  const node: Node = {
    ID: given.ID,
    Node: given.Node,
    Address: given.Address,
    Datacenter: given.Datacenter,
    TaggedAddresses: given.TaggedAddresses,
    Meta: given.Meta,
    CreateIndex: before?.CreateIndex ?? tx.index,
    ModifyIndex: tx.index,
  }
  if (before && isSameNode(before, node)) return before
  tx.put(store.nodes, node)
  tx.bump('nodes')
  refreshInstancesOnNode(store, tx, node.Node)
  return node
}

/** Puts the node in if the one there has this ModifyIndex, or, for 0, if there is none. Undefined: it was not so. */
export function casNode(
  store: Store,
  tx: Transaction,
  given: Given<Node>,
  modifyIndex: number,
): Node | undefined {
  const current = store.nodes.get(nodeKey(given.Node))?.ModifyIndex ?? 0
  return current === modifyIndex ? putNode(store, tx, given) : undefined
}

/** Takes the node out with all that is on it: services, checks, sessions, where it stands. False: it wasn't there. */
export function deleteNode(store: Store, tx: Transaction, name: string): boolean {
  const key = nodeKey(name)
  const node = store.nodes.get(key)
  if (!node) return false
  for (const id of Array.from(store.services.withPrefix(onNode(name)), (row) => row.Service.ID))
    deleteService(store, tx, name, id)
  for (const id of Array.from(store.checks.withPrefix(onNode(name)), (row) => row.CheckID))
    deleteCheck(store, tx, name, id)
  deleteCoordinates(store, tx, name)
  tx.delete(store.nodes, key)
  tx.bump('nodes')
  invalidateSessionsOfNode(store, tx, name)
  return true
}

/** Deletes the node if it has this ModifyIndex. False: it is not there or has another. */
export function deleteNodeCas(
  store: Store,
  tx: Transaction,
  name: string,
  modifyIndex: number,
): boolean {
  return store.nodes.get(nodeKey(name))?.ModifyIndex === modifyIndex && deleteNode(store, tx, name)
}

export function findNode(store: Store, name: string): Node | undefined {
  return store.nodes.get(nodeKey(name))
}

export function nodeById(store: Store, id: string): Node | undefined {
  for (const node of store.nodes.by('id', nodeIdKey(id))) return node
  return undefined
}

/**
 * The node of this name, or else the only one whose id begins so. Two digits are the least that count as the beginning of an id,
 * and of an odd number the last is not looked at. Watching waits for the name.
 */
export function findNodeByNameOrId(
  store: Store,
  nameOrId: string,
  watch?: WatchSet,
): Node | undefined {
  const named = store.nodes.get(nodeKey(nameOrId), watch)
  const digits = nodeIdKey(nameOrId.slice(0, nameOrId.length - (nameOrId.length % 2)))
  if (named || !/^([0-9a-f]{2})+$/.test(digits)) return named
  const [only, another] = store.nodes.beginning('id', digits)
  if (only && !another) watch?.add(store.nodes.topic(nodeKey(only.Node)))
  return another ? undefined : only
}

interface Taking {
  /** Whether a name that was registered without an id may get one. */
  readonly mayUpgrade: boolean
  readonly renaming: string
}

/** A name belongs to the node that has it for as long as gossip doesn't say that the node failed. */
function refuseTakenName(store: Store, given: Given<Node>, { mayUpgrade, renaming }: Taking): void {
  const holder = store.nodes.get(nodeKey(given.Node))
  if (!holder || holder.ID === given.ID || (holder.ID === '' && mayUpgrade)) return
  const serf = findCheck(store, holder.Node, serfCheckId)
  if (!serf || serf.Status === 'critical') return
  throw new PraetorError(
    'failed',
    `Error while renaming Node ID: ${renaming}: Node name ${given.Node} is reserved by node ${holder.ID}` +
      ` with name ${holder.Node} (${holder.Address})`,
  )
}

function isSameNode(a: Node, b: Node): boolean {
  return (
    a.ID === b.ID &&
    a.Node === b.Node &&
    a.Address === b.Address &&
    a.Datacenter === b.Datacenter &&
    isSame(a.TaggedAddresses, b.TaggedAddresses) &&
    isSame(a.Meta, b.Meta)
  )
}

const quote = JSON.stringify
