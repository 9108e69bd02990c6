import { PraetorError } from '../../../server/model/errors.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

const failure = 'Error removing peer'

export const operatorRaftRemovePeerCommand: Command = {
  about: `Usage: praetor operator raft remove-peer [options]

  Has the servers count one no longer that is gone for good and that no member
  knows of any more:

      $ praetor operator raft remove-peer -address=10.0.0.3:8300

  One that "praetor members" still shows is better dealt with by
  "praetor force-leave". A server that is removed while it runs is let in again.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        { name: 'address', kind: 'string', doc: 'The address of the server, host and port.' },
        { name: 'id', kind: 'string', doc: 'The id of the server.' },
      ],
    },
  ],
  async run(flags, io) {
    const [address = '', id = ''] = [flags.value('address'), flags.value('id')]
    if (address !== '' && id !== '') throw mistake('cannot give both an address and id')
    if (address === '' && id === '')
      throw mistake('an address or id is required for the peer to remove')
    const client = await connectAgent(flags, io)
    const [name, value] = address === '' ? ['id', id] : ['address', address]
    const query = { [name]: value }
    await telling(failure, client.demand('DELETE', '/v1/operator/raft/peer', { query }))
    io.out(`Removed peer with ${name} ${JSON.stringify(value)}\n`)
    return 0
  },
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', `${failure}: ${text}`)
}
