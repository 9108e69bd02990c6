import type { Family } from './step.ts'
import { catalog } from './steps/catalog.ts'
import { health } from './steps/health.ts'
import { kv } from './steps/kv.ts'
import { session } from './steps/session.ts'
import { transactions } from './steps/txn.ts'

export const families: readonly Family[] = [kv, session, transactions, catalog, health]
