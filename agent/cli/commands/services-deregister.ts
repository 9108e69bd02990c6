import { PraetorError } from '../../../server/model/errors.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { telling } from '../errno.ts'
import type { ParsedFlags } from '../flags.ts'

export const servicesDeregisterCommand: Command = {
  about: `Usage: praetor services deregister [options] [FILE...]

  Deregisters services from the agent that they were registered with, those in
  configuration files or the one with an id:

      $ praetor services deregister web.json db.hcl
      $ praetor services deregister -id=web`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        { name: 'id', kind: 'string', doc: 'The id of the service. No files may be given then.' },
        namespaceFlag,
      ],
    },
  ],
  async run(flags, io) {
    const services = await namedServices(flags, io)
    const client = await connectAgent(flags, io)
    for (const { id, name } of services) {
      await telling(
        `Error registering service ${JSON.stringify(name)}`,
        client.demand('PUT', `/v1/agent/service/deregister/${id}`),
      )
      io.out(`Deregistered service: ${id}\n`)
    }
    return 0
  },
}

async function namedServices(
  flags: ParsedFlags,
  io: Io,
): Promise<readonly { readonly id: string; readonly name: string }[]> {
  const id = flags.value('id') ?? ''
  if (flags.rest.length === 0) {
    if (id === '') throw mistake('Service deregistration requires at least one argument or -id.')
    return [{ id, name: '' }]
  }
  if (id !== '') throw mistake('Service deregistration requires arguments or -id, not both.')
  const { readServices } = await import('../service-files.ts')
  return readServices(flags.rest, io)
    .map(({ ID, Name }) => ({ id: ID === '' ? Name : ID, name: Name }))
    .filter((service) => service.id !== '')
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
