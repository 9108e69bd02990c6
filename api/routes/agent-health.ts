import { Type } from 'typebox'

import { aggregateStatus, emptyCheckPrint, type HealthCheck } from '../../server/model/check.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { encodeJson } from '../../server/model/json.ts'
import { refuseNamespace } from '../plugins/query.ts'
import type { AgentService, LocalAgent } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { restOfPath, optional } from '../schemas.ts'

/** Whether a service of this node should be sent traffic, as a status code: for load balancers that look at nothing else. */
export function agentHealthRoutes(app: App, { agent }: { readonly agent: LocalAgent }): void {
  app.get<Asked>('/v1/agent/health/service/id/*', { schema: idSchema }, async (request, reply) => {
    refuseNamespace(request)
    const id = request.params['*']
    if (id === '') throw new PraetorError('failed', 'Bad request: Missing serviceID')
    const service = agent.service(id)
    if (!service) {
      const reason = `ServiceId ${id} not found`
      const body = isText(request.query.get('format'))
        ? reason
        : { AggregatedStatus: 'critical', Service: null, Checks: null }
      return reply.json(body, ['X-Consul-Reason', reason], 404)
    }
    const health = healthOf(agent, service)
    const headers = ['X-Consul-Reason', health.AggregatedStatus]
    const status = statusCodes[health.AggregatedStatus] ?? 503
    if (isText(request.query.get('format')))
      return reply.typed('text/plain', health.AggregatedStatus, headers, status)
    return reply.encoded(encode(health), headers, status)
  })

  app.get<Asked>(
    '/v1/agent/health/service/name/*',
    { schema: nameSchema },
    async (request, reply) => {
      refuseNamespace(request)
      const name = request.params['*']
      if (name === '') throw new PraetorError('failed', 'Bad request: Missing service Name')
      const healths = Object.values(agent.services())
        .filter(({ Service }) => Service === name)
        .map((service) => healthOf(agent, service))
      const worst = worstOf(healths.map(({ AggregatedStatus }) => AggregatedStatus))
      const reason = worst ?? `ServiceName ${name} Not Found`
      const status = worst === undefined ? 404 : (statusCodes[worst] ?? 503)
      const headers = ['X-Consul-Reason', reason]
      if (isText(request.query.get('format')))
        return reply.typed('text/plain', reason, headers, status)
      return reply.encoded(`[${healths.map(encode).join(',')}]`, headers, status)
    },
  )
}

const statusCodes: Readonly<Record<string, number>> = {
  passing: 200,
  warning: 429,
  critical: 503,
  maintenance: 503,
}

interface ServiceHealth {
  readonly AggregatedStatus: string
  readonly Service: AgentService
  readonly Checks: readonly HealthCheck[]
}

/** A service with its own checks and those of the whole node. */
function healthOf(agent: LocalAgent, service: AgentService): ServiceHealth {
  const checks = Object.values(agent.checks())
    .filter(({ ServiceID }) => ServiceID === service.ID || ServiceID === '')
    .toSorted((a, b) => Number(a.ServiceID === '') - Number(b.ServiceID === ''))
  return { AggregatedStatus: aggregateStatus(checks), Service: service, Checks: checks }
}

const worstFirst = ['maintenance', 'critical', 'warning', 'passing']

function worstOf(statuses: readonly string[]): string | undefined {
  return worstFirst.find((status) => statuses.includes(status))
}

/** Consul prints checks here by another type than elsewhere: without `Type`, and with a definition of which nothing is given. */
function encode(health: ServiceHealth): string {
  return encodeJson({
    ...health,
    Checks: health.Checks.map((check) => ({ ...check, Type: '', Definition: emptyCheckPrint })),
  })
}

const isText = (format: string): boolean => format === 'text'

const querystring = Type.Object({ format: optional('text: the status alone.') })
const health = Type.Object({
  AggregatedStatus: Type.String(),
  Service: Type.Unknown(),
  Checks: Type.Unknown(),
})

const idSchema = {
  summary: 'The health of a service of this node, as a status code',
  params: restOfPath('The id of the service.'),
  querystring,
  response: { 200: health },
}
const nameSchema = {
  summary: 'The health of all instances of a service on this node, as a status code',
  params: restOfPath('The name of the service.'),
  querystring,
  response: { 200: Type.Array(health) },
}
