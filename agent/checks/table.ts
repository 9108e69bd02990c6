import { httpCheck } from './http.ts'
import type { PeriodicKind } from './kind.ts'
import { tcpCheck } from './tcp.ts'

/** Every kind of check that runs by itself: ONE row each. A TTL check runs in the client, and only its clock here (ttl.ts). */
export const periodicKinds: readonly PeriodicKind[] = [httpCheck, tcpCheck]
