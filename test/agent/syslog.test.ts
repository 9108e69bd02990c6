import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { facilityOf, Syslog } from '../../agent/syslog.ts'
import { VirtualClock } from '../support/clock.ts'

/** A logger(1) that writes down what it was called with and given. */
async function fakeLogger(directory: string): Promise<void> {
  const file = join(directory, 'logger')
  await writeFile(
    file,
    `#!/bin/sh\necho "$@" >> ${directory}/heard\nwhile read -r line; do echo "$line" >> ${directory}/heard\n[ "$line" = "<133>stop" ] && exit 1\ndone\nexit 0\n`,
  )
  await chmod(file, 0o755)
}

t.test('each line goes to logger with its facility and how grave it is', async (t) => {
  const directory = t.testdir()
  await fakeLogger(directory)
  const facility = facilityOf('local0') ?? 0
  const syslog = new Syslog({
    level: 'info',
    json: false,
    facility,
    clock: new VirtualClock(),
    path: directory,
  })
  syslog.write('    2026-01-01T00:00:00.000Z [INFO]  agent: one', 'info')
  syslog.write('two\nlines', 'error')
  await syslog[Symbol.asyncDispose]()
  t.strictSame((await readFile(join(directory, 'heard'), 'utf8')).split('\n'), [
    `--prio-prefix --tag=consul --id=${process.pid}`,
    '<133>2026-01-01T00:00:00.000Z [INFO]  agent: one',
    '<131>two',
    '<131>lines',
    '',
  ])
})

t.test('a logger that ends is started again, and what was lost is counted', async (t) => {
  const directory = t.testdir()
  await fakeLogger(directory)
  const clock = new VirtualClock()
  const options = { level: 'info', json: false, facility: 16, path: directory } as const
  const syslog = new Syslog({ ...options, clock })
  const ended = syslog.ended
  syslog.write('stop', 'info')
  await ended
  syslog.write('lost', 'info')
  syslog.write('lost', 'info')
  await clock.advance(5_000)
  syslog.write('after', 'info')
  await syslog[Symbol.asyncDispose]()
  t.match((await readFile(join(directory, 'heard'), 'utf8')).split('\n'), [
    /--prio-prefix/,
    '<133>stop',
    /--prio-prefix/,
    '<132>2 lines were lost on their way here',
    '<133>after',
  ])
})

t.test('where there is no logger, nothing goes wrong', async (t) => {
  const clock = new VirtualClock()
  const path = t.testdir()
  const syslog = new Syslog({ level: 'info', json: false, facility: 16, clock, path })
  await syslog.ended
  syslog.write('lost', 'info')
  await clock.advance(5_000)
  await syslog[Symbol.asyncDispose]()
})

t.test('facilities by their names', (t) => {
  const cases: readonly [string, number | undefined][] = [
    ['LOCAL0', 16],
    ['local7', 23],
    ['USER', 1],
    ['DAEMON', 3],
    ['', undefined],
    ['-', undefined],
    ['BOGUS', undefined],
  ]
  for (const [name, number] of cases) t.equal(facilityOf(name), number, name)
  t.end()
})
