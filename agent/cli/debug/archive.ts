import { createWriteStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

import { tarEnd, tarHeader, tarPadding } from '../../../server/wire/tar.ts'

/** What an agent says of itself is for few eyes. */
const archiveMode = 0o600

/** Packs a directory into a gzipped tar, under its own name. */
export async function archiveDirectory(directory: string, path: string): Promise<void> {
  await pipeline(
    Readable.from(members(directory)),
    createGzip(),
    createWriteStream(path, { mode: archiveMode, flush: true }),
  )
}

async function* members(directory: string): AsyncGenerator<Uint8Array> {
  const top = basename(directory)
  const entries = await readdir(directory, { recursive: true })
  for (const entry of ['', ...entries.toSorted()]) {
    const path = join(directory, entry)
    const about = await stat(path)
    const name = entry === '' ? top : `${top}/${entry}`
    const seconds = Math.floor(about.mtimeMs / 1000)
    if (about.isDirectory()) {
      yield tarHeader({ name: `${name}/`, sizeBytes: 0, mode: 0o755, seconds })
      continue
    }
    const content = await readFile(path)
    yield tarHeader({ name, sizeBytes: content.length, mode: 0o644, seconds })
    yield content
    yield tarPadding(content.length)
  }
  yield tarEnd()
}
