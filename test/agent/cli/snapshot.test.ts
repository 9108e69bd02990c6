import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import type { SnapshotArchive } from '../../../api/ports.ts'
import { readArchive, writeArchive } from '../../../server/snapshot-archive.ts'
import { follow } from '../../support/command-line.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const path = (name: string): string => join(directory, name)
await writeFile(path('garbage'), 'this is no archive of anything')

const meta = {
  Version: 1,
  ID: '2-98-1795449038474',
  Index: 98,
  Term: 2,
  Peers: '',
  Configuration: { Servers: [] },
  ConfigurationIndex: 1,
} as const

const restored: string[] = []
const asked: boolean[] = []
let isTorn = false
const snapshots: SnapshotArchive = {
  async save({ stale }) {
    asked.push(stale)
    const archive = await writeArchive(meta, async function* state() {
      yield Buffer.from('the state')
    })
    const whole = Buffer.concat(await Array.fromAsync(archive))
    const sent = isTorn ? whole.subarray(0, whole.length / 2) : whole
    return {
      index: 98,
      lastContactMs: 0,
      knownLeader: true,
      archive: (async function* pieces() {
        yield sent
      })(),
    }
  },
  async restore(archive) {
    restored.push(Buffer.from((await readArchive(archive)).state).toString())
  },
}
const { port } = await serve(t, fakePorts({ snapshots }))

const wrong = { code: 1 }

t.test('a snapshot is saved for its owner alone, inspected and restored', async (t) => {
  await follow(t, port, [
    [`snapshot save ${path('s')}`, 'Saved and verified snapshot to index 98\n'],
    [
      `snapshot inspect ${path('s')}`,
      'ID           2-98-1795449038474\nSize         9\nIndex        98\nTerm         2\nVersion      1\n\n',
    ],
    [`snapshot restore ${path('s')}`, 'Restored snapshot\n'],
    [`snapshot save -stale ${path('s')}`, 'Saved and verified snapshot to index 98\n'],
  ])
  t.strictSame(asked, [false, true])
  t.strictSame(restored, ['the state'])
  t.equal((await stat(path('s'))).mode & 0o777, 0o600)
})

t.test('what did not come whole is not kept', async (t) => {
  isTorn = true
  const before = await readdir(directory)
  await follow(t, port, [
    [
      `snapshot save ${path('torn')}`,
      'Error verifying snapshot file: failed to decompress snapshot: unexpected EOF\n',
      wrong,
    ],
  ])
  isTorn = false
  t.strictSame(await readdir(directory), before)
})

t.test('what is wrong with a file is told', (t) =>
  follow(t, port, [
    ['snapshot save', 'Missing FILE argument\n', wrong],
    ['snapshot save a b', 'Too many arguments (expected 1, got 2)\n', wrong],
    [
      'snapshot save /nonexistent/x',
      'Error writing unverified snapshot file: open /nonexistent/x.unverified: no such file or directory\n',
      wrong,
    ],
    [
      `snapshot save ${directory}`,
      `Error renaming "${directory}.unverified" to "${directory}": rename ${directory}.unverified ${directory}: is a directory\n`,
      wrong,
    ],
    ['snapshot inspect', 'Missing FILE argument\n', wrong],
    [
      'snapshot inspect /nonexistent',
      'Error opening snapshot file: open /nonexistent: no such file or directory\n',
      wrong,
    ],
    [
      `snapshot inspect ${path('garbage')}`,
      'Error verifying snapshot: failed to decompress snapshot: gzip: invalid header\n',
      wrong,
    ],
    [
      `snapshot inspect ${directory}`,
      `Error verifying snapshot: failed to decompress snapshot: read ${directory}: is a directory\n`,
      wrong,
    ],
    [
      `snapshot restore ${path('garbage')}`,
      'Error restoring snapshot: Unexpected response code: 500 (failed to decompress snapshot: gzip: invalid header)\n',
      wrong,
    ],
    [
      'snapshot restore /nonexistent',
      'Error opening snapshot file: open /nonexistent: no such file or directory\n',
      wrong,
    ],
  ]),
)
