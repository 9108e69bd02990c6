import { PraetorError } from '../../../server/model/errors.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { parseInteger } from '../flags.ts'
import { deleteKeys } from '../kv-client.ts'

export const kvDeleteCommand: Command = {
  about: `Usage: praetor kv delete [options] KEY_OR_PREFIX

  Deletes a key. One that isn't there is no error:

      $ praetor kv delete redis/config/connections

  With -recurse, deletes every key that begins so. That "redis" then takes
  "redis-old" with it is meant:

      $ praetor kv delete -recurse redis`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'cas',
          kind: 'bool',
          doc: 'Deletes only if the key last changed at -modify-index.',
        },
        { name: 'modify-index', kind: 'uint', doc: 'The index for -cas.' },
        namespaceFlag,
        { name: 'recurse', kind: 'bool', doc: 'Deletes every key that begins so.' },
      ],
    },
  ],
  async run(flags, io) {
    refuseMore(flags.rest, 1)
    const key = (flags.rest[0] ?? '').replace(/^\//, '')
    const [cas, recurse] = [flags.isTrue('cas'), flags.isTrue('recurse')]
    const index = parseInteger(flags.value('modify-index') ?? '0') ?? 0n
    if (key === '' && !recurse) throw mistake('Error! Missing KEY argument')
    if (cas && recurse) throw mistake('Cannot specify both -cas and -recurse!')
    if (cas && index === 0n) throw mistake('Must specify -modify-index with -cas!')
    if (!cas && index !== 0n) throw mistake('Cannot specify -modify-index without -cas!')
    const client = await connectAgent(flags, io)
    if (recurse) {
      const work = deleteKeys(client, key, { query: { recurse: '' } })
      await telling(`Error! Did not delete prefix ${key}`, work)
      io.out(`Success! Deleted keys with prefix: ${key}\n`)
      return 0
    }
    const query = cas ? { cas: String(index) } : {}
    const what = cas ? `Error! Did not delete key ${key}` : `Error deleting key ${key}`
    const deleted = await telling(what, deleteKeys(client, key, { query }))
    if (cas && !deleted)
      throw new PraetorError('conflict', `Error! Did not delete key ${key}: CAS failed`)
    io.out(`Success! Deleted key: ${key}\n`)
    return 0
  },
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
