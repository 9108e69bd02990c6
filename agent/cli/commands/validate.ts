import { systemFiles, systemHost } from '../../config/host.ts'
import { validateConfig } from '../../config/load.ts'
import type { Command } from '../command.ts'

export const validateCommand: Command = {
  about: `Usage: praetor validate [options] FILE_OR_DIRECTORY...

  Says whether an agent could be started with these configuration files, and
  what is wrong with them if not. They must be all the files that it would be
  started with.`,
  flags: [
    {
      title: 'Command Options',
      flags: [
        {
          name: 'config-format',
          kind: 'string',
          doc: "Takes files for this format whatever their ending: 'hcl' or 'json'.",
        },
        { name: 'quiet', kind: 'bool', doc: 'Says nothing when all is well.' },
      ],
    },
  ],
  async run(flags, io) {
    const format = flags.value('config-format') ?? ''
    if (!['', 'hcl', 'json'].includes(format)) {
      io.err("-config-format must be either 'hcl' or 'json\n")
      return 1
    }
    if (flags.rest.length === 0) {
      io.err('Must specify at least one config file or directory\n')
      return 1
    }
    const loaded = validateConfig(flags.rest, format, systemFiles, systemHost())
    if (!loaded.ok) {
      io.err(`Config validation failed: ${loaded.errors.join('\n')}\n`)
      return 1
    }
    for (const warning of loaded.warnings) io.err(`${warning}\n`)
    if (!flags.isTrue('quiet')) io.out('Configuration is valid!\n')
    return 0
  },
}
