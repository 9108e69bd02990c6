import { PraetorError } from '../../../server/model/errors.ts'
import { decodeBase64, readData } from '../arguments.ts'
import { agentFlags, namespaceFlag, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { telling } from '../errno.ts'
import { putKey } from '../kv-client.ts'
import { readKvExport } from '../kv-export-format.ts'

export const kvImportCommand: Command = {
  about: `Usage: praetor kv import [DATA]

  Writes the keys of what "praetor kv export" printed, which may be in a file,
  come from standard input or be the argument itself:

      $ praetor kv import @redis.json
      $ praetor kv export redis/ | praetor kv import -http-addr=other:8500 -

  What is there already under those keys is replaced, one key after another.`,
  flags: [
    { title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] },
    { title: 'Command Options', flags: [namespaceFlag] },
  ],
  async run(flags, io) {
    const [argument] = flags.rest
    if (argument === undefined) throw mistake('Error! Missing DATA argument')
    if (flags.rest.length > 1)
      throw mistake(`Error! Too many arguments (expected 1, got ${flags.rest.length})`)
    if (argument === '') throw mistake('Error! Empty DATA argument')
    const client = await connectAgent(flags, io)
    const rows = readKvExport(await readData(argument, io))
    for (const { key, flags: number, value } of rows) {
      const body = decodeBase64(value, `Error base 64 decoding value for key ${key}`)
      const query = BigInt(number) === 0n ? {} : { flags: String(number) }
      await telling(
        `Error! Failed writing data for key ${key}`,
        putKey(client, key, { query, body }),
      )
      io.out(`Imported: ${key}\n`)
    }
    return 0
  },
}

function mistake(text: string): PraetorError {
  return new PraetorError('bad-request', text)
}
