import { Type } from 'typebox'

import type { ClusterStatus } from '../ports.ts'
import type { App } from '../request.ts'

/** Who leads and who votes, as this server knows it: answered without the leader's help, so it works when there is none. */
export function statusRoutes(app: App, { status }: { readonly status: ClusterStatus }): void {
  app.get(
    '/v1/status/leader',
    { schema: { summary: 'The RPC address of the leader', response: { 200: Type.String() } } },
    async (_request, reply) => reply.json(status.leader()),
  )

  app.get(
    '/v1/status/peers',
    {
      schema: {
        summary: 'The RPC addresses of the servers',
        response: { 200: Type.Array(Type.String()) },
      },
    },
    async (_request, reply) => reply.json(status.peers()),
  )
}
