import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'

import { PraetorError } from '../../../server/model/errors.ts'
import { readArchive } from '../../../server/snapshot-archive.ts'
import { unexpectedStatus } from '../../answer.ts'
import { refuseMore } from '../arguments.ts'
import { agentFlags, serverFlags } from '../client-flags.ts'
import { connectAgent } from '../client.ts'
import type { Command } from '../command.ts'
import { describeReason, fileFault, telling } from '../errno.ts'

/** All there is to know is in it, secrets too. */
const fileMode = 0o600

export const snapshotSaveCommand: Command = {
  about: `Usage: praetor snapshot save [options] FILE

  Saves the whole state of the servers, as it is at one moment, to a file:

      $ praetor snapshot save backup.snap

  It is checked before it takes the file's name. Where there is no leader any
  more, a server may still have what is worth saving:

      $ praetor snapshot save -stale backup.snap`,
  flags: [{ title: 'HTTP API Options', flags: [...agentFlags, ...serverFlags] }],
  async run(flags, io) {
    const [path = ''] = flags.rest
    if (path === '') throw new PraetorError('bad-request', 'Missing FILE argument')
    refuseMore(flags.rest, 1)
    const client = await connectAgent(flags, io)
    const response = await telling(
      'Error saving snapshot',
      client.open('GET', '/v1/snapshot', client.stale({})).then(refuseFailure),
    )
    const unverified = `${path}.unverified`
    try {
      await telling('Error writing unverified snapshot file', write(response, unverified))
      const { meta } = await telling(
        'Error verifying snapshot file',
        readArchive(createReadStream(unverified)),
      )
      await rename(unverified, path).catch((error: unknown) => {
        const names = `${JSON.stringify(unverified)} to ${JSON.stringify(path)}`
        const why = `rename ${unverified} ${path}: ${describeReason(error)}`
        throw new PraetorError('failed', `Error renaming ${names}: ${why}`)
      })
      io.out(`Saved and verified snapshot to index ${meta.Index}\n`)
      return 0
    } finally {
      await rm(unverified, { force: true })
    }
  },
}

async function refuseFailure(response: IncomingMessage): Promise<IncomingMessage> {
  const { statusCode: status = 0 } = response
  if (status === 200) return response
  const chunks = await Array.fromAsync(response as AsyncIterable<Uint8Array>)
  throw unexpectedStatus({ status, index: '0', body: Buffer.concat(chunks) })
}

async function write(response: IncomingMessage, path: string): Promise<void> {
  const file = createWriteStream(path, { mode: fileMode, flush: true })
  await pipeline(response, file).catch((error: unknown) => {
    throw fileFault(error, path)
  })
}
