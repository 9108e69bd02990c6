import type { Service } from '../model/service.ts'
import type { ServiceNameRow } from './schema.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * Which services there are and with which tags, counted as instances come and go: who lists the services doesn't look at every
 * instance. Like instances these rows follow from the services and are in no snapshot.
 */
export function recount(
  store: Store,
  tx: Transaction,
  before: Service | undefined,
  after: Service | undefined,
): void {
  if (before && after && before.Service === after.Service && before.Tags === after.Tags) return
  if (before) change(store, tx, before, -1)
  if (after) change(store, tx, after, 1)
}

/** Counts everything anew, as after a snapshot was restored. */
export function rebuildServiceNames(store: Store): void {
  store.serviceNames.clear()
  for (const { Service } of store.services.all())
    store.serviceNames.replace(Service.Service, counted(store, Service, 1))
}

function change(store: Store, tx: Transaction, service: Service, by: 1 | -1): void {
  const row = counted(store, service, by)
  if (row.Instances === 0) tx.delete(store.serviceNames, row.Name)
  else tx.put(store.serviceNames, row)
}

function counted(store: Store, { Service: Name, Tags }: Service, by: 1 | -1): ServiceNameRow {
  const { Instances, Tags: counts } = store.serviceNames.get(Name) ?? none
  const changed = new Map(counts)
  for (const tag of new Set(Tags)) {
    const count = (changed.get(tag) ?? 0) + by
    if (count === 0) changed.delete(tag)
    else changed.set(tag, count)
  }
  return { Name, Instances: Instances + by, Tags: changed }
}

const none: Pick<ServiceNameRow, 'Instances' | 'Tags'> = { Instances: 0, Tags: new Map() }
