import { jsonOf } from '../../answer.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

export const catalogDatacentersCommand: Command = {
  about: `Usage: praetor catalog datacenters [options]

  Prints the names of all datacenters, the nearest first.`,
  flags: [{ title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] }],
  async run(flags, io) {
    refuseMore(flags.rest, 0)
    const client = await connectAgent(flags, io)
    const answer = await telling(
      'Error listing datacenters',
      client.demand('GET', '/v1/catalog/datacenters'),
    )
    for (const name of jsonOf(answer) as string[]) io.out(`${name}\n`)
    return 0
  },
}
