import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { helpOf } from '../run.ts'

export const leaveCommand: Command = {
  about: `Usage: praetor leave [options]

  Has the agent leave its cluster in good order, and stop.`,
  flags: [{ title: 'HTTP API Options', flags: agentFlags }],
  async run(flags, io) {
    if (flags.rest.length > 0) {
      io.err(`Error found unexpected args: [${flags.rest.join(' ')}]\n`)
      io.out(helpOf(leaveCommand))
      return 1
    }
    const client = await connectAgent(flags, io)
    await telling('Error leaving', client.demand('PUT', '/v1/agent/leave'))
    io.out('Graceful leave complete\n')
    return 0
  },
}
