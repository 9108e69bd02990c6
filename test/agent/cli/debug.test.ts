import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

import t from 'tap'

import { connectAgent } from '../../../agent/cli/client.ts'
import type { Io } from '../../../agent/cli/command.ts'
import { captureInterval } from '../../../agent/cli/debug/capture.ts'
import type { Target } from '../../../agent/cli/debug/capture.ts'
import { parseFlags } from '../../../agent/cli/flags.ts'
import { must } from '../../../server/model/assert.ts'
import { VirtualClock } from '../../support/clock.ts'
import { runLine, wordsOf } from '../../support/command-line.ts'
import { fakePorts } from '../../support/fake-agent.ts'
import { serve } from '../../support/http.ts'

const asked: string[] = []
const about = { Config: { Version: '1.8.7' }, DebugConfig: { EnableDebug: true } }
async function* lines(): AsyncGenerator<string> {
  yield 'one line\n'
}
const agent = {
  self: async () => ({ ...about, Big: 18_446_744_073_709_551_615n }),
  host: async () => ({ Memory: { total: 1 } }),
  members: ({ wan }: { readonly wan: boolean }) => {
    asked.push(`members ${wan ? 'wan' : 'lan'}`)
    return []
  },
  metrics: () => ({ Gauges: [] }),
  monitor: ({ level }: { readonly level: string }) => {
    asked.push(`monitor ${level}`)
    return lines()
  },
}
const profiler = {
  cpu: async (durationMs: number) => Buffer.from(`cpu ${durationMs}`),
  timeline: async (durationMs: number) => `timeline ${durationMs}`,
  heap: async () => Buffer.from('heap'),
  waiting: async () => Buffer.from('waiting'),
  commandLine: () => [],
}
const { port } = await serve(t, { ...fakePorts({ agent }), profiler })
const closed = await serve(
  t,
  fakePorts({ agent: { ...agent, self: async () => ({ ...about, DebugConfig: {} }) } }),
)
const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${port}` }

process.chdir(t.testdir({ taken: 'x' }))

t.test('what is so once is in files of its own', async (t) => {
  const line = 'debug -capture=agent -capture=host -capture=cluster -output=a/b -archive=false'
  t.strictSame(await runLine(wordsOf(line), { env }), {
    code: 0,
    err: '',
    out: `==> Starting debugger and capturing static information...
     Agent Version: '1.8.7'
          Interval: '30s'
          Duration: '2m0s'
            Output: 'a/b'
           Capture: 'agent, host, cluster'
    Saved debug archive: a/b
