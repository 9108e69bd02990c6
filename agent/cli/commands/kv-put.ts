import { PraetorError } from '../../../server/model/errors.ts'
import { decodeBase64, readData } from '../arguments.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { parseInteger } from '../flags.ts'
import type { ParsedFlags } from '../flags.ts'
import { putKey } from '../kv-client.ts'

export const kvPutCommand: Command = {
  about: `Usage: praetor kv put [options] KEY [DATA]

  Writes data to a key, which comes to be if it wasn't there:

      $ praetor kv put redis/config/connections 5

  The data may be in a file, or come from standard input:

      $ praetor kv put app/license @license.txt
      $ date | praetor kv put app/started -

  Without data the key is empty. With -cas nothing is written unless the key
  is as it was when its index was read:

      $ praetor kv put -cas -modify-index=844 redis/config/connections 6`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    {
      title: 'Command Options',
      flags: [
        {
          name: 'acquire',
          kind: 'bool',
          doc: 'Takes the lock of the key for the -session, and writes if it gets it.',
        },
        { name: 'base64', kind: 'bool', doc: 'The data is in base64.' },
        {
          name: 'cas',
          kind: 'bool',
          doc: 'Writes only if the key last changed at -modify-index.',
        },
        {
          name: 'flags',
          kind: 'uint',
          doc: 'A number to keep with the key; only clients give it a meaning.',
        },
        { name: 'modify-index', kind: 'uint', doc: 'The index for -cas.' },
        namespaceFlag,
        {
          name: 'release',
          kind: 'bool',
          doc: 'Writes, and gives up the lock that the -session holds.',
        },
        {
          name: 'session',
          kind: 'string',
          doc: 'The id of the session for -acquire and -release.',
        },
      ],
    },
  ],
  async run(flags, io) {
    const [key, argument = ''] = flags.rest
    if (key === undefined) throw mistake('Error! Missing KEY argument')
    if (flags.rest.length > 2)
      throw mistake(`Error! Too many arguments (expected 1 or 2, got ${flags.rest.length})`)
    const data = await readData(argument, io)
    const body = flags.isTrue('base64')
      ? decodeBase64(Buffer.from(data).toString(), 'Error! Cannot base 64 decode data')
      : data
    const way = wayOf(flags, key)
    const number = parseInteger(flags.value('flags') ?? '0') ?? 0n
    const query = { ...way.query, ...(number === 0n ? {} : { flags: String(number) }) }
    const client = await connectAgent(flags, io)
    const written = await telling(way.failure, putKey(client, key, { query, body }))
    if (!written) throw new PraetorError('conflict', `Error! ${way.refused}`)
    io.out(`Success! ${way.done}: ${key}\n`)
    return 0
  },
}

/** One of the four ways to write. */
interface Way {
  readonly query: Readonly<Record<string, string>>
  readonly done: string
  readonly failure: string
  readonly refused: string
}

function wayOf(flags: ParsedFlags, key: string): Way {
  const session = flags.value('session') ?? ''
  const [acquire, release] = [flags.isTrue('acquire'), flags.isTrue('release')]
  if (session === '' && (acquire || release))
    throw mistake('Error! Missing -session (required with -acquire and -release)')
  const failure = 'Error! Failed writing data'
  if (flags.isTrue('cas')) {
    const index = parseInteger(flags.value('modify-index') ?? '0') ?? 0n
    if (index === 0n) throw mistake('Must specify -modify-index with -cas!')
    return {
      query: { cas: String(index) },
      done: 'Data written to',
      failure: `Error! Did not write to ${key}`,
      refused: `Did not write to ${key}: CAS failed`,
    }
  }
  if (acquire)
    return {
      query: { acquire: session },
      done: 'Lock acquired on',
      failure,
      refused: 'Did not acquire lock',
    }
  if (release)
    return {
      query: { release: session },
      done: 'Lock released on',
      failure,
      refused: 'Did not release lock',
    }
  return { query: {}, done: 'Data written to', failure, refused: `Did not write to ${key}` }
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
