import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

export const reloadCommand: Command = {
  about: `Usage: praetor reload

  Has the agent read its configuration again, as SIGHUP does.`,
  flags: [{ title: 'HTTP API Options', flags: agentFlags }],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    await telling('Error reloading', client.demand('PUT', '/v1/agent/reload'))
    io.out('Configuration reload triggered\n')
    return 0
  },
}
