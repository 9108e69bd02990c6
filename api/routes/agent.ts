import { Type } from 'typebox'

import { Member } from '../../server/model/member.ts'
import { enableOf } from '../plugins/boolean.ts'
import { tokenOf } from '../plugins/token.ts'
import type { LocalAgent } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { nothing, restOfPath, optional, writing } from '../schemas.ts'

/** This node: what it is, whom it knows, and its life. */
export function agentRoutes(app: App, { agent }: { readonly agent: LocalAgent }): void {
  app.get('/v1/agent/self', { schema: selfSchema }, async (_request, reply) =>
    reply.json(await agent.self()),
  )
  app.get('/v1/agent/host', { schema: hostSchema }, async (_request, reply) =>
    reply.json(await agent.host()),
  )
  app.get('/v1/agent/version', { schema: versionSchema }, async (_request, reply) =>
    reply.json(agent.version()),
  )

  app.get<Asked>('/v1/agent/members', { schema: membersSchema }, async (request, reply) => {
    const { query } = request
    const segment = query.get('segment')
    reply.json(agent.members({ wan: query.get('wan') !== '', segment }))
  })

  app.put<Asked>('/v1/agent/join/*', { schema: joinSchema }, async (request, reply) => {
    await agent.join(request.params['*'], { wan: request.query.get('wan') !== '' })
    reply.empty(200)
  })

  app.put<Asked>(
    '/v1/agent/force-leave/*',
    { schema: forceLeaveSchema },
    async (request, reply) => {
      await agent.forceLeave(request.params['*'], { prune: request.query.has('prune') })
      reply.empty(200)
    },
  )

  app.put('/v1/agent/leave', { schema: leaveSchema }, async (_request, reply) => {
    await agent.leave()
    reply.empty(200)
  })

  app.put('/v1/agent/reload', { schema: reloadSchema }, async (_request, reply) => {
    await agent.reload()
    reply.empty(200)
  })

  app.put<Asked>('/v1/agent/maintenance', { schema: maintenanceSchema }, async (request, reply) => {
    const enable = enableOf(request)
    await agent.nodeMaintenance(enable, request.query.get('reason'), tokenOf(request))
    reply.empty(200)
  })
}

const anything = Type.Record(Type.String(), Type.Unknown())
const response = { 200: nothing }

const selfSchema = {
  summary: 'What this node is and how it is set up',
  response: { 200: anything },
}
const hostSchema = { summary: 'The machine it runs on', response: { 200: anything } }
const versionSchema = {
  summary: 'The version of the program',
  response: { 200: Type.Record(Type.String(), Type.String()) },
}
const membersSchema = {
  summary: 'The members of the gossip pool, as this node sees them',
  querystring: Type.Object({
    wan: optional('The pool of all data centres.'),
    segment: optional(''),
  }),
  response: { 200: Type.Array(Member) },
}
const joinSchema = {
  summary: 'Join the pool of the node at an address',
  params: restOfPath('The address.'),
  querystring: writing({ wan: optional('Join the pool of all data centres.') }),
  response,
}
const forceLeaveSchema = {
  summary: 'Take a failed node for one that left',
  params: restOfPath('The name of the node.'),
  querystring: writing({ prune: optional('Forget it altogether.') }),
  response,
}
const leaveSchema = { summary: 'Leave the pool and stop', response }
const reloadSchema = { summary: 'Read the configuration again', response }
const maintenanceSchema = {
  summary: 'Put this node into maintenance, or back into service',
  querystring: writing({
    enable: optional('true or false.'),
    reason: optional('Told to who looks.'),
  }),
  response,
}
