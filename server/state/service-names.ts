import type { Service } from '../model/service.ts'
import { serviceNameKey } from './schema.ts'
import type { ServiceNameRow } from './schema.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * Which services there are and with which tags, counted as instances come and go, so that who lists the services doesn't look at
 * every instance. Like instances these rows follow from the services and are in no snapshot.
 */
export function countIn(store: Store, tx: Transaction, service: Service): void {
  for (const tag of counted(service)) tx.put(store.serviceNames, more(store, service, tag))
}

export function countOut(store: Store, tx: Transaction, service: Service): void {
  for (const Tag of counted(service)) {
    const key = serviceNameKey({ Name: service.Service, Tag })
    const instances = (store.serviceNames.get(key)?.Instances ?? 0) - 1
    if (instances > 0)
      tx.put(store.serviceNames, { Name: service.Service, Tag, Instances: instances })
    else tx.delete(store.serviceNames, key)
  }
}

/** Every service with its tags, both in order. */
export function namesAndTags(store: Store): [name: string, tags: string[]][] {
  const names: [string, string[]][] = []
  for (const { Name, Tag } of store.serviceNames.all())
    if (Tag === undefined) names.push([Name, []])
    else names.at(-1)?.[1].push(Tag)
  return names
}

/** Counts everything anew, as after a snapshot was restored. */
export function rebuildServiceNames(store: Store): void {
  store.serviceNames.clear()
  for (const { Service } of store.services.all())
    for (const tag of counted(Service)) {
      const row = more(store, Service, tag)
      store.serviceNames.replace(serviceNameKey(row), row)
    }
}

function more(store: Store, { Service: Name }: Service, Tag: string | undefined): ServiceNameRow {
  const before = store.serviceNames.get(serviceNameKey({ Name, Tag }))
  return { Name, Tag, Instances: (before?.Instances ?? 0) + 1 }
}

/** The service itself counts, and each of its tags once. */
function counted({ Tags }: Service): Set<string | undefined> {
  return new Set([undefined, ...(Tags ?? [])])
}
