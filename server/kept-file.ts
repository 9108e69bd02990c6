import { dirname } from 'node:path'

import { synced } from './raft/storage/disk.ts'
import { nodeDisk } from './raft/storage/node-disk.ts'

/**
 * Writes a small file in the place of what was there: whole or not at all, and durable when it resolves, its name too. Rejects with a
 * DiskFault.
 */
export async function keepFile(path: string, text: string): Promise<void> {
  await nodeDisk.makeDirectory(dirname(path))
  const temporary = `${path}.tmp`
  const file = await nodeDisk.open(temporary, 'create')
  try {
    file.write(Buffer.from(text), 0)
    await synced(file)
  } finally {
    file.close()
  }
  await nodeDisk.rename(temporary, path)
  await nodeDisk.syncDirectory(dirname(path))
}
