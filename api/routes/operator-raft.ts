import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import { readOptions, refuseOtherDatacenter } from '../plugins/query.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { nothing, optional, writing } from '../schemas.ts'

/** Who takes part in consensus, and what an operator may have it do. */
export function operatorRaftRoutes(app: App, { agent, operator }: ApiPorts): void {
  app.get<Asked>(
    '/v1/operator/raft/configuration',
    { schema: configurationSchema },
    async (request, reply) => {
      const { consistency } = readOptions(request)
      refuseOtherDatacenter(request.query.get('dc'), agent.datacenter)
      const Servers = await operator.raftServers({ stale: consistency === 'stale' })
      reply.json({ Servers, Index: 0 })
    },
  )

  app.delete<Asked>('/v1/operator/raft/peer', { schema: peerSchema }, async (request, reply) => {
    const { query } = request
    const [byId, byAddress] = [query.has('id'), query.has('address')]
    if (!byId && !byAddress)
      throw badRequest(
        "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove",
      )
    if (byId && byAddress) throw badRequest('Must specify only one of ?id or ?address')
    refuseOtherDatacenter(query.get('dc'), agent.datacenter)
    await operator.removePeer(byId ? { id: query.get('id') } : { address: query.get('address') })
    reply.empty(200)
  })

  app.post<Asked>(
    '/v1/operator/raft/transfer-leader',
    { schema: transferSchema },
    async (request, reply) => {
      refuseOtherDatacenter(request.query.get('dc'), agent.datacenter)
      const id = request.query.get('id')
      const Success = await operator.transferLeader(id === '' ? undefined : id)
      reply.json({ Success })
    },
  )
}

function badRequest(text: string): PraetorError {
  return new PraetorError('bad-request', `Bad request: ${text}`)
}

const configurationSchema = {
  summary: 'Who takes part in consensus',
  querystring: Type.Object({
    dc: optional('The data centre.'),
    stale: optional("This server's word for it, and not the leader's."),
  }),
  response: {
    200: Type.Object({
      Servers: Type.Array(
        Type.Object({
          ID: Type.String(),
          Node: Type.String(),
          Address: Type.String(),
          Leader: Type.Boolean(),
          ProtocolVersion: Type.String(),
          Voter: Type.Boolean(),
        }),
      ),
      Index: Type.Integer(),
    }),
  },
}
const peerSchema = {
  summary: 'Count a server no longer that is gone and known to no member',
  querystring: writing({
    id: optional('The id of the server.'),
    address: optional('Its RPC address.'),
  }),
  response: { 200: nothing },
}
const transferSchema = {
  summary: 'Have another server lead',
  querystring: writing({
    id: optional('The id of the server that is to lead; by default the one with most of the log.'),
  }),
  response: { 200: Type.Object({ Success: Type.Boolean() }) },
}
