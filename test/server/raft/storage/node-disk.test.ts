import { closeSync, openSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { DiskFault } from '../../../../server/raft/storage/disk-fault.ts'
import { synced } from '../../../../server/raft/storage/disk.ts'
import { nodeDisk } from '../../../../server/raft/storage/node-disk.ts'

t.test('what is written and synced is in the file', async (t) => {
  const path = join(t.testdir(), 'a/b/file')
  await nodeDisk.makeDirectory(join(path, '..'))
  const file = await nodeDisk.open(path, 'create')
  file.write(Buffer.from('hello world'), 0)
  file.write(Buffer.from('W'), 6)
  await synced(file)
  t.equal(file.sizeBytes(), 11)
  const bytes = new Uint8Array(20)
  t.equal(file.read(bytes, 6), 5, 'up to the end')
  file.close()
  t.equal(await readFile(path, 'utf8'), 'hello World')
})

t.test('what the disk refuses is told with its path, its reason and what to do', async (t) => {
  const directory = t.testdir({ file: '' })
  const beside = join(directory, 'file/below')
  const absent = join(directory, 'absent')
  const rows: readonly (readonly [() => Promise<unknown>, string])[] = [
    [
      () => nodeDisk.open(absent, 'existing'),
      `cannot open ${absent}: no such file or directory (ENOENT)`,
    ],
    [() => nodeDisk.open(beside, 'create'), `cannot make ${beside}: not a directory (ENOTDIR)`],
    [
      () => nodeDisk.makeDirectory(beside),
      `cannot make ${directory}/file: file already exists (EEXIST)`,
    ],
    [() => nodeDisk.list(beside), `cannot list ${beside}: not a directory (ENOTDIR)`],
    [
      () => nodeDisk.rename(absent, beside),
      `cannot rename ${absent} to ${beside}: not a directory (ENOTDIR)`,
    ],
    [
      () => nodeDisk.syncDirectory(absent),
      `cannot open ${absent}: no such file or directory (ENOENT)`,
    ],
    [
      () => nodeDisk.lock(join(absent, 'lock')),
      `cannot lock ${absent}/lock: no such file or directory (ENOENT)`,
    ],
  ]
  for (const [refused, message] of rows)
    await t.rejects(refused(), { name: 'PraetorError', message }, message)
  t.strictSame(await nodeDisk.list(absent), [], 'a directory that is not there has no names')

  const full = new DiskFault(
    'sync',
    '/x',
    Object.assign(new Error(), { code: 'ENOSPC', errno: -28 }),
  )
  t.match(full, {
    message: 'cannot sync /x: no space left on device (ENOSPC)',
    remedy: 'Make room on the disk',
  })
  t.match(new DiskFault('sync', '/x', new Error('no errno')), {
    message: 'cannot sync /x: no errno',
    remedy: "See to the disk (the kernel's log says more)",
  })
})

t.test('a file closed twice closes no other file that got its number', async (t) => {
  const path = join(t.testdir(), 'first')
  await writeFile(path, 'first')
  const file = await nodeDisk.open(path, 'existing')
  file.close()
  const other = openSync(path, 'r')
  file.close()
  t.doesNotThrow(() => closeSync(other))
})
