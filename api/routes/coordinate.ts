import { Type } from 'typebox'

import { NodeCoordinate, origin } from '../../server/model/coordinate.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeBody } from '../plugins/decode.ts'
import { readIndexed } from '../plugins/discovery.ts'
import { readOptions, refuseOtherDatacenter } from '../plugins/query.ts'
import type { ApiPorts } from '../ports.ts'
import type { App, Asked } from '../request.ts'
import { nothing, optional, reading, restOfPath, writing } from '../schemas.ts'

/**
 * Distances between nodes. Gossip measures them, and there is none yet: this node stands at the origin, as any that is alone, and
 * of others nothing is known. What blocks, blocks as the list of nodes does.
 */
export function coordinateRoutes(app: App, ports: ApiPorts): void {
  const { agent } = ports
  const here = { Node: agent.nodeName, Segment: '', Coord: origin }

  app.get('/v1/coordinate/datacenters', { schema: datacentersSchema }, async (_request, reply) =>
    reply.json([{ Datacenter: agent.datacenter, AreaID: 'wan', Coordinates: [here] }]),
  )

  app.get<Asked>('/v1/coordinate/nodes', { schema: nodesSchema }, async (request, reply) => {
    const { headers } = await readIndexed(ports, readOptions(request), 'Catalog.ListNodes', {})
    reply.json(request.query.get('segment') === '' ? [here] : [], headers)
  })

  app.get<Asked>('/v1/coordinate/node/*', { schema: nodeSchema }, async (request, reply) => {
    const { headers } = await readIndexed(ports, readOptions(request), 'Catalog.ListNodes', {})
    const isHere = request.params['*'] === agent.nodeName && request.query.get('segment') === ''
    if (!isHere) throw new PraetorError('not-found', '')
    reply.json([here], headers)
  })

  app.put<Asked>('/v1/coordinate/update', { schema: updateSchema }, async (request) => {
    const given = decodeBody(updateStruct, await readBody(request.raw), 'Request decode failed: ')
    const { Datacenter, Coord } = (given ?? {}) as GivenUpdate
    for (const asked of [request.query.get('dc'), Datacenter ?? ''])
      refuseOtherDatacenter(asked, agent.datacenter)
    if (Coord?.Vec?.length !== origin.Vec.length)
      throw new PraetorError('failed', 'incompatible coordinate')
    throw new PraetorError('failed', 'coordinates are not kept: this agent has no gossip yet')
  })
}

interface GivenUpdate {
  readonly Datacenter?: string
  readonly Coord?: { readonly Vec?: readonly number[] }
}

const updateStruct = struct('structs.CoordinateUpdateRequest', {
  Datacenter: 'string',
  Node: 'string',
  Segment: 'string',
  Coord: struct('coordinate.Coordinate', {
    Vec: { list: 'float' },
    Error: 'float',
    Adjustment: 'float',
    Height: 'float',
  }),
})

const segment = optional('Only nodes of this network segment.')
const response = { 200: Type.Array(NodeCoordinate) }

const datacentersSchema = {
  summary: 'Where the servers stand, by data centre',
  response: {
    200: Type.Array(
      Type.Object({
        Datacenter: Type.String(),
        AreaID: Type.String(),
        Coordinates: Type.Array(NodeCoordinate),
      }),
    ),
  },
}
const nodesSchema = {
  summary: 'Where the nodes stand',
  querystring: reading({ segment }),
  response,
}
const nodeSchema = {
  summary: 'Where a node stands',
  params: restOfPath('The name of the node.'),
  querystring: reading({ segment }),
  response,
}
const updateSchema = {
  summary: 'Tell where a node stands; refused until there is gossip',
  querystring: writing({}),
  requestBody: { json: updateStruct },
  response: { 200: nothing },
}
