import { PraetorError } from '../../../server/model/errors.ts'
import { jsonOf } from '../../answer.ts'
import type { KvPair } from '../../answer.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import { formatPairs } from '../columns.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { findKeys, getPair, listPairs, valueOf } from '../kv-client.ts'

const failure = 'Error querying Consul agent'

export const kvGetCommand: Command = {
  about: `Usage: praetor kv get [options] [KEY_OR_PREFIX]

  Prints the value of a key, and nothing but the value:

      $ praetor kv get redis/config/connections

  All there is to know of it, the index of its last change among it:

      $ praetor kv get -detailed redis/config/connections

  Every key that begins so, with its value, or the names alone:

      $ praetor kv get -recurse redis/
      $ praetor kv get -keys redis/

  A key that isn't there is an error.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        { name: 'base64', kind: 'bool', doc: 'Prints values in base64.' },
        { name: 'detailed', kind: 'bool', doc: 'Prints all there is to know of a key.' },
        {
          name: 'keys',
          kind: 'bool',
          doc: 'Prints the names of the keys that begin so, up to the next -separator.',
        },
        namespaceFlag,
        { name: 'recurse', kind: 'bool', doc: 'Prints every key that begins so.' },
        {
          name: 'separator',
          kind: 'string',
          doc: 'Where -keys cuts names short. An empty one cuts none.',
          initial: '/',
        },
      ],
    },
  ],
  async run(flags, io) {
    refuseMore(flags.rest, 1)
    const key = (flags.rest[0] ?? '').replace(/^\//, '')
    const [keys, recurse] = [flags.isTrue('keys'), flags.isTrue('recurse')]
    if (key === '' && !keys && !recurse)
      throw new PraetorError('bad-request', 'Error! Missing KEY argument')
    const client = await connectAgent(flags, io)
    const print = flags.isTrue('detailed') ? printWhole : recurse ? printNamed : printValue
    const encoding = flags.isTrue('base64') ? 'base64' : 'latin1'
    if (keys) {
      const query = { keys: '', separator: flags.value('separator') ?? '/' }
      const { found } = await telling(failure, findKeys(client, key, { query }))
      for (const name of found === undefined ? [] : (jsonOf(found) as string[])) io.out(`${name}\n`)
      return 0
    }
    if (recurse) {
      const { pairs = [] } = await telling(failure, listPairs(client, key))
      const texts = pairs.map((pair) => print(pair, encoding))
      io.out(Buffer.from(texts.join(print === printWhole ? '\n' : ''), 'latin1'))
      return 0
    }
    const { pair } = await telling(failure, getPair(client, key))
    if (pair === undefined) throw new PraetorError('not-found', `Error! No key exists at: ${key}`)
    io.out(Buffer.from(print(pair, encoding), 'latin1'))
    return 0
  },
}

/** Values may be any bytes, so all is put together as characters of one byte each. */
type Print = (pair: KvPair, encoding: 'base64' | 'latin1') => string

const printValue: Print = (pair, encoding) => `${valueOf(pair).toString(encoding)}\n`

const printNamed: Print = (pair, encoding) => `${bytes(pair.Key)}:${printValue(pair, encoding)}`

const printWhole: Print = (pair, encoding) => {
  const rows = formatPairs([
    ['CreateIndex', String(pair.CreateIndex)],
    ['Flags', String(pair.Flags)],
    ['Key', bytes(pair.Key)],
    ['LockIndex', String(pair.LockIndex)],
    ['ModifyIndex', String(pair.ModifyIndex)],
    ['Session', pair.Session ?? '-'],
    ['Value', valueOf(pair).toString(encoding)],
  ])
  return `${rows}\n`
}

function bytes(text: string): string {
  return Buffer.from(text).toString('latin1')
}
