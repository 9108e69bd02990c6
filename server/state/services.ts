import { PraetorError } from '../model/errors.ts'
import { findMetadataFault } from '../model/metadata.ts'
import type { Given } from '../model/registration.ts'
import type { Service, Weights } from '../model/service.ts'
import { deleteCheck } from './checks.ts'
import { isSame } from './equality.ts'
import { refreshInstance } from './instances.ts'
import { nodeKey, serviceOnNode } from './schema.ts'
import { bumpDiminished, serviceIndex } from './service-indexes.ts'
import { countIn, countOut } from './service-names.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * Puts the instance on the node, unless it is there and says the same. Under a new name it is an instance less of the old one:
 * Consul forgets that, so that who waits for the old name never hears of it. Fails where the node is
 * not registered or the metadata is not allowed.
 */
export function putService(
  store: Store,
  tx: Transaction,
  node: string,
  given: Given<Service>,
): Service {
  const row = store.services.get(serviceOnNode(node, given.ID))
  const fault = given.Meta === null ? undefined : findMetadataFault(given.Meta)
  if (fault !== undefined)
    throw new PraetorError(
      'failed',
      `Invalid Service Meta for node ${node} and serviceID ${given.ID}: ${fault}`,
    )
  if (!store.nodes.get(nodeKey(node))) throw new PraetorError('failed', 'Missing node registration')
  const service = serviceRow(given, row?.Service.CreateIndex ?? tx.index, tx.index)
  if (row?.Node === node && isSameService(row.Service, service)) return row.Service
  if (service.ID === '')
    throw new PraetorError('failed', 'failed inserting service: object missing primary index')
  tx.put(store.services, { Node: node, Service: service })
  if (row?.Service.Service !== service.Service || !isSame(row.Service.Tags, service.Tags)) {
    if (row) countOut(store, tx, row.Service)
    countIn(store, tx, service)
  }
  tx.bump('services')
  refreshInstance(store, tx, node, service.ID)
  if (row && serviceIndex(row.Service.Service) !== serviceIndex(service.Service))
    bumpDiminished(store, tx, row.Service.Service)
  return service
}

/** Puts the instance in if the one there has this ModifyIndex, or, for 0, if there is none. Undefined: it was not so. */
export function casService(
  store: Store,
  tx: Transaction,
  node: string,
  given: Given<Service>,
  modifyIndex: number,
): Service | undefined {
  const current = findService(store, node, given.ID)?.ModifyIndex ?? 0
  return current === modifyIndex ? putService(store, tx, node, given) : undefined
}

/** Takes the instance out, with its checks and the sessions that live by them. False: it wasn't there. */
export function deleteService(
  store: Store,
  tx: Transaction,
  node: string,
  serviceId: string,
): boolean {
  const service = findService(store, node, serviceId)
  if (!service) return false
  const key = serviceOnNode(node, serviceId)
  for (const id of Array.from(store.checks.by('owner', key), ({ CheckID }) => CheckID))
    deleteCheck(store, tx, node, id)
  tx.delete(store.services, key)
  countOut(store, tx, service)
  tx.delete(store.instances, key)
  tx.bump('services', 'checks')
  bumpDiminished(store, tx, service.Service)
  return true
}

/** Deletes the instance if it has this ModifyIndex. False: it is not there or has another. */
export function deleteServiceCas(
  store: Store,
  tx: Transaction,
  node: string,
  serviceId: string,
  modifyIndex: number,
): boolean {
  return (
    findService(store, node, serviceId)?.ModifyIndex === modifyIndex &&
    deleteService(store, tx, node, serviceId)
  )
}

export function findService(store: Store, node: string, serviceId: string): Service | undefined {
  return store.services.get(serviceOnNode(node, serviceId))?.Service
}

/** In Consul's order and with what Go's `omitempty` leaves out left out, so that the row is the answer. */
function serviceRow(given: Given<Service>, CreateIndex: number, ModifyIndex: number): Service {
  const { Kind = '', TaggedAddresses = {}, Weights } = given
  return {
    ...(Kind === '' ? {} : { Kind }),
    ID: given.ID,
    Service: given.Service,
    Tags: given.Tags,
    Address: given.Address,
    ...(Object.keys(TaggedAddresses).length === 0 ? {} : { TaggedAddresses }),
    Meta: given.Meta,
    Port: given.Port,
    Weights: areValid(Weights) ? Weights : { Passing: 1, Warning: 1 },
    EnableTagOverride: given.EnableTagOverride,
    Proxy: given.Proxy,
    Connect: given.Connect,
    CreateIndex,
    ModifyIndex,
  }
}

/** DNS gives weights in sixteen bits. */
const weightMax = 65_535

/** A catalog registration with senseless weights is taken, as if it had none. */
function areValid({ Passing, Warning }: Weights): boolean {
  return Passing >= 1 && Warning >= 0 && Passing <= weightMax && Warning <= weightMax
}

function isSameService(a: Service, b: Service): boolean {
  return (
    a.ID === b.ID &&
    a.Service === b.Service &&
    (a.Kind ?? '') === (b.Kind ?? '') &&
    a.Address === b.Address &&
    a.Port === b.Port &&
    a.EnableTagOverride === b.EnableTagOverride &&
    isSame(a.Tags, b.Tags) &&
    isSame(a.TaggedAddresses, b.TaggedAddresses) &&
    isSame(a.Meta, b.Meta) &&
    isSame(a.Weights, b.Weights) &&
    isSame(a.Proxy, b.Proxy) &&
    isSame(a.Connect, b.Connect)
  )
}
