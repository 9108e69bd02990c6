import { PraetorError } from '../../../server/model/errors.ts'
import { dump } from '../../../server/raft/storage/dump.ts'
import { refuseMore } from '../arguments.ts'
import type { Command } from '../command.ts'
import { codeOf, fileFault } from '../errno.ts'

export const walDumpCommand: Command = {
  about: `Usage: praetor wal dump FILE

  Prints what is in a segment of the log that a server keeps on disk, a line
  for each batch and record, however damaged it is. Changes nothing:

      $ praetor wal dump /var/lib/praetor/raft/wal/0000000001.wal`,
  flags: [],
  async run(flags, io) {
    const [path = ''] = flags.rest
    if (path === '') throw new PraetorError('bad-request', 'Missing FILE argument')
    refuseMore(flags.rest, 1)
    try {
      for await (const line of dump(path)) io.out(`${line}\n`)
      return 0
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      throw new PraetorError('failed', `Error opening segment: ${fileFault(error, path).message}`)
    }
  },
}
