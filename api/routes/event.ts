import { Type } from 'typebox'

import { indexOf, waitOf } from '../plugins/query.ts'
import type { App, Asked } from '../request.ts'
import { optional } from '../schemas.ts'

/** User events. None can be fired yet, so there are none to list; watchers of them are answered at once. */
export function eventRoutes(app: App): void {
  app.get<Asked>('/v1/event/list', { schema }, async (request, reply) => {
    waitOf(request.query)
    indexOf(request.query)
    reply.encoded('[]', ['X-Consul-Index', '1'])
  })
}

const schema = {
  summary: 'The events this node has heard of',
  querystring: Type.Object({ name: optional('Only events of this name.') }),
  response: { 200: Type.Array(Type.Unknown()) },
}
