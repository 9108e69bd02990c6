import { escapeForGo } from '../../../server/model/json.ts'
import type { KvPair } from '../../answer.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { listPairs } from '../kv-client.ts'

export const kvExportCommand: Command = {
  about: `Usage: praetor kv export [KEY_OR_PREFIX]

  Prints the keys that begin so, with their values and flags, as JSON that
  "praetor kv import" reads:

      $ praetor kv export redis/`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    { title: 'Command Options', flags: [namespaceFlag] },
  ],
  async run(flags, io) {
    refuseMore(flags.rest, 1)
    const prefix = (flags.rest[0] ?? '').replace(/^\//, '')
    const client = await connectAgent(flags, io)
    const { pairs = [] } = await telling('Error querying Consul agent', listPairs(client, prefix))
    const rows = pairs.map(formatRow)
    io.out(rows.length === 0 ? '[]\n' : `[\n${rows.join(',\n')}\n]\n`)
    return 0
  },
}

function formatRow({ Key, Flags, Value }: KvPair): string {
  const fields = [
    `"key": ${escapeForGo(JSON.stringify(Key))}`,
    `"flags": ${Flags}`,
    `"value": ${JSON.stringify(Value ?? '')}`,
  ]
  return `\t{\n${fields.map((field) => `\t\t${field}`).join(',\n')}\n\t}`
}
