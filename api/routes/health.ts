import { Type } from 'typebox'

import type { HealthCheck, ServiceNode } from '../../server/model/check.ts'
import {
  HealthCheck as HealthCheckSchema,
  ServiceNode as ServiceNodeSchema,
} from '../../server/model/check.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { encodePlainJson } from '../../server/model/json.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import { parseBool } from '../plugins/boolean.ts'
import { CachedReads } from '../plugins/cached.ts'
import { readDiscovery } from '../plugins/discovery.ts'
import type { Parameters } from '../plugins/parameters.ts'
import { discoveryOptions, refuseNamespace } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { reading, restOfPath, optional } from '../schemas.ts'

/** Checks, and services seen through them. */
export function healthRoutes(app: App, ports: ApiPorts, settings: ApiSettings): void {
  const cached = new CachedReads(settings)
  const optionsOf = (request: Request): QueryOptions =>
    discoveryOptions(request, settings.discoveryMaxStaleMs)

  app.get<Asked>('/v1/health/node/*', { schema: nodeSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = optionsOf(request)
    const args = { Node: requireName(request, 'Missing node name') }
    const { value, headers } = await readDiscovery(ports, options, 'Health.NodeChecks', args)
    reply.rows(value, encodeChecks, headers)
  })

  app.get<Asked>('/v1/health/checks/*', { schema: checksSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = optionsOf(request)
    const args = { ServiceName: requireName(request, 'Missing service name') }
    const { value, headers } = await readDiscovery(ports, options, 'Health.ServiceChecks', args)
    reply.rows(value, encodeChecks, headers)
  })

  app.get<Asked>('/v1/health/state/*', { schema: stateSchema }, async (request, reply) => {
    refuseNamespace(request)
    const options = optionsOf(request)
    const args = { State: requireName(request, 'Missing check state') }
    const { value, headers } = await readDiscovery(ports, options, 'Health.ChecksInState', args)
    reply.rows(value, encodeChecks, headers)
  })

  for (const [path, kind] of [
    ['/v1/health/service/*', {}],
    ['/v1/health/connect/*', { Connect: true }],
    ['/v1/health/ingress/*', { Ingress: true }],
  ] as const)
    app.get<Asked>(path, { schema: serviceSchema }, async (request, reply) => {
      refuseNamespace(request)
      const options = optionsOf(request)
      const { query } = request
      const args = {
        ServiceName: requireName(request, 'Missing service name'),
        ...(query.has('tag') ? { ServiceTags: query.all('tag') } : {}),
        ...(isPassingOnly(query) ? { PassingOnly: true } : {}),
        ...kind,
      }
      const read = cached.readerFor(request)
      const { value, headers } = await read(ports, options, 'Health.ServiceNodes', args)
      reply.rows(value, encodeInstances, headers)
    })
}

/** `?passing` alone means yes; with a value it means what it says. */
function isPassingOnly(query: Parameters): boolean {
  if (!query.has('passing')) return false
  const passing = query.get('passing') === '' ? true : parseBool(query.get('passing'))
  if (passing === undefined) throw new PraetorError('bad-request', 'Invalid value for ?passing')
  return passing
}

const encodeChecks = (checks: readonly HealthCheck[]): string =>
  encodePlainJson(checks.map(withTags))

function encodeInstances(rows: readonly ServiceNode[]): string {
  return encodePlainJson(
    rows.map(({ Node, Service, Checks }) => ({
      Node,
      Service: Service.Tags ? Service : { ...Service, Tags: [] },
      Checks: Checks.map(withTags),
    })),
  )
}

const withTags = (check: HealthCheck): HealthCheck =>
  check.ServiceTags ? check : { ...check, ServiceTags: [] }

const near = optional('Nearest to this node first; _agent: to this one.')
const nodeMeta = optional('Only nodes with this metadata, as key:value; may be repeated.')
const filter = optional('Only rows for which this expression is true.')
const response = { 200: Type.Array(HealthCheckSchema) }

const nodeSchema = {
  summary: 'The checks of a node and of its services',
  params: restOfPath('The name of the node.'),
  querystring: reading({ filter }),
  response,
}
const checksSchema = {
  summary: 'The checks of a service',
  params: restOfPath('The name of the service.'),
  querystring: reading({ near, 'node-meta': nodeMeta, filter }),
  response,
}
const stateSchema = {
  summary: 'The checks in a state: any, passing, warning or critical',
  params: restOfPath('The state.'),
  querystring: reading({ near, 'node-meta': nodeMeta, filter }),
  response,
}
const serviceSchema = {
  summary: 'The instances of a service with their nodes and checks',
  params: restOfPath('The name of the service.'),
  querystring: reading({
    near,
    'node-meta': nodeMeta,
    filter,
    tag: optional('Only instances with this tag; may be repeated.'),
    passing: optional('Only instances all of whose checks pass.'),
  }),
  response: { 200: Type.Array(ServiceNodeSchema) },
}
