import { Type } from 'typebox'

import { checkFields } from '../../server/filter/fields.ts'
import { createFilter } from '../../server/filter/filter.ts'
import { HealthCheck, checkStatuses, type CheckStatus } from '../../server/model/check.ts'
import { decodeCheckDefinition, nodeCheckStruct } from '../../server/model/definition-fields.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { pick } from '../fields/pick.ts'
import { struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeBody, parseBody, refuseFaults } from '../plugins/decode.ts'
import { refuseNamespace } from '../plugins/query.ts'
import { tokenOf } from '../plugins/token.ts'
import type { LocalAgent } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { nothing, restOfPath, optional, writing } from '../schemas.ts'

const decodeFailed = 'Request decode failed: '

/** The checks this node carries out, and those it is told the results of. */
export function agentCheckRoutes(app: App, { agent }: { readonly agent: LocalAgent }): void {
  app.get<Asked>('/v1/agent/checks', { schema: listSchema }, async (request, reply) => {
    refuseNamespace(request)
    const passes = createFilter<HealthCheck>(request.query.get('filter'), checkFields, {
      bareFieldErrors: true,
    })
    const shown = Object.entries(pick(agent.checks(), passes)).map(([id, check]) => [
      id,
      { ...check, ServiceTags: check.ServiceTags ?? [] },
    ])
    reply.json(Object.fromEntries(shown))
  })

  app.put<Asked>('/v1/agent/check/register', { schema: registerSchema }, async (request, reply) => {
    refuseNamespace(request)
    const body = parseBody(await readBody(request.raw), decodeFailed)
    const definition = decodeCheckDefinition(body, 'api')
    if (!definition.ok) return refuseFaults(nodeCheckStruct, definition.faults, decodeFailed)
    await agent.registerCheck(definition.value, { token: tokenOf(request) })
    reply.empty(200)
  })

  app.put<Asked>('/v1/agent/check/deregister/*', { schema: idSchema }, async (request, reply) => {
    refuseNamespace(request)
    await agent.deregisterCheck(request.params['*'], tokenOf(request))
    reply.empty(200)
  })

  for (const [verb, status] of [
    ['pass', 'passing'],
    ['warn', 'warning'],
    ['fail', 'critical'],
  ] as const)
    app.put<Asked>(
      `/v1/agent/check/${verb}/*`,
      { schema: resultSchema },
      async (request, reply) => {
        refuseNamespace(request)
        await agent.updateTtl(request.params['*'], status, request.query.get('note'))
        reply.empty(200)
      },
    )

  app.put<Asked>('/v1/agent/check/update/*', { schema: updateSchema }, async (request, reply) => {
    const given = decodeBody(updateStruct, await readBody(request.raw), decodeFailed)
    const { Status = '', Output = '' } = (given ?? {}) as { Status?: string; Output?: string }
    if (!isStatus(Status))
      throw new PraetorError('bad-request', `Invalid check status: '${Status}'`)
    refuseNamespace(request)
    await agent.updateTtl(request.params['*'], Status, Output)
    reply.empty(200)
  })
}

const updateStruct = struct('agent.checkUpdate', { Status: 'string', Output: 'string' })

const isStatus = (text: string): text is CheckStatus =>
  (checkStatuses as readonly string[]).includes(text)

const response = { 200: nothing }
const id = restOfPath('The id of the check.')

const listSchema = {
  summary: 'The checks of this node, by their ids',
  querystring: Type.Object({ filter: optional('Only checks for which this expression is true.') }),
  response: { 200: Type.Record(Type.String(), HealthCheck) },
}
const registerSchema = {
  summary: 'Register a check on this node',
  querystring: writing({}),
  requestBody: { json: nodeCheckStruct },
  response,
}
const idSchema = { summary: 'Deregister a check', params: id, querystring: writing({}), response }
const resultSchema = {
  summary: 'Tell the result of a TTL check',
  params: id,
  querystring: writing({ note: optional('Kept as the output.') }),
  response,
}
const updateSchema = {
  summary: 'Tell the result of a TTL check with its output',
  params: id,
  requestBody: { json: updateStruct },
  response,
}
