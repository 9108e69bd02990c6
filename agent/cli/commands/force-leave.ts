import { agentFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { helpOf } from '../run.ts'

export const forceLeaveCommand: Command = {
  about: `Usage: praetor force-leave [options] name

  Has the cluster take a member that failed for one that left, so that nobody
  waits for it any more. One that is alive after all comes back by itself.`,
  flags: [
    { title: 'HTTP API Options', flags: agentFlags },
    {
      title: 'Command Options',
      flags: [{ name: 'prune', kind: 'bool', doc: 'Takes it off the list of members too.' }],
    },
  ],
  async run(flags, io) {
    const [name, ...others] = flags.rest
    if (name === undefined || others.length > 0) {
      io.err(`A single node name must be specified to force leave.\n\n${helpOf(forceLeaveCommand)}`)
      return 1
    }
    const client = await connectAgent(flags, io)
    const query = { prune: flags.isTrue('prune') ? '1' : undefined }
    const work = client.demand('PUT', `/v1/agent/force-leave/${name}`, { query })
    await telling('Error force leaving', work)
    return 0
  },
}
