import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import t from 'tap'

import { setUpCompletion } from '../../../agent/cli/completion-setup.ts'
import { complete } from '../../../agent/cli/completion.ts'
import { commands, groups } from '../../../agent/cli/table.ts'

const table = { commands, groups }
const main = join(import.meta.dirname, '../../../agent/main.ts')

t.test('what may come next is what the table has there', async (t) => {
  const rows: readonly (readonly [line: string, candidates: readonly string[], point?: number])[] =
    [
      ['praetor ke', ['keygen', 'keyring']],
      ['praetor kv ', ['delete', 'export', 'get', 'import', 'put']],
      ['praetor  kv   g', ['get']],
      ['praetor kv', ['kv']],
      ['praetor kv get x', ['kv'], 'praetor kv'.length],
      ['praetor operator r', ['raft']],
      ['praetor operator raft list-peers -st', ['-stale']],
      ['praetor kv get -ke', ['-keys']],
      ['praetor kv get -keys -sep', ['-separator']],
      ['praetor kv get ', []],
      ['praetor nope ', []],
      ['praetor -', ['-autocomplete-install', '-autocomplete-uninstall', '-help', '-version']],
    ]
  for (const [line, candidates, point] of rows)
    t.strictSame(await complete({ line, point }, table), candidates, line)
  const all = await complete({ line: 'praetor ', point: undefined }, table)
  const firsts = commands.map(({ name }) => name.replace(/ .*/, ''))
  t.strictSame(all, Array.from(new Set(firsts)))
})

t.test('a shell is told once, and may be told to forget', async (t) => {
  const before = 'alias l=ls\n'
  const home = t.testdir({ '.bashrc': before, '.zshrc': '', '.config': { fish: {} } })
  const fish = join(home, '.config/fish/completions/praetor.fish')
  const setUp = (...words: string[]): readonly [code: number, said: string] => {
    let said = ''
    const code = setUpCompletion(
      words,
      { home, program: "/o'b/praetor" },
      {
        err: (text) => {
          said += text.toString()
        },
      },
    )
    return [code, said]
  }
  t.strictSame(setUp('-autocomplete-install'), [0, ''])
  const bash = readFileSync(join(home, '.bashrc'), 'utf8')
  t.equal(bash, `${before}\ncomplete -C '/o'\\''b/praetor' praetor\n`)
  t.match(readFileSync(join(home, '.zshrc'), 'utf8'), /bashcompinit\ncomplete -o nospace -C/)
  t.match(readFileSync(fish, 'utf8'), /^complete -f -c praetor/m)
  const [code, said] = setUp('-autocomplete-install')
  t.equal(code, 1)
  t.match(said, /^Error executing CLI: 3 errors occurred:\n\t\* already installed in .*bashrc\n/)
  t.strictSame(setUp('-autocomplete-uninstall'), [0, ''])
  t.equal(readFileSync(join(home, '.bashrc'), 'utf8'), before)
  t.notOk(existsSync(fish))
  t.match(setUp('-autocomplete-uninstall'), [1, /not installed in/])
  t.match(setUp('-autocomplete-install', '-autocomplete-uninstall'), [1, /but not both/])
})

t.test('bash completes by what was installed', async (t) => {
  const home = t.testdir({ '.bashrc': '' })
  execFileSync(process.execPath, [main, '-autocomplete-install'], { env: { HOME: home } })
  const script = `
    . ${home}/.bashrc
    words=$(complete -p praetor)
    [[ $words == *"-C"* ]] || exit 3
    eval "asked=$(printf '%s' "$words" | sed "s/^complete -C \\(.*\\) praetor$/\\1/")"
    COMP_LINE='praetor kv ge' COMP_POINT=13 eval "$asked praetor ge kv"
  `
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], {
    env: { HOME: home, PATH: process.env['PATH'] },
    encoding: 'utf8',
  })
  t.strictSame([status, stdout, stderr], [0, 'get\n', ''])
})
