import type { HealthCheck } from '../../server/model/check.ts'
import type { Kind, Struct } from '../../server/model/decode.ts'
import { formatDuration } from '../../server/model/duration.ts'
import type { Node } from '../../server/model/node.ts'
import { connectOf, proxyOf } from '../../server/model/proxy.ts'
import type { Registration } from '../../server/model/registration.ts'
import type { Service } from '../../server/model/service.ts'
import { connectKind, proxyKind } from './proxy.ts'
import { checkId, indexes, stringMap, strings, struct } from './struct.ts'

/** Rows of the catalog as clients write them, in `/v1/catalog/register` and in transactions. */
const address = struct('structs.ServiceAddress', { Address: 'string', Port: 'int' })
const weights = struct('structs.Weights', { Passing: 'int', Warning: 'int' })

const nodeFields = {
  ID: { named: 'types.NodeID', as: 'string' },
  Node: 'string',
  Address: 'string',
  Datacenter: 'string',
  TaggedAddresses: stringMap,
} as const satisfies Readonly<Record<string, Kind>>

export const nodeStruct = struct('api.Node', { ...nodeFields, Meta: stringMap, ...indexes })

const serviceFields = {
  Kind: { named: 'structs.ServiceKind', as: 'string' },
  ID: 'string',
  Service: 'string',
  Tags: strings,
  Address: 'string',
  TaggedAddresses: { map: address },
  Meta: stringMap,
  Port: 'int',
  Weights: weights,
  EnableTagOverride: 'bool',
  Proxy: proxyKind(),
  Connect: connectKind(),
  ...indexes,
} as const satisfies Readonly<Record<string, Kind>>

const serviceStruct = struct('structs.NodeService', {
  ...serviceFields,
  LocallyRegisteredAsSidecar: 'bool',
})
/** In a transaction, whose types are those of Consul's own client. */
export const agentServiceStruct = struct('api.AgentService', {
  ...serviceFields,
  ContentHash: 'string',
})

const checkDefinition = struct(
  'structs.HealthCheckDefinition',
  {
    Interval: 'duration',
    Timeout: 'duration',
    DeregisterCriticalServiceAfter: 'duration',
    HTTP: 'string',
    TLSSkipVerify: 'bool',
    Header: { map: strings },
    Method: 'string',
    Body: 'string',
    TCP: 'string',
  },
  { open: true },
)

const checkFields = {
  Node: 'string',
  CheckID: checkId,
  Name: 'string',
  Status: 'string',
  Notes: 'string',
  Output: 'string',
  ServiceID: 'string',
  ServiceName: 'string',
  ServiceTags: strings,
  Type: 'string',
  Definition: checkDefinition,
  ...indexes,
} as const satisfies Readonly<Record<string, Kind>>

export const checkStruct = struct('structs.HealthCheck', checkFields)

export const registerStruct: Struct = struct('structs.RegisterRequest', {
  Datacenter: 'string',
  ID: nodeFields.ID,
  Node: 'string',
  Address: 'string',
  TaggedAddresses: stringMap,
  NodeMeta: stringMap,
  Service: serviceStruct,
  Check: checkStruct,
  Checks: { named: 'structs.HealthChecks', as: { list: checkStruct } },
  SkipNodeUpdate: 'bool',
  Token: 'string',
})

export const deregisterStruct = struct('structs.DeregisterRequest', {
  Datacenter: 'string',
  Node: 'string',
  ServiceID: 'string',
  CheckID: checkId,
  Token: 'string',
})

/** What a decoded struct is: the fields that were given. */
export type Given<Row> = { readonly [Name in keyof Row]?: Row[Name] | undefined }

export interface GivenRegistration extends Given<
  Omit<Registration, 'Service' | 'Check' | 'Checks'>
> {
  readonly Service?: Given<Service>
  readonly Check?: Given<HealthCheck>
  readonly Checks?: readonly Given<HealthCheck>[]
}

