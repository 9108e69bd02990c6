import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'

import t from 'tap'
import type { Test } from 'tap'

import { PraetorError } from '../../../server/model/errors.ts'
import { connectionType } from '../../../server/rpc/connection-type.ts'
import { dial } from '../../../server/rpc/dial.ts'
import { openServerPort } from '../../../server/rpc/server-port.ts'
import { askForSnapshot } from '../../../server/rpc/snapshot-stream.ts'
import type { SnapshotRequest, Snapshots } from '../../../server/rpc/snapshot-stream.ts'
import { systemClock } from '../../../server/runtime/clock.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'

async function opened(t: Test, snapshots: Snapshots) {
  const listener = await openServerPort(
    { port: 0, handle: async () => ({}), snapshots },
    { clock: systemClock, log: noLog, metrics: noMetrics },
  )
  t.teardown(() => listener[Symbol.asyncDispose]())
  const { port } = listener.address
  const ask = async (request: Partial<SnapshotRequest>) =>
    askForSnapshot(
      await dial(`127.0.0.1:${port}`, connectionType.snapshot, {
        clock: systemClock,
        signal: new AbortController().signal,
      }),
      { datacenter: 'dc1', token: '', stale: false, ...request },
    )
  return { ask, port }
}

async function* pieces(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; at += 65_536)
    yield Buffer.alloc(Math.min(65_536, sizeBytes - at), at / 65_536)
}

const refusing: Snapshots = {
  save: () => Promise.reject(new PraetorError('failed', 'No cluster leader')),
  restore: () => Promise.reject(new PraetorError('failed', 'it is no archive')),
}

t.test('an archive comes over whole, behind what is said of it', async (t) => {
  const sizeBytes = 5_000_001
  const asked: unknown[] = []
  const { ask } = await opened(t, {
    ...refusing,
    async save(options) {
      asked.push(options)
      return { index: 42, lastContactMs: 7, knownLeader: true, archive: pieces(sizeBytes) }
    },
  })
  const { archive, ...meta } = await ask({ stale: true, token: 'secret' })
  t.strictSame(meta, { index: 42, lastContactMs: 7, knownLeader: true })
  t.ok((await buffer(archive)).equals(await buffer(pieces(sizeBytes))))
  t.match(asked, [{ stale: true, forwarded: false, token: 'secret' }])
})

t.test('an archive that is brought is read to its end before the answer', async (t) => {
  const sizeBytes = 3_000_001
  const got: Buffer[] = []
  const { ask } = await opened(t, {
    ...refusing,
    async restore(archive) {
      got.push(await buffer(archive))
    },
  })
  await ask({ archive: pieces(sizeBytes) })
  t.ok(got[0]?.equals(await buffer(pieces(sizeBytes))))
})

t.test('a refusal is told in its own words, also while an archive is still coming', async (t) => {
  const { ask } = await opened(t, refusing)
  await t.rejects(ask({}), { message: 'No cluster leader' })
  await t.rejects(ask({ archive: pieces(20_000_000) }), { message: 'it is no archive' })
})

t.test('who says nothing, or nonsense, or goes away, gets no archive', async (t) => {
  const { port } = await opened(t, refusing)
  for (const bytes of [[], [0xc1], [0x81, 0xa2, 0x4f], [0x81, 0xa2, 0x4f, 0x70, 0x09]]) {
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined)
    socket.end(Buffer.from([connectionType.snapshot, ...bytes]))
    const answer = await buffer(socket)
    t.match(answer.toString('latin1'), /Error/, `after ${JSON.stringify(bytes)}`)
  }
})
