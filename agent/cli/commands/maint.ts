import { PraetorError } from '../../../server/model/errors.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { ApiClient } from '../client.ts'
import type { Command, Io } from '../command.ts'
import { telling } from '../errno.ts'

export const maintCommand: Command = {
  about: `Usage: praetor maint [options]

  Puts the agent's node, or one service on it, into maintenance: until that is
  over it counts as critical, so that DNS and the API leave it out.

      $ praetor maint -enable -reason="a new disk"
      $ praetor maint -enable -service=web
      $ praetor maint -disable

  It lasts over restarts of the agent. Without flags, prints what is in
  maintenance and why.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        { name: 'disable', kind: 'bool', doc: 'Ends maintenance.' },
        { name: 'enable', kind: 'bool', doc: 'Begins maintenance.' },
        { name: 'reason', kind: 'string', doc: 'Why, for those who look.' },
        { name: 'service', kind: 'string', doc: 'The id of a service, instead of the whole node.' },
      ],
    },
  ],
  async run(flags, io) {
    const [enable, disable] = [flags.isTrue('enable'), flags.isTrue('disable')]
    const [reason, service] = [flags.value('reason') ?? '', flags.value('service') ?? '']
    if (enable && disable) throw mistake('Only one of -enable or -disable may be provided')
    if (!enable && reason !== '') throw mistake('Reason may only be provided with -enable')
    if (!enable && !disable && service !== '')
      throw mistake('Service requires either -enable or -disable')
    const client = await connectAgent(flags, io)
    if (!enable && !disable) return list(client, io)
    const query = enable ? { enable: 'true', reason } : { enable: 'false' }
    const path =
      service === '' ? '/v1/agent/maintenance' : `/v1/agent/service/maintenance/${service}`
    const [subject, doing] = [
      service === '' ? 'node' : 'service',
      enable ? 'enabling' : 'disabling',
    ]
    await telling(`Error ${doing} ${subject} maintenance`, client.demand('PUT', path, { query }))
    const done = `maintenance is now ${enable ? 'enabled' : 'disabled'}`
    io.out(service === '' ? `Node ${done}\n` : `Service ${done} for ${JSON.stringify(service)}\n`)
    return 0
  },
}

async function list(client: ApiClient, io: Io): Promise<number> {
  const self = await telling('Error querying Consul agent', client.demand('GET', '/v1/agent/self'))
  const { Config } = jsonOf(self) as { readonly Config: { readonly NodeName: string } }
  const answer = await telling('Error getting checks', client.demand('GET', '/v1/agent/checks'))
  for (const check of Object.values(jsonOf(answer) as Readonly<Record<string, Check>>)) {
    if (check.CheckID === '_node_maintenance')
      io.out(`Node:\n  Name:   ${Config.NodeName}\n  Reason: ${check.Notes}\n\n`)
    else if (check.CheckID.startsWith('_service_maintenance:'))
      io.out(`Service:\n  ID:     ${check.ServiceID}\n  Reason: ${check.Notes}\n\n`)
  }
  return 0
}

interface Check {
  readonly CheckID: string
  readonly ServiceID: string
  readonly Notes: string
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