/** Rows with Go's zero values for what was left out. */
export function toRegistration(given: GivenRegistration): Registration {
  return {
    ...(given.Datacenter === undefined ? {} : { Datacenter: given.Datacenter }),
    ID: given.ID ?? '',
    Node: given.Node ?? '',
    Address: given.Address ?? '',
    TaggedAddresses: sorted(given.TaggedAddresses),
    NodeMeta: sorted(given.NodeMeta),
    SkipNodeUpdate: given.SkipNodeUpdate ?? false,
    ...(given.Service ? { Service: toService(given.Service) } : {}),
    ...(given.Check ? { Check: toCheck(given.Check) } : {}),
    ...(given.Checks ? { Checks: given.Checks.map(toCheck) } : {}),
  }
}

export function toNode(given: Given<Node>): Node {
  return {
    ID: given.ID ?? '',
    Node: given.Node ?? '',
    Address: given.Address ?? '',
    Datacenter: given.Datacenter ?? '',
    TaggedAddresses: sorted(given.TaggedAddresses),
    Meta: sorted(given.Meta),
    ...indexesOf(given),
  }
}

export function toService(given: Given<Service>): Service {
  return {
    ...(given.Kind === undefined || given.Kind === '' ? {} : { Kind: given.Kind }),
    ID: given.ID ?? '',
    Service: given.Service ?? '',
    Tags: given.Tags ?? null,
    Address: given.Address ?? '',
    ...(given.TaggedAddresses ? { TaggedAddresses: toAddresses(given.TaggedAddresses) } : {}),
    Meta: sorted(given.Meta),
    Port: given.Port ?? 0,
    Weights: given.Weights
      ? { Passing: given.Weights.Passing ?? 0, Warning: given.Weights.Warning ?? 0 }
      : { Passing: 1, Warning: 1 },
    EnableTagOverride: given.EnableTagOverride ?? false,
    Proxy: proxyOf(given.Proxy),
    Connect: connectOf(given.Connect),
    ...indexesOf(given),
  }
}

function toAddresses(
  given: NonNullable<Service['TaggedAddresses']>,
): NonNullable<Service['TaggedAddresses']> {
  return Object.fromEntries(
    Object.entries(sorted(given) ?? {}).map(([name, { Address, Port }]) => [
      name,
      { Address: Address ?? '', Port: Port ?? 0 },
    ]),
  )
}

export function toCheck(given: Given<HealthCheck>): HealthCheck {
  const definition = printDefinition(given.Definition ?? {})
  return {
    Node: given.Node ?? '',
    CheckID: given.CheckID ?? '',
    Name: given.Name ?? '',
    Status: given.Status ?? '',
    Notes: given.Notes ?? '',
    Output: given.Output ?? '',
    ServiceID: given.ServiceID ?? '',
    ServiceName: given.ServiceName ?? '',
    ServiceTags: given.ServiceTags ?? null,
    Type: given.Type ?? '',
    Definition: definition,
    ...indexesOf(given),
  }
}

/** In Consul's order, without what says nothing, durations as texts. */
function printDefinition(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const printed: Record<string, unknown> = {}
  for (const { field, kind } of checkDefinition.fields()) {
    const value = given[field]
    if (value === undefined || value === '' || value === 0 || value === false) continue
    printed[field] = kind === 'duration' ? formatDuration(Number(value)) : value
  }
  return printed
}

function indexesOf(given: { readonly CreateIndex?: unknown; readonly ModifyIndex?: unknown }) {
  return {
    CreateIndex: Number(given.CreateIndex ?? 0),
    ModifyIndex: Number(given.ModifyIndex ?? 0),
  }
}

/** Go prints maps by their keys, so they are kept so. */
function sorted<Value>(
  map: Readonly<Record<string, Value>> | null | undefined,
): Record<string, Value> | null {
  if (!map) return null
  return Object.fromEntries(
    Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  )
}
