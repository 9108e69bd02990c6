import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { judgeStreams, readStream } from '../simulation/streams.ts'
import { type AgentProcess, freePort, startAgentProcess } from '../support/agent-process.ts'
import { until } from '../support/server-set.ts'

const names = ['s0', 's1', 's2'] as const
type Name = (typeof names)[number]

/** Three servers on the loopback that write down every turn of theirs, each in a file. */
async function tracedServers(t: Test) {
  const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const trace = (name: Name): string => join(directory, `${name}.jsonl`)
  const ports = new Map<Name, readonly string[]>()
  const joins: string[] = []
  for (const name of names) {
    const lan = await freePort()
    ports.set(name, [
      `-server-port=${await freePort()}`,
      `-serf-lan-port=${lan}`,
      `-serf-wan-port=${await freePort()}`,
    ])
    joins.push(`-retry-join=127.0.0.1:${lan}`)
  }
  const start = (name: Name): Promise<AgentProcess> =>
    startAgentProcess({
      args: [
        '-server',
        '-bootstrap-expect=3',
        `-node=${name}`,
        `-data-dir=${join(directory, name)}`,
        '-bind=127.0.0.1',
        '-log-level=warn',
        '-hcl=performance { raft_multiplier = 1 }',
        ...(ports.get(name) ?? []),
        ...joins,
      ],
      env: { PRAETOR_RAFT_TRACE: trace(name) },
    })
  return { start, traces: names.map(trace) }
}

/** Writes one after the other until it is told to stop, whatever becomes of each. */
async function write(
  agent: AgentProcess,
  written: { count: number },
  signal: AbortSignal,
): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    const answer = await agent.ask('PUT', `/kv/k${count % 9}`, `v${count}`).catch(() => undefined)
    if (answer?.text === 'true') written.count += 1
  }
}

t.test('what real servers did through the loss of one and its return, Raft allows', async (t) => {
  t.setTimeout(60_000)
  const { start, traces } = await tracedServers(t)
  const written = { count: 0 }
  {
    await using s0 = await start('s0')
    await using s1 = await start('s1')
    await using lost = await start('s2')
    for (const server of [s0, s1, lost]) await server.untilLeading()
    const end = new AbortController()
    const writing = [s0, s1, s1].map((server) => write(server, written, end.signal))
    await s0.ask('PUT', '/kv/before', 'x')
    lost.child.kill('SIGKILL')
    await lost.exited
    await using found = await start('s2')
    await found.untilLeading()
    await found.ask('PUT', '/kv/after', 'x')
    // However slow the machine is: there is something to judge.
    await until(
      () => written.count,
      (count) => count > 40,
    )
    end.abort()
    await Promise.all(writing)
  }
  const { accepted, refusal } = judgeStreams(traces.map(readStream))
  t.equal(refusal, null)
  t.ok(accepted > 200, `${accepted} events, ${written.count} writes`)

  // The judge sees what is wrong in them, and is not put off by what a killed process leaves.
  await appendFile(traces[0] ?? '', '{"kind":"turn","ser')
  t.same(judgeStreams(traces.map(readStream)), { accepted, refusal: null })
  const s1 = await readFile(traces[1] ?? '', 'utf8')
  const lines = s1.split('\n').filter((line) => line !== '')
  const position = lines.findIndex((line) => line.includes('"appendResponse"'))
  lines[position] =
    lines[position]?.replace('"appendResponse","term":', '"appendResponse","term":9') ?? ''
  await rm(traces[1] ?? '')
  await appendFile(traces[1] ?? '', lines.join('\n'))
  t.not(judgeStreams(traces.map(readStream)).refusal, null)
})
