import { Type } from 'typebox'

import type { Immutable } from './immutable.ts'

/** A node's row, spelled as it goes over HTTP and RPC. `null` where Go prints a nil map. */
export const Node = Type.Object({
  ID: Type.String(),
  Node: Type.String(),
  Address: Type.String(),
  Datacenter: Type.String(),
  TaggedAddresses: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  Meta: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  CreateIndex: Type.Integer(),
  ModifyIndex: Type.Integer(),
})
export type Node = Immutable<Type.Static<typeof Node>>

/** A node with what runs on it, as `/v1/internal/ui/nodes` and the ANY answers of DNS want it. */
export interface NodeDump {
  readonly node: Node
  readonly services: readonly import('./service.ts').Service[]
  readonly checks: readonly import('./check.ts').HealthCheck[]
}
