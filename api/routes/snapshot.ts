import { Readable } from 'node:stream'

import { Type } from 'typebox'

import { PraetorError } from '../../server/model/errors.ts'
import { indexHeaders } from '../plugins/headers.ts'
import { refuseOtherDatacenter } from '../plugins/query.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { nothing, optional, writing } from '../schemas.ts'

/** The whole state as one archive, out and in. */
export function snapshotRoutes(app: App, { snapshots, agent }: ApiPorts): void {
  app.get<Asked>(
    '/v1/snapshot',
    { schema: saveSchema, config: { streamed: true } },
    async (request, reply) => {
      refuseOtherDatacenter(request.query.get('dc'), agent.datacenter)
      const { archive, ...meta } = await snapshots.save({ stale: request.query.has('stale') })
      const index = indexHeaders({ ...meta, consistency: 'default' })
      const headers = ['Content-Type', 'application/x-gzip', ...index]
      await reply.stream(headers, Readable.from(archive))
    },
  )

  app.put<Asked>(
    '/v1/snapshot',
    { schema: restoreSchema, config: { streamed: true } },
    async (request, reply) => {
      refuseOtherDatacenter(request.query.get('dc'), agent.datacenter)
      if (request.query.has('stale'))
        throw new PraetorError('failed', 'stale not allowed for restore')
      await snapshots.restore(request.raw)
      reply.empty(200)
    },
  )
}

const saveSchema = {
  summary: 'Take a snapshot of the whole state',
  querystring: Type.Object({
    dc: optional('The data centre.'),
    stale: optional('From any server.'),
  }),
  response: { 200: Type.String({ format: 'binary' }) },
}
const restoreSchema = {
  summary: 'Replace the whole state by that of a snapshot',
  querystring: writing({}),
  requestBody: { bytes: 'The archive.' },
  response: { 200: nothing },
}
