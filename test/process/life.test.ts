import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { type AgentProcess, startAgentProcess } from '../support/agent-process.ts'

async function directory(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Resolves once the process has printed this. */
async function untilPrinted(agent: AgentProcess, text: string): Promise<void> {
  while (!agent.output().includes(text)) {
    if (agent.child.exitCode !== null) throw new Error(`it ended:\n${agent.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

t.test('one screen says what runs where, and the next command to try works', async (t) => {
  await using agent = await startAgentProcess({ args: ['-dev', '-node=n1'] })
  await agent.untilLeading()
  const screen = agent.output()
  for (const part of [
    "Node name: 'n1'",
    `HTTP: ${agent.httpPort}`,
    `DNS: ${agent.dnsPort}`,
    'in memory',
    '==> Praetor agent running!',
  ])
    t.ok(screen.includes(part), part)
  const tried = /Try: curl http:\/\/127\.0\.0\.1:\d+\/v1(\S+)/.exec(screen)?.[1] ?? ''
  t.equal((await agent.ask('GET', tried)).status, 200)
})

t.test('a server told to stop ends with 1, in order, and its ports are free at once', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    await using agent = await startAgentProcess({ args: ['-dev'] })
    await agent.untilLeading()
    agent.child.kill(signal)
    t.equal(await agent.exited, 1, signal)
    t.match(agent.output(), /Graceful shutdown disabled. Exiting/)
    await using next = await startAgentProcess({
      args: ['-dev'],
      httpPort: agent.httpPort,
      dnsPort: agent.dnsPort,
    })
    await next.untilLeading()
  }
})

t.test('an agent told to leave over HTTP answers, and ends with 0', async (t) => {
  await using agent = await startAgentProcess({ args: ['-dev'] })
  await agent.untilLeading()
  t.equal((await agent.ask('PUT', '/agent/leave')).status, 200)
  t.equal(await agent.exited, 0)
})

t.test('what makes a start impossible is one sentence and exit code 1', async (t) => {
  await using other = await startAgentProcess({ args: ['-dev'] })
  await other.untilLeading()
  const dir = await directory(t)
  const notDirectory = join(dir, 'file')
  await writeFile(notDirectory, 'x')
  const bad = join(dir, 'bad.hcl')
  await writeFile(bad, 'server = true\nbogus_key = 1\n')
  const rows: readonly (readonly [readonly string[], RegExp, number?])[] = [
    [['-dev'], /listen 127\.0\.0\.1:\d+: address already in use/, other.httpPort],
    [[], /^==> data_dir cannot be empty$/m],
    [['-server', '-bootstrap', `-data-dir=${notDirectory}`], /==> /],
    [[`-config-file=${bad}`], /invalid config key bogus_key.*bad\.hcl:2/],
    [['-dev', '-bogus'], /flag provided but not defined: -bogus/],
    [['-dev', 'extra'], /Unexpected extra arguments: \[extra\]/],
  ]
  for (const [args, said, httpPort] of rows) {
    await using agent = await startAgentProcess({ args, ...(httpPort ? { httpPort } : {}) })
    t.equal(await agent.exited, 1, args.join(' '))
    t.match(agent.output(), said)
    t.notMatch(agent.output(), /\n {4}at /, 'no stack')
  }
})

t.test('SIGHUP takes on what the files say now, and keeps what clients registered', async (t) => {
  const dir = await directory(t)
  const file = join(dir, 'services.hcl')
  await writeFile(file, 'service { name = "one" }')
  await using agent = await startAgentProcess({
    args: ['-server', '-bootstrap', `-data-dir=${join(dir, 'data')}`, `-config-file=${file}`],
  })
  await agent.untilLeading()
  await agent.ask('PUT', '/agent/service/register', '{"Name":"client"}')
  await writeFile(file, 'service { name = "two" port = 2 }')
  agent.child.kill('SIGHUP')
  await untilPrinted(agent, 'Deregistered service: service=one')
  const { text } = await agent.ask('GET', '/agent/services')
  t.strictSame(Object.keys(JSON.parse(text) as object), ['client', 'two'])
  await writeFile(file, 'service { nme = "three" }')
  const { status } = await agent.ask('PUT', '/agent/reload')
  t.equal(status, 500, 'a mistake changes nothing')
  t.equal((await agent.ask('GET', '/agent/services')).text, text)
})

t.test('registrations, keys and sessions are there after a restart', async (t) => {
  const dir = await directory(t)
  const args = ['-server', '-bootstrap', `-data-dir=${dir}`, '-node=n1']
  const before = new Map<string, string>()
  {
    await using agent = await startAgentProcess({ args })
    await agent.untilLeading()
    await agent.ask(
      'PUT',
      '/agent/service/register',
      '{"Name":"web","Port":80,"Check":{"TTL":"1h"}}',
    )
    await agent.ask('PUT', '/agent/check/pass/service:web?note=fine')
    await agent.ask('PUT', '/kv/a', 'b')
    await agent.ask('PUT', '/session/create', '{"TTL":"1h","Checks":[]}')
    await untilPrinted(agent, 'Synced service: service=web')
    for (const path of ['/kv/a', '/session/list', '/catalog/service/web', '/agent/checks'])
      before.set(path, (await agent.ask('GET', path)).text)
    agent.child.kill('SIGTERM')
    await agent.exited
  }
  await using agent = await startAgentProcess({ args })
  await agent.untilLeading()
  for (const [path, text] of before) t.equal((await agent.ask('GET', path)).text, text, path)
})

t.test('one write wakes the one who waits for its key, and the others stay', async (t) => {
  const waiters = 1000
  await using agent = await startAgentProcess({
    args: [
      '-dev',
      '-hcl',
      `limits { http_max_conns_per_client = ${waiters + 100} }
       telemetry { prometheus_retention_time = "60s" disable_hostname = true }`,
    ],
  })
  await agent.untilLeading()
  const seed = await agent.ask('PUT', '/kv/seed', 'x')
  t.equal(seed.status, 200)
  const { index } = await agent.ask('GET', '/kv/seed')
  const woken: number[] = []
  const requests = await Promise.all(
    Array.from(
      { length: waiters },
      (_, id) =>
        new Promise<ReturnType<typeof get>>((resolve, reject) => {
          const request = get(
            `http://127.0.0.1:${agent.httpPort}/v1/kv/watched/${id}?index=${index}&wait=300s`,
            { agent: false },
            (response) => {
              woken.push(id)
              response.resume()
            },
          )
          request.on('error', (error: NodeJS.ErrnoException) => {
            if (error.code !== 'ECONNRESET') reject(error)
          })
          request.on('socket', (socket) => socket.on('connect', () => resolve(request)))
        }),
    ),
  )
  const waiting = async (): Promise<number> => {
    const { text } = await agent.ask('GET', '/agent/metrics?format=prometheus')
    return Number(/^consul_rpc_queries_blocking (\d+)$/m.exec(text)?.[1] ?? -1)
  }
  const until = async (count: number): Promise<void> => {
    while ((await waiting()) !== count) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await until(waiters)
  await agent.ask('PUT', '/kv/watched/500', 'now')
  await until(waiters - 1)
  t.strictSame(woken, [500])
  for (const request of requests) request.destroy()
  await until(0)
  t.strictSame(woken, [500])
})

t.test('HTTP is there before the log has been read', async (t) => {
  await using agent = await startAgentProcess({ args: ['-dev'] })
  await new Promise<void>((resolve) => {
    const knock = (): void => {
      const socket = connect(agent.httpPort, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve()
      })
      socket.once('error', () => setTimeout(knock, 5))
    }
    knock()
  })
  const { status } = await agent.ask('GET', '/status/leader')
  t.equal(status, 200)
})
