import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'

import t from 'tap'

import { osServiceCheck } from '../../../agent/checks/os-service.ts'
import { scriptCheck } from '../../../agent/checks/script.ts'
import { PipePool } from '../../../agent/command/pipe.ts'
import { Tail } from '../../../agent/command/tail.ts'
import { look } from '../../support/check-look.ts'
import type { LookOptions } from '../../support/check-look.ts'

const script = async (
  ScriptArgs: readonly string[],
  options: LookOptions = {},
): Promise<readonly [status: string, output: string]> => {
  const { status, output, ended } = await look(scriptCheck, { ScriptArgs }, options)
  await ended
  return [status, output]
}

/** Killed and not yet buried is not running. */
async function isRunning(pid: number): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
  return !/\) [ZX]/.test(line)
}

t.test('a script says by its exit code what it found', async (t) => {
  const cases = [
    ['exit 0', 'passing', ''],
    ['echo up', 'passing', 'up\n'],
    ['echo so so; exit 1', 'warning', 'so so\n'],
    ['echo down; exit 2', 'critical', 'down\n'],
    ['exit 255', 'critical', ''],
    ['kill -9 $$', 'critical', ''],
    ['cat; echo nothing to read', 'passing', 'nothing to read\n'],
    ['echo 1; echo 2 >&2; echo 3; echo 4 >&2', 'passing', '1\n2\n3\n4\n'],
    ['echo by name > /dev/stderr; echo and > /dev/stdout', 'passing', 'by name\nand\n'],
    ['echo $0 $#', 'passing', 'sh 0\n'],
  ] as const
  for (const [text, ...result] of cases)
    t.strictSame(await script(['sh', '-c', text]), result, text)
})

t.test('what cannot be started is critical, in the words of Go', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'command-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const plain = join(directory, 'plain')
  await writeFile(plain, 'not to be run')
  const cases = [
    ['no-such-command', 'exec: "no-such-command": executable file not found in $PATH'],
    ['/no/such/file', 'fork/exec /no/such/file: no such file or directory'],
    [plain, `fork/exec ${plain}: permission denied`],
    [directory, `fork/exec ${directory}: permission denied`],
    ['', 'fork/exec : no such file or directory'],
    ['a\0b/c', 'fork/exec a\0b/c: invalid argument'],
  ] as const
  for (const [command, output] of cases)
    t.strictSame(await script([command]), ['critical', output], command)
})

t.test('the end of a long output is kept, and how long it was is said', async (t) => {
  const count = 'i=0; while [ $i -lt 1000 ]; do echo 123456789; i=$((i+1)); done'
  t.strictSame(await script(['sh', '-c', count], { outputMaxBytes: 15 }), [
    'passing',
    'Captured 15 of 10000 bytes\n...\n6789\n123456789\n',
  ])
  t.strictSame(await script(['printf', '12345'], { outputMaxBytes: 5 }), ['passing', '12345'])
})

t.test('a script that is late is killed with all it started', async (t) => {
  const text = 'sleep 60 & echo $!; wait'
  const late = await look(scriptCheck, { ScriptArgs: ['sh', '-c', text] }, { timeoutMs: 400 })
  await late.ended
  t.match(late, { status: 'critical', output: /^Timed out \(400ms\) running check\n\n\d+\n$/ })
  const pid = Number(/(\d+)\n$/.exec(late.output)?.[1])
  t.ok(pid > 1)
  while (await isRunning(pid)) await setImmediate()
  t.strictSame(await script(['sleep', '60'], { timeoutMs: 300 }), [
    'critical',
    'Timed out (300ms) running check',
  ])
})

t.test('a script is not over while something it started may still write', async (t) => {
  const left = ['sh', '-c', 'echo begun; { sleep 0.2; echo ended; } &']
  t.strictSame(await script(left), ['passing', 'begun\nended\n'])
  const stuck = ['sh', '-c', 'sleep 60 & echo left']
  t.strictSame(await script(stuck, { timeoutMs: 300 }), [
    'critical',
    'Timed out (300ms) running check\n\nleft\n',
  ])
})

t.test('pipes are used again, but not while somebody holds them', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pipes-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = directory
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
  })
  const pipes = new PipePool()
  const made = async (): Promise<string[]> =>
    (await readdir(directory, { recursive: true })).filter((name) => name.includes('/'))
  for (const word of ['a', 'b'])
    t.strictSame(await script(['echo', word], { pipes }), ['passing', `${word}\n`])
  t.equal((await made()).length, 1)
  const left = await script(['setsid', 'sleep', '2'], { pipes, timeoutMs: 100 })
  t.equal(left[0], 'critical')
  t.strictSame(await script(['echo', 'c'], { pipes }), ['passing', 'c\n'])
  t.match(await made(), [/\/2$/], 'another one')
  await rm(directory, { recursive: true })
  t.strictSame(await script(['echo', 'd'], { pipes }), ['passing', 'd\n'], 'without any')
  await pipes[Symbol.asyncDispose]()
})

t.test('a unit of the host is what its manager says it is', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'systemctl-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const command = join(directory, 'systemctl')
  // Says of a unit what the unit is called, and refuses as systemctl does where that is not `active`.
  await writeFile(
    command,
    '#!/bin/sh\n[ "$1 $2" = "is-active --" ] || exit 9\necho "$3"; [ "$3" = active ]\n',
  )
  await chmod(command, 0o755)
  t.intercept(process, 'env', {
    value: { ...process.env, PATH: `${directory}:${process.env['PATH'] ?? ''}` },
  })
  for (const [OSService, status, output] of [
    ['active', 'passing', 'Service "active" is healthy'],
    ['activating', 'warning', 'Service "activating" is activating'],
    ['reloading', 'warning', 'Service "reloading" is reloading'],
    ['inactive', 'critical', 'Service "inactive" is inactive'],
    ['failed', 'critical', 'Service "failed" is failed'],
  ]) {
    const { ended: _, ...result } = await look(osServiceCheck, { OSService: OSService ?? '' })
    t.strictSame(result, { status, output })
  }
})

t.test('a tail keeps the last bytes, however they came', (t) => {
  for (const sizes of [[10], [1, 2, 3, 4], [4, 6], [3, 3, 3, 1]]) {
    const tail = new Tail(4)
    let next = 0
    for (const size of sizes) {
      tail.write(Buffer.from('0123456789'.slice(next, next + size)))
      next += size
    }
    t.equal(tail.text(), '6789', String(sizes))
    t.equal(tail.report(), 'Captured 4 of 10 bytes\n...\n6789')
  }
  t.equal(new Tail(4).report(), '')
  t.end()
})
