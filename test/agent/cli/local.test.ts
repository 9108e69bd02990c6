import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import { formatColumns, formatPairs } from '../../../agent/cli/columns.ts'
import { follow, runLine } from '../../support/command-line.ts'

const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(directory, name), text)
  return join(directory, name)
}
const wrong = { code: 1 }

t.test('files are good or not', async (t) => {
  const good = await file('good.json', '{"server":true,"bootstrap":true,"data_dir":"/tmp"}')
  const bad = await file('bad.hcl', 'node_nam = "x"')
  const { code, out } = await runLine(['validate', good])
  t.strictSame([code, out], [0, 'Configuration is valid!\n'])
  t.equal((await runLine(['validate', '-quiet', good])).out, '')
  await follow(t, 1, [
    ['validate', 'Must specify at least one config file or directory\n', wrong],
    [`validate -config-format=x ${good}`, "-config-format must be either 'hcl' or 'json\n", wrong],
    [
      'validate /nonexistent',
      'Config validation failed: config: Open failed on /nonexistent. open /nonexistent: no such file or directory\n',
      wrong,
    ],
    [
      `validate ${bad}`,
      `Config validation failed: failed to parse ${bad}: 1 error occurred:\n\t* invalid config key node_nam (${bad}:1:1)\n\n\n`,
      wrong,
    ],
  ])
})

t.test('every key is new, and of 32 bytes', async (t) => {
  const [one, other] = [await runLine(['keygen']), await runLine(['keygen'])]
  t.not(one.out, other.out)
  t.equal(Buffer.from(one.out, 'base64').length, 32)
})

t.test('a segment of the log is told line by line', async (t) => {
  await follow(t, 1, [
    ['wal dump', 'Missing FILE argument\n', wrong],
    [
      'wal dump /nonexistent',
      'Error opening segment: open /nonexistent: no such file or directory\n',
      wrong,
    ],
    [
      `wal dump ${await file('garbage', 'no segment')}`,
      '00000000  damaged: no valid segment header\n',
    ],
  ])
})

t.test('columns are as wide as what is in them, and pairs are told apart', async (t) => {
  t.equal(
    formatColumns([
      ['A', 'Bé', 'C'],
      ['longer', ' x ', ''],
    ]),
    'A       Bé  C\nlonger  x   ',
  )
  t.equal(
    formatPairs([
      ['a', ''],
      ['bbb', '1'],
      ['c', ''],
    ]),
    'a        \nbbb      1\nc',
  )
})
