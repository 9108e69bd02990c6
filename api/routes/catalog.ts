import { Type } from 'typebox'

import { encodePlainJson } from '../../server/model/json.ts'
import type { Node } from '../../server/model/node.ts'
import { Node as NodeSchema } from '../../server/model/node.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import type { Deregistration } from '../../server/model/registration.ts'
import type { CatalogService, Service } from '../../server/model/service.ts'
import { CatalogService as CatalogServiceSchema } from '../../server/model/service.ts'
import { deregisterStruct, registerStruct, toRegistration } from '../fields/catalog.ts'
import { readBody } from '../plugins/body.ts'
import { CachedReads } from '../plugins/cached.ts'
import { decodeBody } from '../plugins/decode.ts'
import { readDiscovery } from '../plugins/discovery.ts'
import { discoveryOptions, refuseNamespace, writeOptions } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { reading, restOfPath, optional, writing } from '../schemas.ts'

const decodeFailed = 'Request decode failed: '

/** Nodes and what runs on them. */
export function catalogRoutes(app: App, ports: ApiPorts, settings: ApiSettings): void {
  const { rpc, status } = ports
  const cached = new CachedReads(settings)
  const optionsOf = (request: Request): QueryOptions =>
    discoveryOptions(request, settings.discoveryMaxStaleMs)

  app.put<Asked>('/v1/catalog/register', { schema: registerSchema }, async (request, reply) => {
    refuseNamespace(request)
    const given = decodeBody(registerStruct, await readBody(request.raw), decodeFailed)
    const registration = toRegistration(given ?? {})
    await rpc.write('Catalog.Register', registration, writeIn(registration, request))
    reply.encoded('true')
  })

  app.put<Asked>('/v1/catalog/deregister', { schema: deregisterSchema }, async (request, reply) => {
    refuseNamespace(request)
    const given = decodeBody(deregisterStruct, await readBody(request.raw), decodeFailed)
    const deregistration = { Node: '', ...(given as Partial<Deregistration> | undefined) }
    await rpc.write('Catalog.Deregister', deregistration, writeIn(deregistration, request))
    reply.encoded('true')
  })

  app.get<Asked>(
    '/v1/catalog/datacenters',
    { schema: datacentersSchema },
    async (_request, reply) => reply.json(await status.datacenters()),
  )

  app.get<Asked>('/v1/catalog/nodes', { schema: nodesSchema }, async (request, reply) => {
    const { value, headers } = await readDiscovery(
      ports,
      optionsOf(request),
      'Catalog.ListNodes',
      {},
    )
    reply.rows(value, encodePlainJson, headers)
  })

  app.get<Asked>('/v1/catalog/services', { schema: servicesSchema }, async (request, reply) => {
    refuseNamespace(request)
    const read = cached.readerFor(request)
    const { value, headers } = await read(ports, optionsOf(request), 'Catalog.ListServices', {})
    reply.rows(value, encodePlainJson, headers)
  })

  for (const [path, Connect] of [
    ['/v1/catalog/service/*', false],
    ['/v1/catalog/connect/*', true],
  ] as const)
    app.get<Asked>(path, { schema: serviceSchema }, async (request, reply) => {
      refuseNamespace(request)
      const options = optionsOf(request)
      const args = {
        ServiceName: requireName(request, 'Missing service name'),
        ...(request.query.has('tag') ? { ServiceTags: request.query.all('tag') } : {}),
        ...(Connect ? { Connect } : {}),
      }
      const read = cached.readerFor(request)
      const { value, headers } = await read(ports, options, 'Catalog.ServiceNodes', args)
      reply.rows(value, encodeInstances, headers)
    })

  app.get<Asked>('/v1/catalog/node/*', { schema: nodeSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = optionsOf(request)
    const args = { Node: requireName(request, 'Missing node name') }
    const { value, headers } = await readDiscovery(ports, options, 'Catalog.NodeServices', args)
    if (value) reply.rows(value, encodeNode, headers)
    else reply.encoded('null', headers)
  })

  app.get<Asked>('/v1/catalog/node-services/*', { schema: nodeSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = optionsOf(request)
    const args = { Node: requireName(request, 'Missing node name') }
    const { value, headers } = await readDiscovery(ports, options, 'Catalog.NodeServices', args)
    if (value) reply.json({ Node: value.Node, Services: value.Services.map(withTags) }, headers)
    else reply.encoded('{"Node":null,"Services":null}', headers)
  })

  // No gateway is ever linked to a service yet; reading something cheap gives the headers their truth.
  app.get<Asked>(
    '/v1/catalog/gateway-services/*',
    { schema: gatewaySchema },
    async (request, reply) => {
      refuseNamespace(request)
      const options = optionsOf(request)
      const args = { Node: requireName(request, 'Missing gateway name') }
      const { headers } = await readDiscovery(ports, options, 'Catalog.NodeServices', args)
      reply.encoded('null', headers)
    },
  )
}

