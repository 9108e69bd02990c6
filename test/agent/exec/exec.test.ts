import { spawn } from 'node:child_process'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import fc from 'fast-check'
import t from 'tap'

import { decodeCall, decodeJob, encodeCall, encodeJob } from '../../../agent/exec/job.ts'
import { Report } from '../../../agent/exec/report.ts'
import { startAgentProcess } from '../../support/agent-process.ts'
import { VirtualClock } from '../../support/clock.ts'
import { runLine, wordsOf } from '../../support/command-line.ts'

t.test('a job is written as Consul writes it', async (t) => {
  const none = { command: '', args: [], script: new Uint8Array(), waitMs: 2000 }
  t.equal(
    encodeJob({ ...none, command: 'echo hi; echo there >&2; exit 3' }),
    '{"Command":"echo hi; echo there \\u003e\\u00262; exit 3","Wait":2000000000}',
  )
  t.equal(encodeJob({ ...none, args: ['a', 'b'] }), '{"Args":["a","b"],"Wait":2000000000}')
  t.equal(
    encodeJob({ ...none, script: Buffer.from('echo') }),
    '{"Script":"ZWNobw==","Wait":2000000000}',
  )
  t.equal(encodeCall({ prefix: '_rexec', session: 's' }), '{"Prefix":"_rexec","Session":"s"}')
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string()), fc.uint8Array(), (command, args, bytes) => {
      const job = { command, args, script: Buffer.from(bytes), waitMs: 1500 }
      t.strictSame(decodeJob(Buffer.from(encodeJob(job))), job)
    }),
    { numRuns: 50 },
  )
})

t.test('what is no job, and no call, is known for none', async (t) => {
  for (const text of [
    '',
    'x',
    '[',
    'null',
    '"a"',
    '{"Args":[1]}',
    '{"Wait":"2s"}',
    '{"Command":1}',
  ])
    t.equal(decodeJob(Buffer.from(text)), undefined, text)
  for (const text of ['', '{}', 'null', '{"Session":1}', '{"Prefix":1,"Session":"a"}'])
    t.equal(decodeCall(Buffer.from(text)), undefined, text)
})

t.test('output is told in chunks, soon, to a limit, and silence as heartbeats', async (t) => {
  const clock = new VirtualClock()
  const put: string[] = []
  const sizes: number[] = []
  const report = new Report({
    clock,
    heartbeatMs: 2000,
    put: async (name, value) => {
      put.push(`${name} ${value.length < 20 ? Buffer.from(value).toString() : value.length}`)
      sizes.push(value.length)
    },
    lost: () => t.fail('nothing was lost'),
  })
  await clock.advance(2000)
  t.strictSame(put, ['out/00000 '], 'a heartbeat')
  await report.write(Buffer.from('a'))
  await clock.advance(400)
  await report.write(Buffer.from('b'))
  t.equal(put.length, 1)
  await clock.advance(100)
  t.strictSame(put.slice(1), ['out/00001 ab'], 'half a second after the first of it')
  await report.write(Buffer.alloc(10_000))
  t.strictSame(put.slice(2), ['out/00002 4096', 'out/00003 4096'])
  await report.write(Buffer.alloc(8 << 20))
  await report.write(Buffer.alloc(8 << 20))
  await report[Symbol.asyncDispose]()
  t.match(put.at(-1), /^out\/[0-9a-f]{5} \d+$/)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  t.ok(total > 4 << 20 && total < (4 << 20) + 100, `${total} bytes of 16 MiB`)
  t.equal(clock.timers, 0)
})

t.test('who can tell nobody is told so', async (t) => {
  const lost: unknown[] = []
  const report = new Report({
    clock: new VirtualClock(),
    heartbeatMs: 2000,
    put: () => Promise.reject(new Error('gone')),
    lost: (error) => void lost.push((error as Error).message),
  })
  await report.write(Buffer.alloc(4096))
  await report[Symbol.asyncDispose]()
  t.strictSame(lost, ['gone'])
})

