import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

const root = join(import.meta.dirname, '../../..')

/** What differs from server to server, or from one run to the next. */
const impure =
  /\b(Date|performance|process|globalThis|Intl)\b|\b(setTimeout|setInterval|queueMicrotask|fetch)\(|Math\.random|randomUUID|localeCompare|toLocale/
/** A core that waits has not finished its step. */
const waiting = /\b(Promise|async|await|setImmediate)\b|from 'node:/

const rooms: readonly [folder: string, forbidden: readonly RegExp[]][] = [
  ['server/raft/core', [impure, waiting]],
  ['server/fsm', [impure]],
  ['server/state', [impure]],
]

for (const [folder, forbidden] of rooms)
  t.test(`T30: nothing in ${folder} asks for the time, for chance or for the locale`, async (t) => {
    let files = 0
    for await (const name of glob('**/*.ts', { cwd: join(root, folder) })) {
      files += 1
      const code = withoutWords(await readFile(join(root, folder, name), 'utf8'))
      for (const pattern of forbidden) t.notMatch(code, pattern, name)
    }
    t.ok(files > 5, `${files} files`)
  })

/** Without comments and texts, which may speak of anything. */
function withoutWords(source: string): string {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\/\/.*$/gm, '')
    .replaceAll(/from '(node:[a-z/]+)'/g, 'from "$1"')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replaceAll(/from "(node:[a-z/]+)"/g, "from '$1'")
}
