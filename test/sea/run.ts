import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePort } from '../support/agent-process.ts'

/** Runs what build.ts made where there is no Node and no file of ours: it must say what it is, serve and end. */
const executable = join(import.meta.dirname, '../../build/sea/praetor')
const startMs = 30_000
const askAgainMs = 20
const env = { PATH: '/nonexistent' }

await using directory = await mkdtempDisposable(join(tmpdir(), 'praetor-sea-'))
const cwd = directory.path

assert.match(execFileSync(executable, ['version'], { env, cwd, encoding: 'utf8' }), /^Praetor v/)

const http = await freePort()
const ports = [`-http-port=${http}`]
for (const name of ['dns', 'server', 'serf-lan', 'serf-wan'])
  ports.push(`-${name}-port=${await freePort()}`)
const started = performance.now()
const agent = spawn(executable, ['agent', '-dev', ...ports], { env, cwd, stdio: 'ignore' })
const closed = once(agent, 'close')
try {
  await untilWritten()
  const ms = Math.round(performance.now() - started)
  const address = `-http-addr=127.0.0.1:${http}`
  const value = execFileSync(executable, ['kv', 'get', address, 'a'], { env, cwd })
  assert.equal(value.toString(), 'b\n')
  await assertPage()
  agent.kill('SIGINT')
  await Promise.race([closed, sleep(startMs, undefined, { ref: false })])
  assert.notEqual(agent.exitCode, null, 'it ends when told to')
  console.log(`the executable runs by itself: it took a write ${ms} ms after its start`)
} finally {
  agent.kill('SIGKILL')
}

async function untilWritten(): Promise<void> {
  const deadline = Date.now() + startMs
  for (;;) {
    const url = `http://127.0.0.1:${http}/v1/kv/a`
    const answer = await fetch(url, { method: 'PUT', body: 'b' }).catch(() => undefined)
    if (answer?.status === 200) return
    assert.equal(agent.exitCode, null, 'it stays')
    assert.ok(Date.now() < deadline, 'it answers in time')
    await sleep(askAgainMs)
  }
}

/** The page and what it names. */
async function assertPage(): Promise<void> {
  const page = await fetch(`http://127.0.0.1:${http}/ui/`)
  const html = await page.text()
  assert.equal(page.status, 200, html)
  const parts = html.match(/(?<=(?:src|href)="\.\/)[^"]+/g) ?? []
  assert.ok(parts.length > 0, html)
  for (const part of parts) {
    const { status, headers } = await fetch(`http://127.0.0.1:${http}/ui/${part}`)
    assert.equal(status, 200, part)
    assert.match(headers.get('content-type') ?? '', /css|javascript|svg/, part)
  }
}
