import type { EndpointTable } from './call.ts'
import { catalogEndpoints } from './catalog.ts'
import { coordinateEndpoints } from './coordinate.ts'
import { healthEndpoints } from './health.ts'
import { internalEndpoints } from './internal.ts'
import { kvEndpoints } from './kv.ts'
import { operatorEndpoints } from './operator.ts'
import { sessionEndpoints } from './session.ts'
import { txnEndpoints } from './txn.ts'

/** Every method of server/model/methods.ts: ONE row each, in the file of its family. The compiler finds what is missing. */
export const endpoints = {
  ...kvEndpoints,
  ...sessionEndpoints,
  ...txnEndpoints,
  ...catalogEndpoints,
  ...healthEndpoints,
  ...coordinateEndpoints,
  ...internalEndpoints,
  ...operatorEndpoints,
} satisfies EndpointTable
