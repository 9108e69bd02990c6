import t from 'tap'

import { commands, groups } from '../../../agent/cli/table.ts'
import { runLine } from '../../support/command-line.ts'

t.test('rows are in the order of their names, and no name is twice', async (t) => {
  for (const rows of [commands, groups]) {
    const names = rows.map(({ name }) => name)
    t.strictSame(names, Array.from(new Set(names)).toSorted())
  }
})

t.test('a group has commands, and what a command begins with is a group', async (t) => {
  const beginnings = commands.flatMap(({ name }) => {
    const words = name.split(' ')
    return words.slice(1).map((_, at) => words.slice(0, at + 1).join(' '))
  })
  t.strictSame(
    Array.from(new Set(beginnings)),
    groups.map(({ name }) => name),
  )
  for (const { name } of groups)
    t.notOk(
      commands.some((row) => row.name === name),
      name,
    )
})

t.test('every command says how it is used, and no two of its flags have one name', async (t) => {
  for (const row of commands) {
    const { about, flags } = await row.load()
    t.ok(about.startsWith(`Usage: praetor ${row.name}`), row.name)
    for (const line of about.split('\n')) t.ok(line.length <= 80, line)
    const names = flags.flatMap((group) => group.flags.map(({ name }) => name))
    t.equal(new Set(names).size, names.length, row.name)
    const help = await runLine([...row.name.split(' '), '-h'])
    t.strictSame([help.code, help.err], [0, ''], row.name)
    for (const name of names) t.match(help.out, RegExp(`^  -${name}(=<|$)`, 'm'))
  }
})

t.test('what is no command is told what there is', async (t) => {
  const all = await runLine([])
  t.equal(all.code, 127)
  t.match(all.err, /^Usage: praetor \[--version\] \[--help\] <command> \[<args>\]\n\nAvailable/)
  t.strictSame(await runLine(['nope']), all)
  t.strictSame(await runLine(['--help']), { code: 0, out: all.err, err: '' })
  const kv = await runLine(['kv'])
  t.equal(kv.code, 1)
  t.match(kv.err, /\nSubcommands:\n {4}delete {4}.*\n {4}export {4}/)
  t.strictSame(await runLine(['kv', 'nope']), kv)
  t.strictSame(await runLine(['kv', '-h']), { code: 0, out: kv.err, err: '' })
})

t.test('a wrong flag is told with the flags there are', async (t) => {
  const { code, out, err } = await runLine(['kv', 'put', '-flags=x', 'a'])
  t.strictSame([code, out], [1, ''])
  t.match(err, /^invalid value "x" for flag -flags: parse error\nUsage:\n {2}-acquire\n {4}\t/)
})

t.test('the version is that of the package', async (t) => {
  const plain = await runLine(['version'])
  t.match(plain.out, /^Praetor v\d+\.\d+\.\d+\nConsul v1\.8\.7 compatible\n$/)
  for (const flag of ['-v', '-version', '--version']) t.strictSame(await runLine([flag]), plain)
  const json = await runLine(['version', '-format=json'])
  t.equal((JSON.parse(json.out) as { readonly Consul: string }).Consul, '1.8.7')
  t.strictSame(await runLine(['version', '-format=yaml']), {
    code: 1,
    out: '',
    err: 'Unknown format: yaml\n',
  })
})