`,
  })
  t.strictSame(readdirSync('a/b').toSorted(), [
    'agent.json',
    'cluster.json',
    'host.json',
    'index.json',
  ])
  t.match(readFileSync('a/b/agent.json', 'utf8'), /\n\t"Big": 18446744073709551615\n\}$/)
  t.equal(readFileSync('a/b/host.json', 'utf8'), '{\n\t"Memory": {\n\t\t"total": 1\n\t}\n}')
  t.strictSame(JSON.parse(readFileSync('a/b/index.json', 'utf8')), {
    Version: 1,
    AgentVersion: '1.8.7',
    Interval: '30s',
    Duration: '2m0s',
    Targets: ['agent', 'host', 'cluster'],
  })
  t.ok(asked.includes('members wan'))
})

t.test('an archive has the directory in it, and is for its owner', async (t) => {
  const { code, out } = await runLine(wordsOf('debug -capture=agent -output=packed'), { env })
  t.match({ code, out }, { code: 0, out: /Saved debug archive: packed\.tar\.gz\n$/ })
  t.equal(statSync('packed.tar.gz').mode & 0o777, 0o600)
  t.equal(
    execFileSync('tar', ['-tzf', 'packed.tar.gz'], { encoding: 'utf8' }),
    'packed/\npacked/agent.json\npacked/index.json\n',
  )
  execFileSync('tar', ['-xzf', 'packed.tar.gz'])
  t.match(JSON.parse(readFileSync('packed/agent.json', 'utf8')), about)
})

/** One interval of five seconds, of these, in a directory of its own. */
async function capture(what: readonly Target[], at: number, interrupted: AbortSignal) {
  const directory = `interval-${what.join('-')}`
  mkdirSync(directory)
  const io = { env: { CONSUL_HTTP_ADDR: `127.0.0.1:${at}` }, interrupted } as unknown as Io
  const parsed = parseFlags([], [])
  const flags = parsed.kind === 'parsed' ? parsed.flags : undefined
  const client = await connectAgent(must(flags, 'no flag is wrong'), io)
  const clock = new VirtualClock()
  const deps = { client, clock, targets: new Set(what), directory, interrupted }
  const done = captureInterval(deps, 5000)
  return { clock, directory, done }
}

t.test('an interval has its metrics, its log and its profiles', async (t) => {
  const { signal } = new AbortController()
  const { clock, directory, done } = await capture(['metrics', 'logs', 'pprof'], port, signal)
  const within = join(directory, String(Date.UTC(2026, 0, 1) / 1000))
  const names = [
    'consul.log',
    'goroutine.prof',
    'heap.prof',
    'metrics.json',
    'profile.prof',
    'trace.out',
  ]
  const texts = (): string[] =>
    readdirSync(within).map((name) => readFileSync(join(within, name), 'utf8'))
  while (clock.timers === 0 || texts().filter((text) => text !== '').length < names.length)
    await turn()
  await clock.advance(5000)
  t.strictSame(await done, [])
  t.strictSame(readdirSync(within), names)
  t.strictSame(texts(), [
    'one line\n',
    'waiting',
    'heap',
    '{\n\t"Gauges": []\n}',
    'cpu 5000',
    'timeline 5000',
  ])
  t.ok(asked.includes('monitor DEBUG'))
})

t.test('what can not be had is told, and an interruption ends an interval', async (t) => {
  const { signal } = new AbortController()
  const refused = await capture(['pprof'], closed.port, signal)
  while (refused.clock.timers === 0) await turn()
  await refused.clock.advance(5000)
  const told = (await refused.done).map(({ message }) => message)
  t.equal(told.length, 4)
  t.match(told[0], /^failed to collect heap profile: Unexpected response code: 401/)

  const interruption = new AbortController()
  const ended = await capture(['metrics'], port, interruption.signal)
  interruption.abort()
  t.strictSame(await ended.done, [])
  t.equal(ended.clock.timers, 0)
})

t.test('what would not do is refused before anything is written', async (t) => {
  const validation = '==> Capture validation failed: '
  const rows: readonly (readonly [line: string, error: string])[] = [
    ['debug x', '==> debug: Too many arguments provided, expected 0\n'],
    ['debug -duration=9s', `${validation}duration must be longer than 10s\n`],
    ['debug -interval=4s', `${validation}interval must be longer than 5s\n`],
    [
      'debug -duration=10s -interval=20s',
      `${validation}duration (10s) must be longer than interval (20s)\n`,
    ],
    ['debug -capture=nope', `${validation}target not found: nope\n`],
    ['debug -capture=agent -output=taken', `${validation}output directory already exists: taken\n`],
  ]
  for (const [line, err] of rows)
    t.strictSame(await runLine(wordsOf(line), { env }), { code: 1, out: '', err }, line)
  const nobody = await runLine(['debug'], { env: { CONSUL_HTTP_ADDR: '127.0.0.1:1' } })
  t.match(nobody.err, /error querying target agent: Get .* refused\. verify connectivity and agent/)
  const { err, out } = await runLine(wordsOf('debug -capture=pprof -capture=host -output=h'), {
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${closed.port}` },
  })
  t.match(
    { err, out },
    { err: /^\[WARN\] Unable to capture pprof\. Set enable_debug/, out: /'host'/ },
  )
})
