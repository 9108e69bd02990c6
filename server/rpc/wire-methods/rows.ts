import type { HealthCheck, ServiceNode } from '../../model/check.ts'
import type { Coordinate, NodeCoordinate } from '../../model/coordinate.ts'
import { formatDuration, nanosecondsPerMs, parseDuration } from '../../model/duration.ts'
import type { Fence, KvEntry, KvWrite } from '../../model/kv.ts'
import type { NodeDump } from '../../model/node-dump.ts'
import type { Node } from '../../model/node.ts'
import { saying } from '../../model/omit-empty.ts'
import { connectOf, proxyOf } from '../../model/proxy.ts'
import type { Given } from '../../model/registration.ts'
import type { CatalogService, Service, ServiceAddress, Weights } from '../../model/service.ts'
import type { Session } from '../../model/session.ts'
import {
  bytes,
  fieldsOf,
  flag,
  float,
  integer,
  list,
  map,
  nullableList,
  nullableMap,
  omitted,
  pointer,
  struct,
  text,
  unsigned64,
} from '../shape.ts'
import type { Fields, Shape } from '../shape.ts'

/** The rows of the catalog, of keys and of sessions: nearly as they are, but for what JSON leaves out and msgpack doesn't. */
const indexes = { CreateIndex: integer, ModifyIndex: integer } as const
const texts = nullableMap(text)

export const kvEntry: Shape<KvEntry> = struct<Omit<KvEntry, 'LockedAt'>>({
  LockIndex: integer,
  Key: text,
  Flags: unsigned64,
  Value: bytes,
  Session: omitted(text),
  ...indexes,
})

export const kvWrite: Shape<KvWrite> = struct<KvWrite>({
  Key: text,
  Flags: unsigned64,
  Value: bytes,
  Session: omitted(text),
  ModifyIndex: omitted(integer),
})

/** Ours, and nothing to a Consul. */
export const fences: Shape<readonly Fence[] | undefined> = omitted(
  list(struct<Fence>({ Key: text, Index: integer })),
)

export const session: Shape<Session> = struct<Session>({
  ID: text,
  Name: text,
  Node: text,
  LockDelay: integer,
  Behavior: text,
  TTL: text,
  NodeChecks: nullableList(text),
  ServiceChecks: nullableList(
    struct<{ ID: string; Namespace: string }>({ ID: text, Namespace: text }),
  ),
  Checks: omitted(list(text)),
  ...indexes,
})

export const node: Shape<Node> = struct<Node>({
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: texts,
  Meta: texts,
  ...indexes,
})

const address: Shape<ServiceAddress> = struct<ServiceAddress>({ Address: text, Port: integer })
const someWeights: Shape<Weights> = struct<Weights>({ Passing: integer, Warning: integer })
/** A registration may leave them out; then every instance weighs the same. */
const weights: Shape<Weights> = {
  toWire: someWeights.toWire,
  fromWire: (wire) =>
    wire === undefined || wire === null ? { Passing: 1, Warning: 1 } : someWeights.fromWire(wire),
}

/** Go sends a proxy with all its zero values, JSON shows the few that are not, and a row is what JSON shows. */
const proxy: Shape<Fields> = {
  toWire: (value) => value,
  fromWire: (wire) => proxyOf(fieldsOf(wire)),
}
const connect: Shape<Fields> = {
  toWire: (value) => value,
  fromWire: (wire) => connectOf(fieldsOf(wire)),
}

const serviceFields = {
  Kind: omitted(text),
  ID: text,
  Service: text,
  Tags: nullableList(text),
  Address: text,
  TaggedAddresses: omitted(map(address)),
  Meta: texts,
  Port: integer,
  Weights: weights,
  EnableTagOverride: flag,
  Proxy: proxy,
  Connect: connect,
} as const
export const service: Shape<Service> = struct<Service>({ ...serviceFields, ...indexes })
export const givenService: Shape<Given<Service>> = struct<Given<Service>>(serviceFields)

