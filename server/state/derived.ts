import { rebuildInstances } from './instances.ts'
import { rebuildServiceNames } from './service-names.ts'
import type { Store } from './store.ts'

/** Makes anew what follows from the tables, when those were filled other than by transactions: after a restore. */
export function rebuildDerived(store: Store): void {
  rebuildInstances(store)
  rebuildServiceNames(store)
}
