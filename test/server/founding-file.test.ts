import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { FoundingFile } from '../../server/founding-file.ts'
import { emptyMembership } from '../../server/raft/types.ts'

const founders = { ...emptyMembership, voters: ['a'], addresses: { a: '127.0.0.1:8300' } }

t.test('a founder that was ended before its log began founds the same again', async (t) => {
  const directory = join(t.testdir(), 'raft')
  const file = new FoundingFile(directory)
  t.equal(await file.read(), undefined)
  const founded = { clusterId: 'c1', founders }
  await file.keep(founded)
  t.strictSame(await new FoundingFile(directory).read(), founded)
})

t.test('once its log has begun, it founds no more, whatever becomes of the log', async (t) => {
  const directory = t.testdir()
  const file = new FoundingFile(directory)
  await file.keep({ clusterId: 'c1', founders })
  await file.begun()
  t.strictSame(await file.read(), { clusterId: 'c1', founders: undefined })
  t.strictSame(await readdir(directory), ['cluster-id'])
})

t.test('founders of a cluster that came to nothing are not those of another', async (t) => {
  const file = new FoundingFile(t.testdir({ 'cluster-id': '' }))
  await file.keep({ clusterId: 'c1', founders })
  await file.keep({ clusterId: 'c2', founders: undefined })
  t.strictSame(await file.read(), { clusterId: 'c2', founders: undefined })
})
