import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import t from 'tap'

import { nodeDisk } from '../../../../server/raft/storage/node-disk.ts'
import { openWal } from '../../../../server/raft/storage/wal.ts'
import { systemClock } from '../../../../server/runtime/clock.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { entries, identity, tiny } from '../../../support/wal.ts'

/** Lets a process append until it has said so many indexes, and kills it there. Gives the last it said. */
async function appendUntilKilled(directory: string, linesMin: number): Promise<number> {
  const path = join(import.meta.dirname, 'fixtures', 'writer.ts')
  const writer = spawn(process.execPath, [path, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(writer, 'exit')
  let printed = ''
  for await (const chunk of writer.stdout) {
    printed += String(chunk)
    if (printed.split('\n').length > linesMin) writer.kill('SIGKILL')
  }
  await exited
  return Number(printed.split('\n').at(-2))
}

t.test('a process that is killed leaves a log that opens, with all it said', async (t) => {
  const directory = join(t.testdir(), 'wal')
  let before = 0
  for (const linesMin of [30, 100]) {
    const said = await appendUntilKilled(directory, linesMin)
    t.ok(said >= before + linesMin, `${said} entries`)
    await using log = await openWal({
      disk: nodeDisk,
      directory,
      ...identity,
      clock: systemClock,
      log: noLog,
      fatal(error) {
        throw error
      },
      sizes: tiny,
    })
    const last = log.lastIndex()
    t.ok(last === said || last === said + 1, `${last} after ${said} was said`)
    for (let index = 1; index <= last; index += 1)
      t.same(log.entries(index, index, 0), entries(index, index, 1, 300))
    before = last
  }
})
