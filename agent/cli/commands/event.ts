import { audienceFlags, audienceOf, fireEvent } from '../audience.ts'
import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { helpOf } from '../run.ts'

export const eventCommand: Command = {
  about: `Usage: praetor event [options] [payload]

  Fires an event of yours, which reaches every agent of the datacenter. It has
  a name, and may have a payload: both are short, for they travel by gossip.

      $ praetor event -name=deploy 1609030
      $ praetor event -name=restart -service='^web' -tag='^blue$'

  Whoever watches for it (see "praetor watch -type=event") is told, on the
  nodes that the regular expressions match.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [{ name: 'name', kind: 'string', doc: 'The name of the event.' }, ...audienceFlags],
    },
  ],
  async run(flags, io) {
    const name = flags.value('name') ?? ''
    const mistake = findMistake(name, flags.rest)
    if (mistake !== undefined) {
      io.err(`${mistake}\n\n${helpOf(eventCommand)}`)
      return 1
    }
    const audience = audienceOf(flags)
    const client = await connectAgent(flags, io)
    await telling('Error querying Consul agent', client.demand('GET', '/v1/agent/self'))
    const payload = flags.rest[0] ?? ''
    const id = await telling('Error firing event', fireEvent(client, name, audience, payload))
    io.out(`Event ID: ${id}\n`)
    return 0
  },
}

function findMistake(name: string, payload: readonly string[]): string | undefined {
  if (name === '') return 'Event name must be specified'
  return payload.length > 1 ? 'Too many command line arguments.' : undefined
}
