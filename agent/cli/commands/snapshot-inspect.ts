import { open } from 'node:fs/promises'

import { PraetorError } from '../../../server/model/errors.ts'
import { readArchive } from '../../../server/snapshot-archive.ts'
import { refuseMore } from '../arguments.ts'
import { formatPairs } from '../columns.ts'
import type { Command } from '../command.ts'
import { codeOf, fileFault, telling } from '../errno.ts'

export const snapshotInspectCommand: Command = {
  about: `Usage: praetor snapshot inspect [options] FILE

  Checks a snapshot and prints what it is of:

      $ praetor snapshot inspect backup.snap`,
  flags: [],
  async run(flags, io) {
    const [path = ''] = flags.rest
    if (path === '') throw new PraetorError('bad-request', 'Missing FILE argument')
    refuseMore(flags.rest, 1)
    await using file = await open(path).catch((error: unknown) => {
      throw new PraetorError(
        'failed',
        `Error opening snapshot file: ${fileFault(error, path).message}`,
      )
    })
    const { meta } = await telling(
      'Error verifying snapshot',
      readArchive(readable(file.createReadStream({ autoClose: false }), path)),
    )
    const rows = formatPairs([
      ['ID', meta.ID],
      ['Size', String(meta.Size)],
      ['Index', String(meta.Index)],
      ['Term', String(meta.Term)],
      ['Version', String(meta.Version)],
    ])
    io.out(`${rows}\n\n`)
    return 0
  },
}

async function* readable(
  file: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* file
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    throw fileFault(error, path)
  }
}
