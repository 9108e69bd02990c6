import { must } from '../model/assert.ts'
import type { HealthCheck, ServiceNode } from '../model/check.ts'
import type { Node } from '../model/node.ts'
import type { Service } from '../model/service.ts'
import { nodeKey, onNode, serviceOnNode } from './schema.ts'
import type { ServiceRow } from './schema.ts'
import { extinctionIndex, serviceIndex } from './service-indexes.ts'
import type { Indexed, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { WatchSet } from './watch.ts'

/**
 * Instances are services joined with their nodes and checks, kept joined: they are read thousands of times for each time that a
 * part of them changes. So a read is a walk over rows that are there, and a row that stayed the same is the same object, whoever
 * asked. Here nothing is decided, so they are in no snapshot.
 *
 * The instances of a service are ordered by node and id, and stand at the service's own index. That is all there is to watch,
 * since whatever an answer about the service shows moves it. A name without instances stands where a service last vanished, and
 * waits for nothing but its own coming.
 */
export function instancesOf(
  store: Store,
  service: string,
  shown: Shown,
  watch?: WatchSet,
): Indexed<ServiceNode[]> {
  const value = [...store.instances.by('service', service.toLowerCase())]
  const own = store.indexes.get(serviceIndex(service), watch)
  return { index: own?.Value ?? absenceIndex(store, service, shown), value }
}

/** The instances through which a service is reached over the mesh: its proxies, and those that speak Connect themselves. */
export function connectInstancesOf(
  store: Store,
  service: string,
  shown: Shown,
  watch?: WatchSet,
): Indexed<ServiceNode[]> {
  const value = [...store.instances.by('connect', service.toLowerCase(), watch)]
  const names = new Set(value.map(({ Service }) => serviceIndex(Service.Service)))
  return {
    index: names.size > 0 ? store.maxIndex([...names], watch) : absenceIndex(store, service, shown),
    value,
  }
}

/** What a read shows beside services and nodes: it decides where a name without instances stands. */
export type Shown = 'catalog' | 'health'

function absenceIndex(store: Store, service: string, shown: Shown): number {
  return (
    store.maxIndex([extinctionIndex]) ||
    store.maxIndex([serviceIndex(service)]) ||
    store.maxIndex(shown === 'health' ? ['nodes', 'services', 'checks'] : ['nodes', 'services'])
  )
}

/** Joins this instance again, as it, its node or a check changed. */
export function refreshInstance(store: Store, tx: Transaction, node: string, id: string): void {
  const row = store.services.get(serviceOnNode(node, id))
  if (row) refresh(store, tx, [row], node)
}

/** Joins all the node's instances again, as the node or one of its checks changed. */
export function refreshInstancesOnNode(store: Store, tx: Transaction, node: string): void {
  refresh(store, tx, [...store.services.withPrefix(onNode(node))], node)
}

/** Joins everything anew, as after a snapshot was restored. */
export function rebuildInstances(store: Store): void {
  store.instances.clear()
  for (const row of store.services.all()) {
    const instance = join(row.Service, onlyNode(store, row.Node), [
      ...nodeChecks(store, row.Node),
      ...serviceChecks(store, row),
    ])
    store.instances.replace(serviceOnNode(row.Node, row.Service.ID), instance)
  }
}

function refresh(store: Store, tx: Transaction, rows: readonly ServiceRow[], name: string): void {
  const [first] = rows
  if (!first) return
  const node = onlyNode(store, name)
  const checks = nodeChecks(store, name)
  for (const row of rows) {
    tx.put(store.instances, join(row.Service, node, [...checks, ...serviceChecks(store, row)]))
    tx.bump(serviceIndex(row.Service.Service))
  }
}

/** Lists in these answers are never null, where a row of the catalog may say so. */
function join(service: Service, node: Node, checks: readonly HealthCheck[]): ServiceNode {
  return {
    Node: node,
    Service: service.Tags === null ? { ...service, Tags: [] } : service,
    Checks: checks,
  }
}

function onlyNode(store: Store, name: string): Node {
  return must(store.nodes.get(nodeKey(name)), `a service is on ${name}, which is not registered`)
}

function nodeChecks(store: Store, node: string): HealthCheck[] {
  return Array.from(store.checks.by('owner', serviceOnNode(node, '')), listed)
}

function serviceChecks(store: Store, { Node: node, Service: { ID } }: ServiceRow): HealthCheck[] {
  return Array.from(store.checks.by('owner', serviceOnNode(node, ID)), listed)
}

/** The check with a list of tags, even if it is an empty one. */
export function listed(check: HealthCheck): HealthCheck {
  return check.ServiceTags === null ? { ...check, ServiceTags: [] } : check
}