export const catalogService: Shape<CatalogService> = struct<CatalogService>({
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: texts,
  NodeMeta: texts,
  ServiceKind: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: nullableList(text),
  ServiceAddress: text,
  ServiceTaggedAddresses: omitted(map(address)),
  ServiceWeights: weights,
  ServiceMeta: texts,
  ServicePort: integer,
  ServiceEnableTagOverride: flag,
  ServiceProxy: proxy,
  ServiceConnect: connect,
  ...indexes,
})

const durations = ['Interval', 'Timeout', 'DeregisterCriticalServiceAfter'] as const
const plain = ['HTTP', 'TLSSkipVerify', 'Header', 'Method', 'Body', 'TCP'] as const

/** What a check does: durations are texts in a row, whole nanoseconds here. */
const checkDefinition: Shape<Fields> = {
  toWire(value) {
    const wire: Record<string, unknown> = { ...value }
    for (const name of durations) {
      const parsed = parseDuration(typeof value[name] === 'string' ? value[name] : '0')
      wire[name] = parsed.ok ? Math.round(parsed.ms * nanosecondsPerMs) : 0
    }
    return wire
  },
  fromWire(wire) {
    const given = fieldsOf(wire)
    const row: Record<string, unknown> = {}
    for (const name of durations) {
      const nanoseconds = integer.fromWire(given[name])
      if (nanoseconds !== 0) row[name] = formatDuration(nanoseconds / nanosecondsPerMs)
    }
    return { ...row, ...saying(given, plain) }
  },
}

const checkFields = {
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: nullableList(text),
  Type: text,
  Definition: checkDefinition,
} as const
export const healthCheck: Shape<HealthCheck> = struct<HealthCheck>({ ...checkFields, ...indexes })
export const givenCheck: Shape<Given<HealthCheck>> = struct<Given<HealthCheck>>(checkFields)

export const serviceNode: Shape<ServiceNode> = struct<ServiceNode>({
  Node: node,
  Service: service,
  Checks: list(healthCheck),
})

/** A dump on the wire has the node's own fields, and neither its data centre nor its indexes: those are ours. */
export const nodeDump: Shape<NodeDump> = {
  toWire: (dump) => ({
    ...fieldsOf(node.toWire(dump.node)),
    Services: list(service).toWire(dump.services),
    Checks: list(healthCheck).toWire(dump.checks),
  }),
  fromWire(wire) {
    const { Services, Checks } = fieldsOf(wire)
    return {
      node: node.fromWire(wire),
      services: list(service).fromWire(Services),
      checks: list(healthCheck).fromWire(Checks),
    }
  },
}

const coordinate: Shape<Coordinate> = struct<Coordinate>({
  Vec: list(float),
  Error: float,
  Adjustment: float,
  Height: float,
})

/** Where a node stands. Go sends none at all as nil, which is no place. */
export const nodeCoordinate: Shape<NodeCoordinate> = struct<NodeCoordinate>({
  Node: text,
  Segment: text,
  Coord: coordinate,
})

/** A node with its services by their ids; nil for a node that isn't there. */
export const nodeServices: Shape<
  { readonly Node: Node; readonly Services: readonly Service[] } | undefined
> = pointer({
  toWire: ({ Node, Services }) => ({
    Node: node.toWire(Node),
    Services: Object.fromEntries(Services.map((one) => [one.ID, service.toWire(one)])),
  }),
  fromWire(wire) {
    const given = fieldsOf(wire)
    // A map has no order, and JavaScript puts ids that look like numbers first: the catalog's own order is by id, without case.
    const services = Object.values(map(service).fromWire(given['Services']))
    return {
      Node: node.fromWire(given['Node']),
      Services: services.toSorted((a, b) => (a.ID.toLowerCase() < b.ID.toLowerCase() ? -1 : 1)),
    }
  },
})
