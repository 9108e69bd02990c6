import type { RaftServer } from '../../../server/model/autopilot.ts'
import { jsonOf } from '../../answer.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import { formatColumns } from '../columns.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'

export const operatorRaftListPeersCommand: Command = {
  about: `Usage: praetor operator raft list-peers [options]

  Prints the servers that take part in consensus, and which of them leads and
  which of them vote.`,
  flags: [{ title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] }],
  async run(flags, io) {
    const client = await connectAgent(flags, io)
    const answer = await telling(
      'Error getting peers',
      telling(
        'Failed to retrieve raft configuration',
        client.read('/v1/operator/raft/configuration'),
      ),
    )
    const { Servers } = jsonOf(answer) as { readonly Servers: readonly RaftServer[] }
    const rows = Servers.map(({ Node, ID, Address, Leader, Voter, ProtocolVersion }) => [
      Node,
      ID,
      Address,
      Leader ? 'leader' : 'follower',
      String(Voter),
      ProtocolVersion,
    ])
    const head = ['Node', 'ID', 'Address', 'State', 'Voter', 'RaftProtocol']
    io.out(`${formatColumns([head, ...rows])}\n`)
    return 0
  },
}
