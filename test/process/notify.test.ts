import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { startAgentProcess } from '../support/agent-process.ts'

/** Stands where systemd's own program would: it writes down what it was to tell, each message on a line. */
const notifier = `#!/bin/sh
{ printf '%s ' "$NOTIFY_SOCKET" "$@"; echo; } >> "$(dirname "$0")/said"
`

interface Manager {
  readonly env: Readonly<Record<string, string>>
  /** What was said so far; without the ends of lines that are about time. */
  said(): Promise<string[]>
  /** Resolves once so many lines begin with this. */
  until(start: string, count?: number): Promise<void>
}

async function serviceManager(t: Test, watchdogMs: number): Promise<Manager> {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-notify-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'systemd-notify'), notifier, { mode: 0o755 })
  const said = async (): Promise<string[]> => {
    const text = await readFile(join(directory, 'said'), 'utf8').catch(() => '')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/MONOTONIC_USEC=[1-9]\d+/, 'MONOTONIC_USEC=…').trim())
  }
  return {
    env: {
      PATH: `${directory}:${process.env['PATH'] ?? ''}`,
      NOTIFY_SOCKET: '/nowhere',
      WATCHDOG_USEC: String(watchdogMs * 1000),
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hanging)}`,
    },
    said,
    async until(start, count = 1) {
      while ((await said()).filter((line) => line.includes(start)).length < count)
        await new Promise((resolve) => setTimeout(resolve, 20))
    },
  }
}

/** A file of this name makes the loop hang for ever. */
const hanging = `
import { existsSync } from 'node:fs'
const file = process.env.HANG_FILE
if (file) setInterval(() => { while (existsSync(file)); }, 20).unref()
`

t.test(
  'systemd is told of the start, a reload and the stop, and scripts do not speak for us',
  async (t) => {
    const manager = await serviceManager(t, 3_600_000)
    await using agent = await startAgentProcess({
      args: [
        '-dev',
        '-node=n1',
        '-enable-script-checks',
        '-hcl',
        'check { name = "env" args = ["/bin/sh", "-c", "echo [$NOTIFY_SOCKET$WATCHDOG_USEC]"] interval = "1s" }',
      ],
      env: manager.env,
    })
    await manager.until('READY=1')
    while (!(await agent.ask('GET', '/agent/checks')).text.includes('"Output": "[]'))
      await new Promise((resolve) => setTimeout(resolve, 20))
    agent.child.kill('SIGHUP')
    await manager.until('READY=1', 2)
    agent.child.kill('SIGTERM')
    t.equal(await agent.exited, 1)
    t.strictSame(await manager.said(), [
      '/nowhere EXTEND_TIMEOUT_USEC=60000000 STATUS=Starting',
      '/nowhere EXTEND_TIMEOUT_USEC=60000000 STATUS=Looking for other members',
      '/nowhere READY=1 STATUS=Server n1 of dc1 is up',
      '/nowhere RELOADING=1 MONOTONIC_USEC=… STATUS=Reading the configuration again',
      '/nowhere READY=1 STATUS=Server n1 of dc1 is up',
      '/nowhere STOPPING=1 STATUS=Stopping',
    ])
  },
)

t.test('an agent that looks for others is not ready until it has met one', async (t) => {
  const manager = await serviceManager(t, 3_600_000)
  await using first = await startAgentProcess({ args: ['-dev', '-node=n1'] })
  await first.untilLeading()
  const self = JSON.parse((await first.ask('GET', '/agent/self')).text) as {
    Member: { Port: number }
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'praetor-client-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  await using agent = await startAgentProcess({
    args: ['-node=n2', `-data-dir=${dataDir}`, `-join=127.0.0.1:${self.Member.Port}`],
    env: manager.env,
  })
  await manager.until('READY=1')
  const members = (await agent.ask('GET', '/agent/members')).text
  t.match(members, /"n1"/)
})

t.test(
  'the watchdog is fed while the agent answers, and starves once its loop hangs',
  async (t) => {
    const manager = await serviceManager(t, 200)
    const directory = await mkdtemp(join(tmpdir(), 'praetor-hang-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const file = join(directory, 'hang')
    await using agent = await startAgentProcess({
      args: ['-dev'],
      env: { ...manager.env, HANG_FILE: file },
    })
    await manager.until('WATCHDOG=1', 3)
    await writeFile(file, '')
    // Answered by nobody from the moment on at which the loop hangs.
    for (;;) {
      const answer = fetch(`http://127.0.0.1:${agent.httpPort}/v1/status/leader`, {
        signal: AbortSignal.timeout(500),
      })
      if ((await answer.catch(() => undefined)) === undefined) break
    }
    const before = (await manager.said()).length
    await new Promise((resolve) => setTimeout(resolve, 1000))
    t.equal((await manager.said()).length, before)
    await rm(file)
    await manager.until('WATCHDOG=1', before)
  },
)
