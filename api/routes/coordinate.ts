import { Type } from 'typebox'

import {
  DatacenterCoordinates as DatacenterCoordinatesSchema,
  NodeCoordinate as NodeCoordinateSchema,
  origin,
} from '../../server/model/coordinate.ts'
import type {
  Coordinate,
  DatacenterCoordinates,
  NodeCoordinate,
} from '../../server/model/coordinate.ts'
import { PraetorError } from '../../server/model/errors.ts'
import type { QueryOptions } from '../../server/model/query.ts'
import { struct } from '../fields/struct.ts'
import { readBody } from '../plugins/body.ts'
import { decodeBody } from '../plugins/decode.ts'
import { readIndexed } from '../plugins/discovery.ts'
import type { Read } from '../plugins/discovery.ts'
import { readOptions, refuseOtherDatacenter, writeOptions } from '../plugins/query.ts'
import type { ApiPorts, GossipPort } from '../ports.ts'
import type { App, Asked, Request } from '../request.ts'
import { nothing, optional, reading, restOfPath, writing } from '../schemas.ts'

/**
 * Where nodes stand in the space of network distances. Gossip measures it. A node that doesn't gossip stands at the origin, as any
 * that is alone, and of others nothing is known then; what blocks, blocks as the list of nodes does.
 */
export function coordinateRoutes(app: App, ports: ApiPorts): void {
  const { gossip } = ports
  const places = gossip === undefined ? alone(ports) : together(ports, gossip)

  app.get('/v1/coordinate/datacenters', { schema: datacentersSchema }, async (_request, reply) =>
    reply.json(places.datacenters()),
  )

  app.get<Asked>('/v1/coordinate/nodes', { schema: nodesSchema }, async (request, reply) => {
    const { value, headers } = await places.nodes(readOptions(request))
    reply.json(inSegment(value, request), headers)
  })

  app.get<Asked>('/v1/coordinate/node/*', { schema: nodeSchema }, async (request, reply) => {
    const { value, headers } = await places.node(request.params['*'], readOptions(request))
    const asked = inSegment(value, request)
    if (asked.length === 0) throw new PraetorError('not-found', '')
    reply.json(asked, headers)
  })

  app.put<Asked>('/v1/coordinate/update', { schema: updateSchema }, async (request, reply) => {
    const given = decodeBody(updateStruct, await readBody(request.raw), 'Request decode failed: ')
    await places.update(given ?? {}, writeOptions(request))
    reply.empty(200)
  })
}

/** Who knows where nodes stand. */
interface Places {
  datacenters(): readonly DatacenterCoordinates[]
  nodes(options: QueryOptions): Promise<Read<readonly NodeCoordinate[]>>
  node(name: string, options: QueryOptions): Promise<Read<readonly NodeCoordinate[]>>
  update(given: GivenUpdate, options: ReturnType<typeof writeOptions>): Promise<void>
}

function together(ports: ApiPorts, gossip: GossipPort): Places {
  return {
    datacenters: () => gossip.datacenterCoordinates(),
    nodes: (options) => readIndexed(ports, options, 'Coordinate.ListNodes', {}),
    node: (Node, options) => readIndexed(ports, options, 'Coordinate.Node', { Node }),
    update: ({ Datacenter = '', Node = '', Segment = '', Coord }, { token, datacenter }) =>
      ports.rpc.write(
        'Coordinate.Update',
        { Node, Segment, Coord: { ...nowhere, ...Coord } },
        { token, datacenter: datacenter || Datacenter },
      ),
  }
}

function alone(ports: ApiPorts): Places {
  const { nodeName: Node, datacenter } = ports.agent
  const here = { Node, Segment: '', Coord: origin }
  const read = async (options: QueryOptions, value: readonly NodeCoordinate[]) => ({
    ...(await readIndexed(ports, options, 'Catalog.ListNodes', {})),
    value,
  })
  return {
    datacenters: () => [{ Datacenter: datacenter, AreaID: 'wan', Coordinates: [here] }],
    nodes: (options) => read(options, [here]),
    node: (name, options) => read(options, name === Node ? [here] : []),
    async update({ Datacenter = '', Coord }, options) {
      for (const asked of [options.datacenter, Datacenter]) refuseOtherDatacenter(asked, datacenter)
      if (Coord?.Vec?.length !== origin.Vec.length)
        throw new PraetorError('failed', 'incompatible coordinate')
      throw new PraetorError('failed', 'coordinates are not kept: this agent has no gossip yet')
    },
  }
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
  summary: 'Tell where a node stands; refused by a node that does not gossip',
  querystring: writing({}),
  requestBody: { json: updateStruct },
  response: { 200: nothing },
}
