import { Type } from 'typebox'

import { serviceFields } from '../../server/filter/fields.ts'
import { createFilter } from '../../server/filter/filter.ts'
import { decodeServiceDefinition, serviceStruct } from '../../server/model/definition-fields.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { encodeJson } from '../../server/model/json.ts'
import { pick } from '../fields/pick.ts'
import { readBody } from '../plugins/body.ts'
import { enableOf } from '../plugins/boolean.ts'
import { contentHash } from '../plugins/content-hash.ts'
import { parseBody, refuseFaults } from '../plugins/decode.ts'
import { refuseNamespace, waitOf } from '../plugins/query.ts'
import { requireName } from '../plugins/required.ts'
import { tokenOf } from '../plugins/token.ts'
import type { AgentService, ApiSettings, LocalAgent } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { nothing, restOfPath, optional, writing } from '../schemas.ts'

const decodeFailed = 'Request decode failed: '

/** The services this node is in charge of. */
export function agentServiceRoutes(
  app: App,
  { agent }: { readonly agent: LocalAgent },
  settings: ApiSettings,
): void {
  app.get<Asked>('/v1/agent/services', { schema: listSchema }, async (request, reply) => {
    refuseNamespace(request)
    const passes = createFilter<AgentService>(request.query.get('filter'), serviceFields)
    reply.json(pick(agent.services(), passes))
  })

  app.get<Asked>('/v1/agent/service/*', { schema: readSchema }, async (request, reply) => {
    refuseNamespace(request)
    const id = request.params['*']
    const wait = waitOf(request.query)
    let found = describe(agent, id)
    if (request.query.get('hash') === found?.hash) {
      await agent.serviceChanged(id, bounded(wait, settings), request.signal)
      found = describe(agent, id)
    }
    if (!found) throw new PraetorError('not-found', `unknown service ID: ${id}`)
    reply.json(found.body, ['X-Consul-Contenthash', found.hash])
  })

  app.put<Asked>(
    '/v1/agent/service/register',
    { schema: registerSchema },
    async (request, reply) => {
      refuseNamespace(request)
      const body = parseBody(await readBody(request.raw), decodeFailed)
      const definition = decodeServiceDefinition(body, 'api')
      if (!definition.ok) return refuseFaults(serviceStruct, definition.faults, decodeFailed)
      await agent.registerService(definition.value, {
        token: tokenOf(request),
        replaceExistingChecks: isSet(request, 'replace-existing-checks'),
      })
      reply.empty(200)
    },
  )

  app.put<Asked>('/v1/agent/service/deregister/*', { schema: idSchema }, async (request, reply) => {
    refuseNamespace(request)
    await agent.deregisterService(request.params['*'], tokenOf(request))
    reply.empty(200)
  })

  app.put<Asked>(
    '/v1/agent/service/maintenance/*',
    { schema: maintenanceSchema },
    async (request, reply) => {
      const { query } = request
      const id = requireName(request, 'Missing service ID')
      const enable = enableOf(request)
      refuseNamespace(request)
      await agent.serviceMaintenance(id, enable, query.get('reason'), tokenOf(request))
      reply.empty(200)
    },
  )
}

function describe(
  agent: LocalAgent,
  id: string,
): { readonly body: AgentService & { ContentHash: string }; readonly hash: string } | undefined {
  const service = agent.service(id)
  if (!service) return undefined
  const hash = contentHash(encodeJson(service))
  // Consul prints the hash before what only some services have.
  const { Proxy, Connect, ...common } = service
  const mesh = { ...(Proxy ? { Proxy } : {}), ...(Connect ? { Connect } : {}) }
  return { body: { ...common, ContentHash: hash, ...mesh }, hash }
}

/** How long to wait: what was asked, the default where nothing was, and never above the maximum. */
function bounded(waitMs: number, settings: ApiSettings): number {
  return Math.min(waitMs > 0 ? waitMs : settings.defaultQueryTimeMs, settings.maxQueryTimeMs)
}

function isSet({ query }: Request, name: string): boolean {
  return query.has(name) && !['false', '0'].includes(query.get(name))
}

const service = Type.Record(Type.String(), Type.Unknown())
const response = { 200: nothing }

const listSchema = {
  summary: 'The services of this node, by their ids',
  querystring: Type.Object({
    filter: optional('Only services for which this expression is true.'),
  }),
  response: { 200: Type.Record(Type.String(), service) },
}
const readSchema = {
  summary: 'A service of this node; with hash, once it differs',
  params: restOfPath('The id of the service.'),
  querystring: Type.Object({
    hash: optional('The ContentHash of the last answer: wait until it is another.'),
    wait: optional('How long to wait for that, such as 30s.'),
  }),
  response: { 200: service },
}
const registerSchema = {
  summary: 'Register a service on this node, with its checks',
  querystring: writing({
    'replace-existing-checks': optional('Remove the checks of the service that are not named.'),
  }),
  requestBody: { json: serviceStruct },
  response,
}
const idSchema = {
  summary: 'Deregister a service of this node',
  params: restOfPath('The id of the service.'),
  querystring: writing({}),
  response,
}
const maintenanceSchema = {
  summary: 'Put a service into maintenance, or back',
  params: restOfPath('The id of the service.'),
  querystring: writing({
    enable: optional('true or false.'),
    reason: optional('Told to who looks.'),
  }),
  response,
}
