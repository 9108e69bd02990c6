import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import { type AgentProcess, freePort, startAgentProcess } from '../support/agent-process.ts'

interface Configuration {
  readonly Servers: readonly {
    readonly ID: string
    readonly Node: string
    readonly Leader: boolean
    readonly Voter: boolean
  }[]
}

/** How long the slowest step may take: autopilot acts every ten seconds. */
const patienceMs = 45_000

/** Asks until the answer is as wanted; throws with the last one when it never is. */
async function until<Value>(ask: () => Promise<Value>, wanted: (value: Value) => boolean) {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const value = await ask().catch(() => undefined)
    if (value !== undefined && wanted(value)) return value
    if (Date.now() > deadline) throw new Error(`it stayed ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

t.test('three servers lose one, go on as two, and take it in again', async (t) => {
  t.setTimeout(4 * patienceMs)
  const directory = await mkdtemp(join(tmpdir(), 'praetor-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const lanPorts = [await freePort(), await freePort(), await freePort()]
  const start = async (at: number): Promise<AgentProcess> =>
    startAgentProcess({
      args: [
        '-server',
        '-bootstrap-expect=3',
        `-node=s${at}`,
        `-data-dir=${join(directory, String(at))}`,
        '-bind=127.0.0.1',
        `-server-port=${await freePort()}`,
        `-serf-lan-port=${lanPorts[at]}`,
        `-serf-wan-port=${await freePort()}`,
        '-hcl=performance { raft_multiplier = 1 }',
        '-hcl=autopilot { server_stabilization_time = "1s" }',
        ...lanPorts.map((port) => `-retry-join=127.0.0.1:${port}`),
      ],
    })
  await using s0 = await start(0)
  await using s1 = await start(1)
  await using lost = await start(2)
  for (const server of [s0, s1, lost]) await server.untilLeading()
  await s0.ask('PUT', '/kv/a', 'before')

  const servers = async (): Promise<Configuration['Servers']> => {
    const { text } = await s0.ask('GET', '/operator/raft/configuration')
    return (JSON.parse(text) as Configuration).Servers
  }
  const voters = async (): Promise<string[]> =>
    (await servers())
      .filter(({ Voter }) => Voter)
      .map(({ Node }) => Node)
      .toSorted()
  t.strictSame(await voters(), ['s0', 's1', 's2'])
  await until(
    () => s1.ask('GET', '/operator/autopilot/health'),
    ({ status, text }) => status === 200 && text.includes('"FailureTolerance":1'),
  )

  const heir = (await servers()).find(({ Node, Leader }) => Node !== 's2' && !Leader)
  const transfer = `/operator/raft/transfer-leader?id=${heir?.ID}`
  t.match(await s1.ask('POST', transfer), { status: 200, text: '{"Success":true}' })
  await until(servers, (all) => all.some(({ ID, Leader }) => Leader && ID === heir?.ID))

  lost.child.kill('SIGKILL')
  await until(
    () => s1.ask('GET', '/operator/autopilot/health'),
    ({ status }) => status === 429,
  )
  await until(voters, (names) => names.join() === 's0,s1')
  await s0.ask('PUT', '/kv/a', 'between')

  await using back = await start(2)
  await until(servers, (all) => all.some(({ Node, Voter }) => Node === 's2' && !Voter))
  await until(voters, (names) => names.join() === 's0,s1,s2')
  t.equal((await back.ask('GET', '/kv/a?raw&stale')).text, 'between')
})
