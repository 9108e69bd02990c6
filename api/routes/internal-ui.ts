import { Type } from 'typebox'

import type { HealthCheck, ServiceNode } from '../../server/model/check.ts'
import { encodePlainJson } from '../../server/model/json.ts'
import type { NodeDump } from '../../server/model/node-dump.ts'
import type { Service } from '../../server/model/service.ts'
import { readIndexed } from '../plugins/discovery.ts'
import { readOptions, refuseNamespace } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { reading, restOfPath, optional } from '../schemas.ts'

/** Digests of the catalog for the web UI. */
export function internalUiRoutes(app: App, ports: ApiPorts): void {
  app.get<Asked>('/v1/internal/ui/nodes', { schema: nodesSchema }, async (request, reply) => {
    refuseNamespace(request)
    const { value, headers } = await readIndexed(
      ports,
      readOptions(request),
      'Internal.NodeDump',
      {},
    )
    reply.rows(value, (nodes) => encodePlainJson(nodes.map(printNode)), headers)
  })

  app.get<Asked>('/v1/internal/ui/node/*', { schema: nodeSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = readOptions(request)
    const args = { Node: requireName(request, 'Missing node name') }
    const { value, headers } = await readIndexed(ports, options, 'Internal.NodeInfo', args)
    const [node] = value
    if (node) reply.encoded(encodePlainJson(printNode(node)), headers)
    else reply.empty(404)
  })

  app.get<Asked>('/v1/internal/ui/services', { schema: servicesSchema }, async (request, reply) => {
    refuseNamespace(request)
    const { value, headers } = await readIndexed(
      ports,
      readOptions(request),
      'Internal.ServiceDump',
      {},
    )
    reply.rows(value, (rows) => encodePlainJson(summarize(rows)), headers)
  })
}

function printNode({ node, services, checks }: NodeDump) {
  const { ID, Node, Address, TaggedAddresses, Meta } = node
  return {
    ID,
    Node,
    Address,
    TaggedAddresses,
    Meta,
    Services: services.map(bareService),
    Checks: checks.map(bare),
  }
}

/** What has no tags has none here, where elsewhere it has an empty list. */
function bareService(service: Service): Service {
  return service.Tags?.length === 0 ? { ...service, Tags: null } : service
}

function bare(check: HealthCheck): HealthCheck {
  return check.ServiceTags?.length === 0 ? { ...check, ServiceTags: null } : check
}

interface Summary {
  readonly tags: Set<string>
  readonly nodes: Set<string>
  readonly sources: Set<string>
  readonly proxied: Set<string>
  readonly statuses: Map<string, number>
  /** Checks of nodes are counted once, however many instances a node has. */
  readonly counted: Set<string>
  instances: number
  kind: string
}

function summarize(rows: readonly ServiceNode[]) {
  const byName = new Map<string, Summary>()
  for (const row of rows) {
    const summary = byName.get(row.Service.Service) ?? emptySummary()
    byName.set(row.Service.Service, summary)
    count(summary, row)
  }
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(printSummary)
}

function printSummary([Name, summary]: readonly [string, Summary]) {
  const { kind, tags, nodes, sources, proxied, statuses, instances } = summary
  return {
    ...(kind === '' ? {} : { Kind: kind }),
    Name,
    Tags: listOrNull(tags),
    Nodes: [...nodes].toSorted(),
    InstanceCount: instances,
    ...(proxied.size === 0 ? {} : { ProxyFor: [...proxied].toSorted() }),
    ChecksPassing: statuses.get('passing') ?? 0,
    ChecksWarning: statuses.get('warning') ?? 0,
    ChecksCritical: statuses.get('critical') ?? 0,
    ExternalSources: listOrNull(sources),
    GatewayConfig: {},
  }
}

function emptySummary(): Summary {
  return {
    tags: new Set(),
    nodes: new Set(),
    sources: new Set(),
    proxied: new Set(),
    statuses: new Map(),
    counted: new Set(),
    instances: 0,
    kind: '',
  }
}

function count(summary: Summary, { Node, Service, Checks }: ServiceNode): void {
  summary.instances += 1
  summary.kind = Service.Kind ?? ''
  summary.nodes.add(Node.Node)
  for (const tag of Service.Tags ?? []) summary.tags.add(tag)
  const source = Service.Meta?.['external-source']
  if (source !== undefined) summary.sources.add(source)
  const destination = Service.Proxy['DestinationServiceName']
  if (typeof destination === 'string' && destination !== '') summary.proxied.add(destination)
  for (const { CheckID, Status } of Checks) {
    const key = `${Node.Node}\0${CheckID}`
    if (summary.counted.has(key)) continue
    summary.counted.add(key)
    summary.statuses.set(Status, (summary.statuses.get(Status) ?? 0) + 1)
  }
}

const listOrNull = (set: ReadonlySet<string>): readonly string[] | null =>
  set.size === 0 ? null : [...set].toSorted()

const filter = optional('Only rows for which this expression is true.')
const nodesSchema = {
  summary: 'All nodes with their services and checks',
  querystring: reading({ filter }),
  response: { 200: Type.Array(Type.Unknown()) },
}
const nodeSchema = {
  summary: 'A node with its services and checks',
  params: restOfPath('The name of the node.'),
  querystring: reading({}),
  response: { 200: Type.Unknown() },
}
const servicesSchema = {
  summary: 'All services, counted',
  querystring: reading({ filter }),
  response: { 200: Type.Array(Type.Unknown()) },
}
