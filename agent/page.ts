import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { getRawAsset, isSea } from 'node:sea'

import { directoryPage } from '../api/page.ts'
import type { Page } from '../api/page.ts'

/** The page that this program came with: beside it, or in the executable that it is (test/sea/build.ts). */
export function builtInPage(): Page {
  return isSea() ? executablePage : directoryPage(builtDirectory)
}

/** What `npm run build` makes of ui/, seen from the source or from what it is built to. */
const builtDirectory = join(
  import.meta.dirname,
  import.meta.filename.endsWith('.ts') ? '../dist/ui' : '../ui',
)

const executablePage: Page = {
  missing: 'This executable was built without its web page: "npm run build:ui" comes before.',
  async read(path) {
    try {
      const bytes = Buffer.from(getRawAsset(`ui/${path}`))
      return { bytes, tag: `"${createHash('sha256').update(bytes).digest('base64url')}"` }
    } catch {
      return undefined
    }
  },
}
