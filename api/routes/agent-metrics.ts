import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import type { LocalAgent } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { optional } from '../schemas.ts'

/** What the node has counted and measured lately. */
export function agentMetricsRoutes(app: App, { agent }: { readonly agent: LocalAgent }): void {
  app.get<Asked>('/v1/agent/metrics', { schema }, async (request, reply) => {
    const wantsText =
      request.query.get('format') === 'prometheus' ||
      (request.headers.accept ?? '').includes('application/openmetrics-text')
    if (!wantsText) return reply.json(agent.metrics())
    const text = agent.prometheus()
    if (text === undefined)
      throw new PraetorError(
        'bad-media',
        'Prometheus is not enabled since its retention time is not positive',
      )
    return reply.typed('text/plain; version=0.0.4; charset=utf-8', text)
  })
}

const schema = {
  summary: 'What the node has counted and measured',
  querystring: Type.Object({ format: optional('prometheus: as its text format.') }),
  response: { 200: Type.Record(Type.String(), Type.Unknown()) },
}
