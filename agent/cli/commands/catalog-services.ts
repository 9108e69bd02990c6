import { jsonOf } from '../../answer.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, namespaceFlag, nodeMetaOf, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { ApiClient } from '../client.ts'
import { formatPairs } from '../columns.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'

export const catalogServicesCommand: Command = {
  about: `Usage: praetor catalog services [options]

  Prints the names of the services of a datacenter, all of them or those that
  run where it is asked for, with the tags that their instances have:

      $ praetor catalog services -node=n1
      $ praetor catalog services -node-meta=rack=a -tags`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        namespaceFlag,
        { name: 'node', kind: 'string', doc: 'Only services of this node, by `id or name`.' },
        {
          name: 'node-meta',
          kind: 'pair',
          doc: 'Only services of nodes with this metadata, as `key=value`. May be given several times.',
        },
        { name: 'tags', kind: 'bool', doc: 'Prints the tags of each, with commas between them.' },
      ],
    },
  ],
  async run(flags, io) {
    refuseMore(flags.rest, 0)
    const services = await listServices(await connectAgent(flags, io), flags)
    if (services.size === 0) {
      io.err('No services match the given query - try expanding your search.\n')
      return 0
    }
    const rows = Array.from(services, ([name, tags]): [string, string] => [
      name,
      tags.toSorted().join(','),
    ]).toSorted(([a], [b]) => (a < b ? -1 : 1))
    io.out(
      flags.isTrue('tags') ? `${formatPairs(rows)}\n` : rows.map(([name]) => `${name}\n`).join(''),
    )
    return 0
  },
}

type Services = ReadonlyMap<string, readonly string[]>

async function listServices(client: ApiClient, flags: ParsedFlags): Promise<Services> {
  const query = {
    'node-meta': nodeMetaOf(flags),
  }
  const node = flags.value('node') ?? ''
  if (node === '') {
    const work = client.read('/v1/catalog/services', { query })
    const services = jsonOf(await telling('Error listing services', work))
    return new Map(Object.entries(services as Readonly<Record<string, readonly string[]>>))
  }
  const work = client.read(`/v1/catalog/node/${node}`, { query })
  const found = jsonOf(await telling('Error listing services for node', work)) as {
    readonly Services: Readonly<Record<string, Instance>>
  } | null
  const tags = new Map<string, string[]>()
  for (const { Service, Tags } of Object.values(found?.Services ?? {}))
    tags.set(Service, [...(tags.get(Service) ?? []), ...(Tags ?? [])])
  return tags
}

interface Instance {
  readonly Service: string
  readonly Tags: readonly string[] | null
}
