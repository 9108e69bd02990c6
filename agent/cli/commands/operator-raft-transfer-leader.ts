import { PraetorError } from '../../../server/model/errors.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

const failure = 'Error transferring leadership'

export const operatorRaftTransferLeaderCommand: Command = {
  about: `Usage: praetor operator raft transfer-leader [options]

  Has another server lead, as before the machine of the one that leads is
  stopped.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'id',
          kind: 'string',
          doc: 'The id of the server that is to lead; the one with most of the log if not given.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const query = { id: flags.value('id') }
    const answer = await telling(
      failure,
      client.demand('POST', '/v1/operator/raft/transfer-leader', { query }),
    )
    if (!(jsonOf(answer) as { readonly Success: boolean }).Success)
      throw new PraetorError('failed', `${failure}: the leader still leads`)
    io.out('Success\n')
    return 0
  },
}
