import { PraetorError } from '../../../server/model/errors.ts'
import { consulVersion, praetorVersion } from '../../../server/model/version.ts'
import type { Command } from '../command.ts'

export const versionCommand: Command = {
  about:
    'Usage: praetor version [options]\n\n  Prints the version of this program, and the Consul whose API it serves.',
  flags: [
    {
      title: 'Command Options',
      flags: [{ name: 'format', kind: 'string', doc: 'How: {pretty|json}.', initial: 'pretty' }],
    },
  ],
  async run(flags, io) {
    const format = flags.value('format') ?? 'pretty'
    if (format === 'json') {
      const versions = { Version: praetorVersion, Consul: consulVersion }
      io.out(`${JSON.stringify(versions, undefined, 3)}\n`)
      return 0
    }
    if (format !== 'pretty') throw new PraetorError('bad-request', `Unknown format: ${format}`)
    io.out(`Praetor v${praetorVersion}\nConsul v${consulVersion} compatible\n`)
    return 0
  },
}
