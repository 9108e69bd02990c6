import { open } from 'node:fs/promises'

import { PraetorError } from '../../../server/model/errors.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { fileFault, telling } from '../errno.ts'

export const snapshotRestoreCommand: Command = {
  about: `Usage: praetor snapshot restore [options] FILE

  Replaces the whole state of the servers by the one that was saved. It is
  meant for after a disaster, with servers that have nothing to lose:

      $ praetor snapshot restore backup.snap`,
  flags: [{ title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] }],
  async run(flags, io) {
    const [path = ''] = flags.rest
    if (path === '') throw new PraetorError('bad-request', 'Missing FILE argument')
    refuseMore(flags.rest, 1)
    const client = await connectAgent(flags, io)
    await using file = await open(path).catch((error: unknown) => {
      throw new PraetorError(
        'failed',
        `Error opening snapshot file: ${fileFault(error, path).message}`,
      )
    })
    const body = file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>
    await telling('Error restoring snapshot', client.demand('PUT', '/v1/snapshot', { body }))
    io.out('Restored snapshot\n')
    return 0
  },
}
