import { jsonOf } from '../../answer.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, nodeMetaOf, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { ApiClient } from '../client.ts'
import { formatColumns } from '../columns.ts'
import type { Command } from '../command.ts'
import { sortedEntries } from '../entries.ts'
import { telling } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'

export const catalogNodesCommand: Command = {
  about: `Usage: praetor catalog nodes [options]

  Prints the nodes of a datacenter, all of them or those that are asked for:

      $ praetor catalog nodes -service=web
      $ praetor catalog nodes -node-meta=rack=a -node-meta=disk=ssd
      $ praetor catalog nodes -filter='Meta.rack != a'

  Nearest to one of them first:

      $ praetor catalog nodes -near=n1`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'detailed',
          kind: 'bool',
          doc: 'Prints whole ids, and the tagged addresses and metadata too.',
        },
        { name: 'filter', kind: 'string', doc: 'An expression that a node must meet.' },
        {
          name: 'near',
          kind: 'string',
          doc: 'A node: those with the shortest way to it come first. "_agent" is the node asked.',
        },
        {
          name: 'node-meta',
          kind: 'pair',
          doc: 'Metadata that a node must have, as `key=value`. May be given several times.',
        },
        {
          name: 'service',
          kind: 'string',
          doc: 'A service, by `id or name`, that a node must have an instance of.',
        },
      ],
    },
  ],
  async run(flags, io) {
    refuseMore(flags.rest, 0)
    const nodes = await listNodes(await connectAgent(flags, io), flags)
    if (nodes.length === 0) {
      io.err('No nodes match the given query - try expanding your search.\n')
      return 0
    }
    const rows = flags.isTrue('detailed') ? detailed(nodes) : standard(nodes)
    io.out(`${formatColumns(rows)}\n`)
    return 0
  },
}

interface Node {
  readonly ID: string
  readonly Node: string
  readonly Address: string
  readonly Datacenter: string
  readonly TaggedAddresses: Readonly<Record<string, string>> | null
  readonly Meta: Readonly<Record<string, string>> | null
}

type Instance = Omit<Node, 'Meta'> & { readonly NodeMeta: Node['Meta'] }

/** A node of a service is listed once for each instance that is on it. */
async function listNodes(client: ApiClient, flags: ParsedFlags): Promise<readonly Node[]> {
  const query = {
    near: flags.value('near') || undefined,
    filter: flags.value('filter') || undefined,
    'node-meta': nodeMetaOf(flags),
  }
  const service = flags.value('service') ?? ''
  if (service === '') {
    const work = client.read('/v1/catalog/nodes', { query })
    return jsonOf(await telling('Error listing nodes', work)) as readonly Node[]
  }
  const answer = await telling(
    'Error listing nodes for service',
    client.read(`/v1/catalog/service/${service}`, { query }),
  )
  const instances = jsonOf(answer) as readonly Instance[]
  return instances.map(({ NodeMeta: Meta, ...node }) => Object.assign(node, { Meta }))
}

function standard(nodes: readonly Node[]): readonly (readonly string[])[] {
  const rows = nodes.map(({ Node, ID, Address, Datacenter }) => {
    const [start = ''] = ID.split('-')
    return [Node, start, Address, Datacenter]
  })
  return [['Node', 'ID', 'Address', 'DC'], ...rows]
}

function detailed(nodes: readonly Node[]): readonly (readonly string[])[] {
  const rows = nodes.map(({ Node, ID, Address, Datacenter, TaggedAddresses, Meta }) => {
    return [Node, ID, Address, Datacenter, formatMap(TaggedAddresses), formatMap(Meta)]
  })
  return [['Node', 'ID', 'Address', 'DC', 'TaggedAddresses', 'Meta'], ...rows]
}

function formatMap(map: Readonly<Record<string, string>> | null): string {
  return sortedEntries(map)
    .map((pair) => pair.join('='))
    .join(', ')
}
