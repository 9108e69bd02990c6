import type { HealthCheck } from '../model/check.ts'
import { PraetorError } from '../model/errors.ts'
import type { Given } from '../model/registration.ts'
import { isSame } from './equality.ts'
import { refreshInstance, refreshInstancesOnNode } from './instances.ts'
import { checkOnNode, nodeKey, serviceOnNode } from './schema.ts'
import { invalidateSessionsOfCheck } from './sessions.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * Puts the check in, with the name and tags of its service, unless it is there and says the same. A check that is critical ends
 * the sessions that live by it even so. Fails where the node or the service is not registered.
 */
export function putCheck(store: Store, tx: Transaction, given: Given<HealthCheck>): HealthCheck {
  const { Node, CheckID, ServiceID } = given
  const before = findCheck(store, Node, CheckID)
  if (!store.nodes.get(nodeKey(Node))) throw new PraetorError('failed', 'Missing node registration')
  const service =
    ServiceID === '' ? undefined : store.services.get(serviceOnNode(Node, ServiceID))?.Service
  if (ServiceID !== '' && !service) throw new PraetorError('failed', 'Missing service registration')
  const check: HealthCheck = {
    Node,
    CheckID,
    Name: given.Name,
    Status: given.Status === '' ? 'critical' : given.Status,
    Notes: given.Notes,
    Output: given.Output,
    ServiceID,
    ServiceName: service ? service.Service : given.ServiceName,
    ServiceTags: service ? service.Tags : given.ServiceTags,
    Type: given.Type,
    Definition: given.Definition,
    CreateIndex: before?.CreateIndex ?? tx.index,
    ModifyIndex: tx.index,
  }
  if (CheckID === '')
    throw new PraetorError('failed', 'failed inserting check: object missing primary index')
  if (check.Status === 'critical') invalidateSessionsOfCheck(store, tx, Node, CheckID)
  if (before && isSameCheck(before, check)) return before
  tx.put(store.checks, check)
  tx.bump('checks')
  refreshOwner(store, tx, check)
  if (before && before.ServiceID !== ServiceID) refreshOwner(store, tx, before)
  return check
}

/** Puts the check in if the one there has this ModifyIndex, or, for 0, if there is none. Undefined: it was not so. */
export function casCheck(
  store: Store,
  tx: Transaction,
  given: Given<HealthCheck>,
  modifyIndex: number,
): HealthCheck | undefined {
  const current = findCheck(store, given.Node, given.CheckID)?.ModifyIndex ?? 0
  return current === modifyIndex ? putCheck(store, tx, given) : undefined
}

/** Takes the check out and ends the sessions that live by it. False: it wasn't there. */
export function deleteCheck(store: Store, tx: Transaction, node: string, checkId: string): boolean {
  const check = findCheck(store, node, checkId)
  if (!check) return false
  tx.delete(store.checks, checkOnNode(node, checkId))
  tx.bump('checks')
  refreshOwner(store, tx, check)
  invalidateSessionsOfCheck(store, tx, node, checkId)
  return true
}

/** Deletes the check if it has this ModifyIndex. False: it is not there or has another. */
export function deleteCheckCas(
  store: Store,
  tx: Transaction,
  node: string,
  checkId: string,
  modifyIndex: number,
): boolean {
  return (
    findCheck(store, node, checkId)?.ModifyIndex === modifyIndex &&
    deleteCheck(store, tx, node, checkId)
  )
}

export function findCheck(store: Store, node: string, checkId: string): HealthCheck | undefined {
  return store.checks.get(checkOnNode(node, checkId))
}

function refreshOwner(store: Store, tx: Transaction, { Node, ServiceID }: HealthCheck): void {
  if (ServiceID === '') refreshInstancesOnNode(store, tx, Node)
  else refreshInstance(store, tx, Node, ServiceID)
}

function isSameCheck(a: HealthCheck, b: HealthCheck): boolean {
  return (
    a.Node === b.Node &&
    a.CheckID === b.CheckID &&
    a.Name === b.Name &&
    a.Status === b.Status &&
    a.Notes === b.Notes &&
    a.Output === b.Output &&
    a.ServiceID === b.ServiceID &&
    a.ServiceName === b.ServiceName &&
    isSame(a.ServiceTags, b.ServiceTags) &&
    isSame(a.Definition, b.Definition)
  )
}
