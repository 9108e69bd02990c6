import type { HealthCheck } from './check.ts'
import type { Service } from './service.ts'

/** A row as a client gives it: `CreateIndex` and `ModifyIndex` are the state's alone. */
export type Given<Row> = Omit<Row, 'CreateIndex' | 'ModifyIndex'>

/** `Catalog.Register`: a node, and on it perhaps one service and some checks, in one step. */
export interface Registration {
  readonly Datacenter?: string
  readonly ID: string
  readonly Node: string
  readonly Address: string
  readonly TaggedAddresses: Readonly<Record<string, string>> | null
  readonly NodeMeta: Readonly<Record<string, string>> | null
  /** Leave the node's own row as it is, if there is one. */
  readonly SkipNodeUpdate: boolean
  readonly Service?: Given<Service>
  readonly Check?: Given<HealthCheck>
  readonly Checks?: readonly Given<HealthCheck>[]
}

/** `Catalog.Deregister`: a service (with its checks), else a check, else the node with all it has. */
export interface Deregistration {
  readonly Datacenter?: string
  readonly Node: string
  readonly ServiceID?: string
  readonly CheckID?: string
}
