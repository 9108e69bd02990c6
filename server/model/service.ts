import { Type } from 'typebox'

import type { Immutable } from './immutable.ts'

export const ServiceAddress = Type.Object({ Address: Type.String(), Port: Type.Integer() })
export type ServiceAddress = Immutable<Type.Static<typeof ServiceAddress>>

export const Weights = Type.Object({ Passing: Type.Integer(), Warning: Type.Integer() })
export type Weights = Immutable<Type.Static<typeof Weights>>

/**
 * A service instance as the catalog keeps it: the row under its node, in the order and spelling of Consul's `NodeService`.
 * `Proxy` and `Connect` are kept as given until the mesh gives them meaning; both are never absent.
 */
export const Service = Type.Object({
  Kind: Type.Optional(Type.String()),
  ID: Type.String(),
  Service: Type.String(),
  Tags: Type.Union([Type.Array(Type.String()), Type.Null()]),
  Address: Type.String(),
  TaggedAddresses: Type.Optional(Type.Record(Type.String(), ServiceAddress)),
  Meta: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  Port: Type.Integer(),
  Weights,
  EnableTagOverride: Type.Boolean(),
  Proxy: Type.Record(Type.String(), Type.Unknown()),
  Connect: Type.Record(Type.String(), Type.Unknown()),
  CreateIndex: Type.Integer(),
  ModifyIndex: Type.Integer(),
})
export type Service = Immutable<Type.Static<typeof Service>>

/** What `/v1/catalog/service/:name` answers: the instance and its node in one flat row. */
export const CatalogService = Type.Object({
  ID: Type.String(),
  Node: Type.String(),
  Address: Type.String(),
  Datacenter: Type.String(),
  TaggedAddresses: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  NodeMeta: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  ServiceKind: Type.String(),
  ServiceID: Type.String(),
  ServiceName: Type.String(),
  ServiceTags: Type.Union([Type.Array(Type.String()), Type.Null()]),
  ServiceAddress: Type.String(),
  ServiceTaggedAddresses: Type.Optional(Type.Record(Type.String(), ServiceAddress)),
  ServiceWeights: Weights,
  ServiceMeta: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  ServicePort: Type.Integer(),
  ServiceEnableTagOverride: Type.Boolean(),
  ServiceProxy: Type.Record(Type.String(), Type.Unknown()),
  ServiceConnect: Type.Record(Type.String(), Type.Unknown()),
  CreateIndex: Type.Integer(),
  ModifyIndex: Type.Integer(),
})
export type CatalogService = Immutable<Type.Static<typeof CatalogService>>
