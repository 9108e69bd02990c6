import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import t from 'tap'

import type { LogConfig } from '../../agent/config/runtime.ts'
import { LogFile } from '../../agent/log-file.ts'
import { streamLog } from '../../agent/log-stream.ts'
import { Logging, parseLogLevel } from '../../agent/logging.ts'
import type { LogLevel, LogSink } from '../../agent/logging.ts'
import { settle, VirtualClock } from '../support/clock.ts'

function sink(level: LogLevel, json = false): LogSink & { readonly lines: string[] } {
  const lines: string[] = []
  return { level, json, lines, write: (line) => void lines.push(line) }
}

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

t.test('a line reads as operators know it', (t) => {
  const logging = new Logging(() => at)
  const seen = sink('info')
  logging.add(seen)
  const { log } = logging
  log.info({}, 'plain')
  log.child({ part: 'raft' }).warn({ term: 2, what: 'two words', list: [1] }, 'with fields')
  log.debug({}, 'too quiet')
  t.strictSame(seen.lines, [
    '    2026-01-02T03:04:05.678Z [INFO]  agent: plain',
    '    2026-01-02T03:04:05.678Z [WARN]  agent.raft: with fields: term=2 what="two words" list=[1]',
  ])
  t.end()
})

t.test('a line as JSON has the fields that log collectors look for', (t) => {
  const logging = new Logging(() => at)
  const seen = sink('debug', true)
  logging.add(seen)
  logging.log.child({ part: 'http' }).debug({ path: '/v1/kv/a' }, 'Request finished')
  t.strictSame(JSON.parse(seen.lines[0] ?? ''), {
    '@level': 'debug',
    '@module': 'agent.http',
    '@timestamp': '2026-01-02T03:04:05.678Z',
    '@message': 'Request finished',
    path: '/v1/kv/a',
  })
  t.end()
})

t.test('each sink has its own level, and what nobody wants costs nothing', (t) => {
  const logging = new Logging(() => at)
  const [loud, quiet] = [sink('trace'), sink('error')]
  logging.add(quiet)
  const fields = {
    get cost(): string {
      t.fail('fields of a dropped line are not looked at')
      return ''
    },
  }
  logging.log.info(fields, 'dropped')
  logging.add(loud)
  logging.log.trace({}, 'for one')
  logging.remove(loud)
  logging.log.error({}, 'for the other')
  quiet.level = 'trace'
  logging.refresh()
  logging.log.trace({}, 'for the other as well')
  t.strictSame([loud.lines.length, quiet.lines.length], [1, 2])
  t.end()
})

t.test('levels are known by the names that Consul and its users give them', (t) => {
  const rows: readonly (readonly [string, LogLevel | undefined])[] = [
    ['INFO', 'info'],
    ['err', 'error'],
    ['warning', 'warn'],
    ['bogus', undefined],
  ]
  for (const [text, level] of rows) t.equal(parseLogLevel(text), level, text)
  t.end()
})

t.test('a reader gets what is logged while it reads, and is forgotten when it goes', async (t) => {
  const logging = new Logging(() => at)
  const leaving = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    for await (const line of streamLog(logging, {
      level: 'warn',
      json: false,
      signal: leaving.signal,
    }))
      seen.push(line)
  })()
  await settle()
  logging.log.warn({}, 'one')
  logging.log.info({}, 'not for it')
  await settle()
  logging.log.error({}, 'two')
  await settle()
  leaving.abort()
  await reading
  logging.log.error({}, 'three')
  t.strictSame(
    seen.map((line) => line.replace(/^.*agent: /, '')),
    ['one\n', 'two\n'],
  )
})

t.test('a log file begins anew when it is full or old, and old ones go', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'log-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const clock = new VirtualClock()
  const config: LogConfig = {
    level: 'info',
    json: false,
    file: join(directory, 'a.txt'),
    syslogFacility: '',
    rotateBytes: 20,
    rotateDurationMs: 60_000,
    rotateFilesMax: 2,
  }
  using file = new LogFile(config, clock)
  const write = async (text: string, passMs: number): Promise<void> => {
    file.write(text)
    await clock.advance(passMs)
  }
  await write('0123456789', 1)
  await write('01234567', 1)
  await write('full', 60_000)
  await write('old', 1)
  await write('0123456789012345678901234567890', 1)
  const names = (await readdir(directory)).toSorted()
  t.equal(names.length, 3)
  for (const name of names) t.match(name, /^a-\d{19}\.txt$/)
  t.strictSame(await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8'))), [
    'full\n',
    'old\n',
    '0123456789012345678901234567890\n',
  ])
})

t.test('what a log file could not take is counted, and is no reason to end', async (t) => {
  const directory = join(await mkdtemp(join(tmpdir(), 'log-')), 'logs')
  t.teardown(() => rm(dirname(directory), { recursive: true }))
  const read = async (): Promise<string> => {
    const texts = (await readdir(directory)).map((name) => readFile(join(directory, name), 'utf8'))
    return (await Promise.all(texts)).join('')
  }
  for (const json of [false, true]) {
    await mkdir(directory)
    const config: LogConfig = {
      level: 'info',
      json,
      file: `${directory}/`,
      syslogFacility: '',
      rotateBytes: 10,
      rotateDurationMs: 0,
      rotateFilesMax: 0,
    }
    const clock = new VirtualClock()
    using file = new LogFile(config, clock)
    file.write('0123456789')
    await rm(directory, { recursive: true })
    file.write('lost')
    file.write('lost too')
    await mkdir(directory)
    await clock.advance(1)
    file.write('there')
    const text = await read()
    t.match(
      text,
      json
        ? /^\{"@level":"warn".*lines are missing here.*"lines":2\}$/m
        : /\[WARN\]  agent: lines are missing here, .*: lines=2$/m,
    )
    t.match(text, /^there$/m)
    t.notMatch(text, /lost/)
    await rm(directory, { recursive: true })
  }
})

t.test('a log file that can not be written is said in one sentence', (t) => {
  const config: LogConfig = {
    level: 'info',
    json: false,
    file: '/nowhere/at/all/',
    syslogFacility: '',
    rotateBytes: 0,
    rotateDurationMs: 0,
    rotateFilesMax: 0,
  }
  t.throws(() => new LogFile(config, new VirtualClock()), {
    message: /^Failed to open the log file: /,
  })
  t.end()
})
