import { Readable } from 'node:stream'

import { Type } from 'typebox'

import type { LocalAgent } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { optional } from '../schemas.ts'

/** The log of the node, line by line for as long as the client listens. */
export function agentMonitorRoutes(app: App, { agent }: { readonly agent: LocalAgent }): void {
  app.get<Asked>(
    '/v1/agent/monitor',
    { schema, config: { streamed: true } },
    async (request, reply) => {
      const { query, signal } = request
      const lines = agent.monitor({
        level: query.get('loglevel') || 'info',
        json: query.has('logjson'),
        signal,
      })
      await reply.stream([], Readable.from(lines))
    },
  )
}

const schema = {
  summary: 'The log of this node, as it is written',
  querystring: Type.Object({
    loglevel: optional('Lines at this level and above; info by default.'),
    logjson: optional('Each line as JSON.'),
  }),
  response: { 200: Type.String() },
}
