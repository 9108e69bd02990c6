import { consulVersion, praetorVersion } from '../../../server/model/version.ts'
import type { Command } from '../command.ts'

export const versionCommand: Command = {
  name: 'version',
  synopsis: 'Prints the version of Praetor and of the Consul it keeps to',
  about:
    'Usage: praetor version\n\n  Prints the version of this program, and the Consul whose API it serves.',
  flags: [],
  run(_flags, io) {
    io.out(`Praetor v${praetorVersion}\nConsul v${consulVersion} compatible\n`)
    return Promise.resolve(0)
  },
}
