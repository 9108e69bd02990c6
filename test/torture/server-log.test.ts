import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { encodeCommand } from '../../server/fsm/apply.ts'
import { nodeDisk } from '../../server/raft/storage/node-disk.ts'
import { openWal } from '../../server/raft/storage/wal.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { noLog } from '../../server/runtime/log.ts'
import { appended, batch, entries, identity, tiny } from '../support/wal.ts'
import { loggedWrites } from './log-writes.ts'
import { readServerLog, tearLog } from './server-log.ts'

async function directory(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

function open(dataDirectory: string): ReturnType<typeof openWal> {
  return openWal({
    disk: nodeDisk,
    directory: join(dataDirectory, 'raft', 'wal'),
    ...identity,
    clock: systemClock,
    log: noLog,
    sizes: tiny,
    fatal: (error) => {
      throw error
    },
  })
}

t.test('what a server wrote is read, over segments, truncations and torn ends', async (t) => {
  const dataDirectory = await directory(t)
  {
    await using wal = await open(dataDirectory)
    for (let index = 1; index <= 300; index += 10)
      await appended(wal, batch({ entries: entries(index, index + 9, 1, 200) }))
    const hardState = { term: 2, vote: null, commit: 250 }
    await appended(wal, batch({ hardState, truncateFrom: 281, entries: entries(281, 290, 2) }))
  }
  const whole = await readServerLog('a', dataDirectory)
  t.match(whole, { firstIndex: 1, lastIndex: 290, commitIndex: 250 })
  t.equal(whole.entries.get(280)?.term, 1)
  t.equal(whole.entries.get(281)?.term, 2)
  t.equal(whole.entries.size, 290)

  let last = 290
  for (const truncate of [false, true]) {
    await tearLog(dataDirectory, { truncate })
    {
      await using wal = await open(dataDirectory)
      t.equal(wal.lastIndex(), last, 'a server cuts the torn end off, and nothing else')
      await appended(wal, batch({ entries: entries(last + 1, last + 2, 2) }))
    }
    last += 2
    const after = await readServerLog('a', dataDirectory)
    t.equal(after.lastIndex, last)
    t.strictSame(after.entries.get(290), whole.entries.get(290))
  }
})

t.test('a server that never was has no log', async (t) => {
  const dataDirectory = await directory(t)
  await tearLog(dataDirectory, { truncate: true })
  t.match(await readServerLog('a', dataDirectory), { firstIndex: 1, lastIndex: 0 })
})

t.test('writes are found by their values, in keys and in transactions', (t) => {
  const kv = (Op: 'set' | 'delete', value: string): Uint8Array =>
    encodeCommand('kv', { Op, DirEnt: { Key: 'k', Flags: 0, Value: Buffer.from(value) } })
  const payloads = [
    kv('set', 'one'),
    kv('delete', ''),
    kv('set', 'twice'),
    encodeCommand('txn', {
      Ops: ['x', 'y'].map((Key) => ({
        KV: { Verb: 'set', Key, Flags: 0, Value: Buffer.from('both') },
      })),
    }),
    kv('set', 'twice'),
  ]
  const log = {
    server: 'a',
    firstIndex: 1,
    lastIndex: 5,
    commitIndex: 5,
    entries: new Map(
      payloads.map((payload, at) => [
        at + 1,
        { index: at + 1, term: 1, kind: 'command' as const, payload },
      ]),
    ),
  }
  const { isComplete, places } = loggedWrites([log, { ...log, server: 'b' }])
  t.ok(isComplete)
  t.strictSame(Object.fromEntries(places), { one: [1], twice: [3, 5], both: [4] })
  t.notOk(loggedWrites([{ ...log, firstIndex: 3 }]).isComplete)
  t.end()
})
