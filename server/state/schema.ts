import type { AutopilotConfigRow } from '../model/autopilot.ts'
import type { HealthCheck, ServiceNode } from '../model/check.ts'
import type { NodeCoordinate } from '../model/coordinate.ts'
import type { ErrorKind } from '../model/errors.ts'
import type { KvEntry } from '../model/kv.ts'
import { writesUnderWayMax } from '../model/methods.ts'
import type { WriteId } from '../model/methods.ts'
import type { Node } from '../model/node.ts'
import type { Service } from '../model/service.ts'
import type { Session } from '../model/session.ts'
import { byteString } from './byte-string.ts'
import { kvPacking } from './kv-packing.ts'
import { defineTable } from './table.ts'

/**
 * Every table's definition on one page: what a row is, what it is found by. Each is a field of Store (store.ts), and is then part
 * of snapshots and can be watched without further ado.
 */

/** Keys and values, in the order of the key's bytes: prefixes and lists go by bytes, as in Consul. */
export const kvTable = defineTable<KvEntry, 'session'>({
  name: 'kvs',
  key: ({ Key }) => byteString(Key),
  indexes: {
    // A client may spell its session's id in its own way; the key keeps the spelling, the session is the same.
    session: ({ Session }) => (Session === undefined ? [] : [Session.toLowerCase()]),
  },
  packing: kvPacking,
})

/** That something was deleted, so that the index of a list with less in it is not lower than before. */
export interface Tombstone {
  /** The key; for a whole tree the prefix that was deleted. */
  readonly Key: string
  readonly Index: number
}

export const tombstoneTable = defineTable<Tombstone, 'age'>({
  name: 'tombstones',
  key: ({ Key }) => byteString(Key),
  // Sixteen digits hold every safe integer, so that text order is the order of age.
  indexes: { age: ({ Index }) => [String(Index).padStart(16, '0')] },
})

/** Sessions under their ids; found by the node and by each check that they live by. */
export const sessionTable = defineTable<Session, 'node' | 'check'>({
  name: 'sessions',
  key: ({ ID }) => ID.toLowerCase(),
  indexes: {
    node: ({ Node }) => [nodeKey(Node)],
    check: (row) => checksOfSession(row).map((checkId) => checkOnNode(row.Node, checkId)),
  },
})

/** The ids of the checks that a session lives by; those of services are checks of its node like any other. */
export function checksOfSession({
  Checks,
  NodeChecks,
  ServiceChecks,
}: Pick<Session, 'Checks' | 'NodeChecks' | 'ServiceChecks'>): string[] {
  return [...(Checks ?? []), ...(NodeChecks ?? []), ...(ServiceChecks ?? []).map(({ ID }) => ID)]
}

/** What became of a write: what it gave, or with which PraetorError it was refused. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'refused'; readonly error: ErrorKind; readonly message: string }

/** The outcome of a write that another server sent on, under its origin and its place there (outcomes.ts). */
export interface OutcomeRow extends WriteId {
  readonly outcome: Outcome
}

export const outcomeTable = defineTable<OutcomeRow>({
  name: 'outcomes',
  key: outcomeKey,
  indexes: {},
})

/** Places are taken in turn, so an origin never has more rows than places, whatever epochs they are of. */
export function outcomeKey({ origin, sequence }: Pick<WriteId, 'origin' | 'sequence'>): string {
  return `${origin}\u0000${sequence % writesUnderWayMax}`
}

/** Settings that are one for all: a table of one row. */
export const autopilotTable = defineTable<AutopilotConfigRow>({
  name: 'autopilot-config',
  key: () => autopilotKey,
  indexes: {},
})

export const autopilotKey = 'config'

/** Nodes under their names; `N1` and `n1` are the same node. */
export const nodeTable = defineTable<Node, 'id'>({
  name: 'nodes',
  key: (node) => nodeKey(node.Node),
  indexes: { id: (node) => (node.ID === '' ? [] : [nodeIdKey(node.ID)]) },
})

export function nodeKey(name: string): string {
  return name.toLowerCase()
}

/** Ids are compared as bytes, so neither case nor hyphens count. */
export function nodeIdKey(id: string): string {
  return id.replaceAll('-', '').toLowerCase()
}

/** What the keys of everything on a node begin with. */
export function onNode(name: string): string {
  return `${nodeKey(name)}\u0000`
}

/** Where nodes stand, each once in every segment. They go with their node. */
export const coordinateTable = defineTable<NodeCoordinate>({
  name: 'coordinates',
  key: ({ Node, Segment }) => `${onNode(Node)}${Segment}`,
  indexes: {},
})

/** A service instance and the node it is on. */
export interface ServiceRow {
  readonly Node: string
  readonly Service: Service
}

/** Services under node and id, so that a node's are together. Who looks for a service by name finds its instances. */
export const serviceTable = defineTable<ServiceRow>({
  name: 'services',
  key: (row) => serviceOnNode(row.Node, row.Service.ID),
  indexes: {},
})

/**
 * Each service with its node and the checks of both, as clients ask for it. It is derived from the other tables (instances.ts).
 * Every index lists them by node and then by id. Names are found whatever their case.
 */
export const instanceTable = defineTable<ServiceNode, 'service' | 'connect'>({
  name: 'instances',
  key: (row) => serviceOnNode(row.Node.Node, row.Service.ID),
  indexes: {
    service: (row) => [row.Service.Service.toLowerCase()],
    connect: (row) => connectNames(row.Service),
  },
})

/** How many instances have this name, or, in the rows after that, this name and tag. Derived from the services (service-names.ts). */
export interface ServiceNameRow {
  readonly Name: string
  readonly Tag: string | undefined
  readonly Instances: number
}

export const serviceNameTable = defineTable<ServiceNameRow>({
  name: 'service-names',
  key: serviceNameKey,
  indexes: {},
})

export function serviceNameKey({ Name, Tag }: Pick<ServiceNameRow, 'Name' | 'Tag'>): string {
  return Tag === undefined ? `${Name}\u0000` : `${Name}\u0000\u0000${Tag}`
}

/** The service that one reaches over the mesh through this instance: a proxy's destination, or itself if it speaks Connect. */
function connectNames({ Kind, Service: name, Proxy, Connect }: Service): readonly string[] {
  if (Kind === 'connect-proxy') {
    const destination = Proxy['DestinationServiceName']
    return typeof destination === 'string' ? [destination.toLowerCase()] : []
  }
  return Connect['Native'] === true ? [name.toLowerCase()] : []
}

/** Checks under node and id. The owner is an instance, or, with an empty service id, the whole node. */
export const checkTable = defineTable<HealthCheck, 'owner' | 'service' | 'status'>({
  name: 'checks',
  key: (check) => checkOnNode(check.Node, check.CheckID),
  indexes: {
    owner: (check) => [serviceOnNode(check.Node, check.ServiceID)],
    service: (check) => (check.ServiceName === '' ? [] : [check.ServiceName.toLowerCase()]),
    status: (check) => [check.Status],
  },
})

/** No name holds a NUL, so that the services of `web` and of `web-1` don't mix. */
export function serviceOnNode(node: string, serviceId: string): string {
  return `${nodeKey(node)}\u0000${serviceId.toLowerCase()}`
}

export function checkOnNode(node: string, checkId: string): string {
  return `${nodeKey(node)}\u0000${checkId.toLowerCase()}`
}