t.test('a command runs on the nodes that allow it and whom it is for', async (t) => {
  await using agent = await startAgentProcess({
    args: ['-dev', '-node=n1', '-hcl=disable_remote_exec=false'],
  })
  await agent.untilLeading()
  const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${agent.httpPort}` }
  const run = async (line: string, stdin?: string): Promise<readonly [number, string[]]> => {
    const options = stdin === undefined ? { env } : { env, stdin }
    const { code, out, err } = await runLine(wordsOf(line), options)
    if (err !== '') throw new Error(err)
    // A command's end may be seen before its last output is.
    return [code, out.trimEnd().split('\n').toSorted()]
  }
  const done = '1 / 1 node(s) completed / acknowledged'
  const cases: readonly [string, number, readonly string[], string?][] = [
    [
      "'echo one; echo two >&2; exit 3'",
      2,
      ['    n1:', '    n1: one', '    n1: two', done, '==> n1: finished with exit code 3'],
    ],
    ['-shell=false printf %s a;b', 0, ['    n1: a;b', done, '==> n1: finished with exit code 0']],
    ['-shell=false /no/such', 2, [done, '==> n1: finished with exit code 255']],
    ["'kill -9 $$'", 2, [done, '==> n1: finished with exit code -1']],
    ['-node=other true', 0, ['0 / 0 node(s) completed / acknowledged']],
    [
      '-',
      0,
      ['    n1:', '    n1: read', done, '==> n1: finished with exit code 0'],
      'cat\necho read\n',
    ],
    [
      "-verbose -wait=600ms 'sleep 1; echo late'",
      0,
      [
        '    n1:',
        '    n1: late',
        done,
        '==> n1: acknowledged',
        '==> n1: finished with exit code 0',
      ],
    ],
  ]
  // Each waits for silence: they wait together.
  await Promise.all(
    cases.map(async ([line, code, expected, stdin]) => {
      const [actualCode, lines] = await run(`exec -wait=1s ${line}`, stdin)
      const said = lines.filter((text) => !/session|spec$|event|heartbeat|seconds$/.test(text))
      t.strictSame([actualCode, said], [code, expected], line)
    }),
  )
  t.strictSame(JSON.parse((await agent.ask('GET', '/event/list')).text), [])
  t.equal((await agent.ask('GET', '/kv/_rexec?keys')).status, 404, 'nothing is left behind')
  t.strictSame(JSON.parse((await agent.ask('GET', '/session/list')).text), [])
})

t.test('a command ends with the session of who asked for it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'exec-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const [begun, ended] = [join(directory, 'begun'), join(directory, 'ended')]
  await using agent = await startAgentProcess({
    args: ['-dev', '-node=n1', '-hcl=disable_remote_exec=false'],
  })
  await agent.untilLeading()
  const main = join(import.meta.dirname, '../../../agent/main.ts')
  const asking = spawn(
    process.execPath,
    [
      main,
      'exec',
      `-http-addr=127.0.0.1:${agent.httpPort}`,
      '-wait=500ms',
      `trap 'touch ${ended}' TERM; touch ${begun}; while :; do sleep 0.1; done`,
    ],
    { stdio: 'ignore' },
  )
  const exited = new Promise((resolve) => asking.once('exit', resolve))
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    )
  while (!(await isThere(begun))) await new Promise((resolve) => setTimeout(resolve, 20))
  asking.kill('SIGINT')
  t.equal(await exited, 1)
  t.equal((await agent.ask('GET', '/kv/_rexec?keys')).status, 404, 'nothing is left behind')
  while (!agent.output().includes('failed to write output of remote exec'))
    await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(await isThere(ended), false, 'it was not asked')
})

t.test('an agent runs nothing for anybody unless it is told to', async (t) => {
  await using agent = await startAgentProcess({ args: ['-dev', '-node=n1'] })
  await agent.untilLeading()
  const env = { CONSUL_HTTP_ADDR: `127.0.0.1:${agent.httpPort}` }
  const { code, out } = await runLine(['exec', '-wait=300ms', 'true'], { env })
  t.strictSame([code, out], [0, '0 / 0 node(s) completed / acknowledged\n'])
  t.match(agent.output(), /ignoring remote exec event, disabled/)
})
