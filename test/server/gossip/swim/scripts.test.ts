import { glob, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import t from 'tap'

import { runSwimScript } from '../../../support/swim-script.ts'

/**
 * Each file of test/traces/swim tells a piece of the protocol, message by message. A change of behaviour is a change of those
 * files, to be read in the diff: `UPDATE=1 tap test/server/gossip/swim/scripts.test.ts` writes them anew.
 */
const folder = join(import.meta.dirname, '../../../traces/swim')

const paths: string[] = []
for await (const name of glob('*.txt', { cwd: folder })) paths.push(join(folder, name))

t.ok(paths.length > 0, 'there are traces')

for (const path of paths.toSorted()) {
  t.test(`${basename(path, '.txt')} goes as its trace says`, async (t) => {
    const expected = await readFile(path, 'utf8')
    const found = runSwimScript(expected)
    if (process.env['UPDATE'] === '1') await writeFile(path, found)
    else t.equal(found, expected)
  })
}
