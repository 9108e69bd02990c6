import { glob, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import t from 'tap'

/**
 * Each file of a folder of test/traces tells a piece of a protocol, message by message; `run` writes it anew from what it commands. A
 * change of behaviour is a change of those files, to be read in the diff: `UPDATE=1 tap` with the test's file writes them.
 */
export async function replayTraces(folder: string, run: (trace: string) => string): Promise<void> {
  const home = join(import.meta.dirname, '../traces', folder)
  const names = await Array.fromAsync(glob('*.txt', { cwd: home }))
  t.ok(names.length > 0, 'there are traces')
  for (const name of names.toSorted()) {
    const path = join(home, name)
    t.test(`${basename(name, '.txt')} goes as its trace says`, async (t) => {
      const expected = await readFile(path, 'utf8')
      const found = run(expected)
      if (process.env['UPDATE'] === '1') await writeFile(path, found)
      else t.equal(found, expected)
    })
  }
}
