import { roundTripSeconds } from '../../../server/model/coordinate.ts'
import type {
  Coordinate,
  DatacenterCoordinates,
  NodeCoordinate,
} from '../../../server/model/coordinate.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { comparable } from '../../../server/state/coordinates.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { ApiClient } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { helpOf } from '../run.ts'

export const rttCommand: Command = {
  about: `Usage: praetor rtt [options] node1 [node2]

  Estimates the round trip between two nodes, by the names that "praetor
  members" prints; without the second, from the first to the agent's own. No
  packet is sent: where nodes stand is known from what they measured anyway.

      $ praetor rtt n1 n2
      $ praetor rtt -wan n1.dc1 n2.dc2

  With -wan, between servers of any datacenters, which know each other by
  their name, a period, and their datacenter.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'wan',
          kind: 'bool',
          doc: 'Where the servers stand among those of all datacenters, instead of nodes in their own.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const [first, second, ...more] = flags.rest
    if (first === undefined || more.length > 0) {
      io.err(`One or two node names must be specified\n\n${helpOf(rttCommand)}`)
      return 1
    }
    const isWan = flags.isTrue('wan')
    if (isWan) for (const name of flags.rest) wanName(name)
    const client = await connectAgent(flags, io)
    const names = [first, second ?? (await ownName(client, isWan))] as const
    const pair = await (isWan ? wanPair : lanPair)(client, names)
    const milliseconds = (roundTripSeconds(...pair) * 1000).toFixed(3)
    const source = isWan ? 'WAN' : 'LAN'
    io.out(
      `Estimated ${names[0]} <-> ${names[1]} rtt: ${milliseconds} ms (using ${source} coordinates)\n`,
    )
    return 0
  },
}

type Names = readonly [string, string]
type Pair = readonly [Coordinate, Coordinate]

async function ownName(client: ApiClient, isWan: boolean): Promise<string> {
  const self = await telling('Unable to look up agent info', client.demand('GET', '/v1/agent/self'))
  const { Config } = jsonOf(self) as {
    readonly Config: { readonly NodeName: string; readonly Datacenter: string }
  }
  return isWan ? `${Config.NodeName}.${Config.Datacenter}` : Config.NodeName
}

async function lanPair(client: ApiClient, names: Names): Promise<Pair> {
  const answer = await ask(client, '/v1/coordinate/nodes')
  const rows = jsonOf(answer) as readonly NodeCoordinate[]
  const [from, to] = names.map((name) => rows.filter(({ Node }) => Node === name)) as [
    NodeCoordinate[],
    NodeCoordinate[],
  ]
  if (from.length === 0) throw unknown(names[0])
  if (to.length === 0) throw unknown(names[1])
  return comparable(from, to) ?? fail(unknown(names[0]))
}

/** Both must stand in the same space. Where they don't, the first is as good as unknown. */
async function wanPair(client: ApiClient, names: Names): Promise<Pair> {
  const answer = await ask(client, '/v1/coordinate/datacenters')
  const datacenters = jsonOf(answer) as readonly DatacenterCoordinates[]
  const [from, to] = names.map((name) => placesOf(wanName(name), datacenters)) as [Place[], Place[]]
  for (const a of from)
    for (const b of to) if (a.area === b.area) return [a.coordinate, b.coordinate]
  throw unknown(names[0])
}

interface Place {
  readonly area: string
  readonly coordinate: Coordinate
}

function placesOf(
  { node, datacenter }: ReturnType<typeof wanName>,
  datacenters: readonly DatacenterCoordinates[],
): Place[] {
  return datacenters
    .filter(({ Datacenter }) => Datacenter === datacenter)
    .flatMap(({ AreaID: area, Coordinates }) =>
      Coordinates.filter(({ Node }) => Node === node).map(({ Coord: coordinate }) => ({
        area,
        coordinate,
      })),
    )
}

function wanName(name: string): { readonly node: string; readonly datacenter: string } {
  const [node = '', datacenter, ...more] = name.split('.')
  if (datacenter === undefined || more.length > 0)
    throw new PraetorError(
      'bad-request',
      'Node names must be specified as <node name>.<datacenter> with -wan',
    )
  return { node, datacenter }
}

function ask(client: ApiClient, path: string): ReturnType<ApiClient['demand']> {
  return telling('Error getting coordinates', client.demand('GET', path))
}

function unknown(name: string): PraetorError {
  return new PraetorError(
    'not-found',
    `Could not find a coordinate for node ${JSON.stringify(name)}`,
  )
}

function fail(error: PraetorError): never {
  throw error
}
