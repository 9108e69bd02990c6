import { PraetorError } from '../../../server/model/errors.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { helpOf } from '../run.ts'

export const joinCommand: Command = {
  about: `Usage: praetor join [options] address ...

  Has the agent join the cluster that the agents at these addresses are in.
  One of them is enough.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [
        { name: 'wan', kind: 'bool', doc: 'Joins a server to the servers of other datacenters.' },
      ],
    },
  ],
  async run(flags, io) {
    if (flags.rest.length === 0) {
      io.err(`At least one address to join must be specified.\n\n${helpOf(joinCommand)}`)
      return 1
    }
    const client = await connectAgent(flags, io)
    const query = { wan: flags.isTrue('wan') ? '1' : undefined }
    let joined = 0
    for (const address of flags.rest) {
      try {
        await client.demand('PUT', `/v1/agent/join/${address}`, { query })
        joined += 1
      } catch (error) {
        if (!(error instanceof PraetorError)) throw error
        io.err(`Error joining address '${address}': ${error.message}\n`)
      }
    }
    if (joined === 0) throw new PraetorError('failed', 'Failed to join any nodes.')
    io.out(`Successfully joined cluster by contacting ${joined} nodes.\n`)
    return 0
  },
}
