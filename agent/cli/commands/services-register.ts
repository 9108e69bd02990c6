import type { ServiceDefinition } from '../../../server/model/definition.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import type { ServiceAddress } from '../../../server/model/service.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { telling } from '../errno.ts'
import { pairsOf, parseInteger } from '../flags.ts'
import type { ParsedFlags } from '../flags.ts'
import { registrationBody } from '../registration-body.ts'

export const servicesRegisterCommand: Command = {
  about: `Usage: praetor services register [options] [FILE...]

  Registers services with the agent, those in configuration files or the one
  that the flags describe:

      $ praetor services register web.json db.hcl
      $ praetor services register -name=web -port=80 -tag=v2

  They stay until they are deregistered.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        { name: 'address', kind: 'string', doc: 'Where the service is, if not where its node is.' },
        { name: 'id', kind: 'string', doc: 'The id, if not the name.' },
        { name: 'kind', kind: 'string', doc: 'The kind of service, if it is none of your own.' },
        { name: 'meta', kind: 'pair', doc: 'Metadata, as key=value. May be given several times.' },
        { name: 'name', kind: 'string', doc: 'The name.' },
        namespaceFlag,
        { name: 'port', kind: 'int', doc: 'The port.' },
        {
          name: 'tag',
          kind: 'string',
          optional: true,
          doc: 'A tag. May be given several times.',
        },
        {
          name: 'tagged-address',
          kind: 'pair',
          doc: 'A further address, as tag=host:port. May be given several times.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const services = await describedServices(flags, io)
    const client = await connectAgent(flags, io)
    for (const service of services) {
      const body = registrationBody(service)
      await telling(
        `Error registering service ${JSON.stringify(service.Name ?? '')}`,
        client.demand('PUT', '/v1/agent/service/register', { body }),
      )
      io.out(`Registered service: ${service.Name ?? ''}\n`)
    }
    return 0
  },
}

async function describedServices(
  flags: ParsedFlags,
  io: Io,
): Promise<readonly Partial<ServiceDefinition>[]> {
  const name = flags.value('name') ?? ''
  if (flags.rest.length > 0) {
    if (name !== '') throw mistake('Service registration requires arguments or -id, not both.')
    const { readServices } = await import('../service-files.ts')
    return readServices(flags.rest, io)
  }
  if (name === '') throw mistake('Service registration requires at least one argument or flags.')
  return [
    {
      Kind: flags.value('kind') ?? '',
      ID: flags.value('id') ?? '',
      Name: name,
      Tags: flags.values('tag'),
      Address: flags.value('address') ?? '',
      TaggedAddresses: taggedAddresses(flags),
      Meta: pairsOf(flags.values('meta')),
      Port: Number(parseInteger(flags.value('port') ?? '0') ?? 0n),
    },
  ]
}

function taggedAddresses(flags: ParsedFlags): Readonly<Record<string, ServiceAddress>> {
  const pairs = Object.entries(pairsOf(flags.values('tagged-address')))
  return Object.fromEntries(pairs.map(([tag, address]) => [tag, parseAddress(address)]))
}

function parseAddress(text: string): ServiceAddress {
  const wrong = (what: string): PraetorError =>
    mistake(`Invalid Tagged Address: address ${text}: ${what}`)
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text)
  if (match === null)
    throw wrong(
      /:[^\]]*:/.test(text) && !text.startsWith('[')
        ? 'too many colons in address'
        : 'missing port in address',
    )
  const [, six, name, port = ''] = match
  const number = /^[-+]?\d+$/.test(port) ? Number(port) : undefined
  if (number === undefined)
    throw mistake(
      `Invalid Tagged Address: strconv.Atoi: parsing ${JSON.stringify(port)}: invalid syntax`,
    )
  return { Address: six ?? name ?? '', Port: number }
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