/** The body names the data centre here, not the query. */
function writeIn(
  body: { readonly Datacenter?: string },
  request: Request,
): { readonly token: string; readonly datacenter: string } {
  return { token: writeOptions(request).token, datacenter: body.Datacenter ?? '' }
}

function encodeInstances(rows: readonly CatalogService[]): string {
  return encodePlainJson(
    rows.map((row) =>
      row.ServiceTags && row.ServiceMeta
        ? row
        : { ...row, ServiceTags: row.ServiceTags ?? [], ServiceMeta: row.ServiceMeta ?? {} },
    ),
  )
}

function encodeNode({
  Node,
  Services,
}: {
  readonly Node: Node
  readonly Services: readonly Service[]
}) {
  const byId = Services.toSorted((a, b) => (a.ID < b.ID ? -1 : 1)).map(
    (service) => `${encodePlainJson(service.ID)}:${encodePlainJson(withTags(service))}`,
  )
  return `{"Node":${encodePlainJson(Node)},"Services":{${byId.join(',')}}}`
}

const withTags = (service: Service): Service => (service.Tags ? service : { ...service, Tags: [] })

const discovery = {
  near: optional('Nearest to this node first; _agent: to this one.'),
  'node-meta': optional('Only nodes with this metadata, as key:value; may be repeated.'),
  filter: optional('Only rows for which this expression is true.'),
}
const registerSchema = {
  summary: 'Register a node, a service on it, and checks',
  querystring: writing({}),
  requestBody: { json: registerStruct },
  response: { 200: Type.Boolean() },
}
const deregisterSchema = {
  summary: 'Deregister a node, a service or a check',
  querystring: writing({}),
  requestBody: { json: deregisterStruct },
  response: { 200: Type.Boolean() },
}
const datacentersSchema = {
  summary: 'The data centres that are known',
  response: { 200: Type.Array(Type.String()) },
}
const nodesSchema = {
  summary: 'All nodes',
  querystring: reading(discovery),
  response: { 200: Type.Array(NodeSchema) },
}
const servicesSchema = {
  summary: 'The names of all services, each with its tags',
  querystring: reading(discovery),
  response: { 200: Type.Record(Type.String(), Type.Array(Type.String())) },
}
const serviceSchema = {
  summary: 'The instances of a service',
  params: restOfPath('The name of the service.'),
  querystring: reading({
    ...discovery,
    tag: optional('Only instances with this tag; may be repeated.'),
  }),
  response: { 200: Type.Array(CatalogServiceSchema) },
}
const nodeSchema = {
  summary: 'A node and its services',
  params: restOfPath('The name of the node.'),
  querystring: reading({ filter: discovery.filter }),
  response: { 200: Type.Unknown() },
}
const gatewaySchema = {
  summary: 'The services behind a gateway',
  params: restOfPath('The name of the gateway.'),
  querystring: reading({}),
  response: { 200: Type.Null() },
}
