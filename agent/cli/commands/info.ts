import { jsonOf } from '../../answer.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { sortedEntries } from '../entries.ts'
import { telling } from '../errno.ts'

export const infoCommand: Command = {
  about: `Usage: praetor info [options]

  Prints what the agent counts and measures about itself, for whoever looks
  for the cause of a problem.`,
  flags: [{ title: 'HTTP API Options', flags: agentFlags }],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const answer = await telling('Error querying agent', client.demand('GET', '/v1/agent/self'))
    const { Stats } = jsonOf(answer) as Self
    for (const [section, counts] of sortedEntries(Stats)) {
      io.out(`${section}:\n`)
      for (const [name, value] of sortedEntries(counts)) io.out(`\t${name} = ${value}\n`)
    }
    return 0
  },
}

interface Self {
  readonly Stats: Readonly<Record<string, Readonly<Record<string, string>>>>
}
