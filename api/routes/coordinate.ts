import { Type } from 'typebox'

import {
  DatacenterCoordinates as DatacenterCoordinatesSchema,
  NodeCoordinate as NodeCoordinateSchema,
} from '../../server/model/coordinate.ts'
import type { Coordinate, NodeCoordinate } from '../../server/model/coordinate.ts'
import { PraetorError } from '../../server/model/errors.ts'
import { struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeBody } from '../plugins/decode.ts'
import { readIndexed } from '../plugins/discovery.ts'
import { readOptions, writeOptions } from '../plugins/query.ts'
import type { ApiPorts, ApiSettings } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { nothing, optional, reading, restOfPath, writing } from '../schemas.ts'

/** Where nodes stand in the space of network distances, as gossip measures it. */
export function coordinateRoutes(
  app: App,
  ports: ApiPorts,
  { disableCoordinates }: ApiSettings,
): void {
  const { gossip, rpc } = ports
  const refuseWhereOff = (): void => {
    if (disableCoordinates) throw new PraetorError('unsupported', 'Coordinate support disabled')
  }

  app.get('/v1/coordinate/datacenters', { schema: datacentersSchema }, async (_request, reply) => {
    refuseWhereOff()
    reply.json(await gossip.datacenterCoordinates())
  })

  app.get<Asked>('/v1/coordinate/nodes', { schema: nodesSchema }, async (request, reply) => {
    refuseWhereOff()
    const options = readOptions(request)
    const { value, headers } = await readIndexed(ports, options, 'Coordinate.ListNodes', {})
    reply.json(inSegment(value, request), headers)
  })

  app.get<Asked>('/v1/coordinate/node/*', { schema: nodeSchema }, async (request, reply) => {
    refuseWhereOff()
    const args = { Node: request.params['*'] }
    const read = await readIndexed(ports, readOptions(request), 'Coordinate.Node', args)
    const asked = inSegment(read.value, request)
    if (asked.length === 0) throw new PraetorError('not-found', '')
    reply.json(asked, read.headers)
  })

  app.put<Asked>('/v1/coordinate/update', { schema: updateSchema }, async (request, reply) => {
    refuseWhereOff()
    const prefix = 'Request decode failed: '
    const given = decodeBody(updateStruct, await readBody(request.raw), prefix)
    const { Datacenter = '', Node = '', Segment = '', Coord }: GivenUpdate = given ?? {}
    const { token, datacenter } = writeOptions(request)
    await rpc.write(
      'Coordinate.Update',
      { Node, Segment, Coord: { ...nowhere, ...Coord } },
      { token, datacenter: datacenter || Datacenter },
    )
    reply.empty(200)
  })
}

/** An empty segment is one too, where it is asked for. */
function inSegment(rows: readonly NodeCoordinate[], { query }: Request): readonly NodeCoordinate[] {
  return query.has('segment')
    ? rows.filter(({ Segment }) => Segment === query.get('segment'))
    : rows
}

interface GivenUpdate {
  readonly Datacenter?: string
  readonly Node?: string
  readonly Segment?: string
  readonly Coord?: Partial<Coordinate>
}

/** What Go makes of a coordinate that says nothing: no place in any space. */
const nowhere: Coordinate = { Vec: [], Error: 0, Adjustment: 0, Height: 0 }

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
const response = { 200: Type.Array(NodeCoordinateSchema) }

const datacentersSchema = {
  summary: 'Where the servers stand, by data centre',
  response: { 200: Type.Array(DatacenterCoordinatesSchema) },
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
  summary: 'Tell where a node stands',
  querystring: writing({}),
  requestBody: { json: updateStruct },
  response: { 200: nothing },
}
