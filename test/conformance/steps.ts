import type { Family } from './step.ts'
import { agent } from './steps/agent.ts'
import { blocking } from './steps/blocking.ts'
import { catalog } from './steps/catalog.ts'
import { cluster } from './steps/cluster.ts'
import { dns } from './steps/dns.ts'
import { health } from './steps/health.ts'
import { http } from './steps/http.ts'
import { kv } from './steps/kv.ts'
import { session } from './steps/session.ts'
import { sidecars } from './steps/sidecar.ts'
import { transactions } from './steps/txn.ts'

export const families: readonly Family[] = [
  kv,
  session,
  transactions,
  catalog,
  health,
  agent,
  sidecars,
  http,
  blocking,
  dns,
  cluster,
]
