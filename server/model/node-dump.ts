import type { HealthCheck } from './check.ts'
import type { Node } from './node.ts'
import type { Service } from './service.ts'

/** A node with what runs on it, as `/v1/internal/ui/nodes` and the ANY answers of DNS want it. */
export interface NodeDump {
  readonly node: Node
  readonly services: readonly Service[]
  readonly checks: readonly HealthCheck[]
}
