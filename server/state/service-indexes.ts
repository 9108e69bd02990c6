import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'

/**
 * Each service that has instances has an index of its own, so that who waits for one service sleeps through what happens to the
 * others. A change of a node, or of a check of it, is a change of every service on that node, since answers about them show both.
 */
export function serviceIndex(service: string): string {
  return `service.${service.toLowerCase()}`
}

/** The last time that a service lost its last instance: where services without instances stand. */
export const extinctionIndex = 'service_last_extinction'

/** Notes that a service has an instance less; it was already taken out. */
export function bumpDiminished(store: Store, tx: Transaction, service: string): void {
  if (store.instances.has('service', service.toLowerCase())) {
    tx.bump(serviceIndex(service))
  } else {
    tx.forget(serviceIndex(service))
    tx.bump(extinctionIndex)
  }
}
