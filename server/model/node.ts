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
