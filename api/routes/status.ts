import { Type } from 'typebox'

import { readOptions, refuseOtherDatacenter } from '../plugins/query.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { optional } from '../schemas.ts'

/** Who leads and who votes, as this server knows it: answered without the leader's help, so it works when there is none. */
export function statusRoutes(app: App, { status, agent }: ApiPorts): void {
  const check = (request: Request): void => {
    readOptions(request)
    refuseOtherDatacenter(request.query.get('dc'), agent.datacenter)
  }

  app.get<Asked>('/v1/status/leader', { schema: leaderSchema }, async (request, reply) => {
    check(request)
    reply.json(await status.leader())
  })

  app.get<Asked>('/v1/status/peers', { schema: peersSchema }, async (request, reply) => {
    check(request)
    reply.json(await status.peers())
  })
}

const querystring = Type.Object({ dc: optional('The data centre.') })

const leaderSchema = {
  summary: 'The RPC address of the leader',
  querystring,
  response: { 200: Type.String() },
}
const peersSchema = {
  summary: 'The RPC addresses of the servers',
  querystring,
  response: { 200: Type.Array(Type.String()) },
}
