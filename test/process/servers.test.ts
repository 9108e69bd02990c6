import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { patienceMs, threeServers, until } from '../support/server-set.ts'

interface Configuration {
  readonly Servers: readonly {
    readonly ID: string
    readonly Node: string
    readonly Leader: boolean
    readonly Voter: boolean
  }[]
}

t.test('three servers lose one, go on as two, and take it in again', async (t) => {
  t.setTimeout(4 * patienceMs)
  const { start } = await threeServers(t)
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

t.test(
  'two of three servers are lost for good, and the third goes on alone by peers.json',
  async (t) => {
    t.setTimeout(4 * patienceMs)
    const { start, dataDir, addressOf } = await threeServers(t)
    let id = ''
    {
      await using s0 = await start(0)
      await using s1 = await start(1)
      await using s2 = await start(2)
      for (const server of [s0, s1, s2]) await server.untilLeading()
      t.equal((await s1.ask('PUT', '/kv/a', 'kept')).status, 200)
      const { text } = await s0.ask('GET', '/operator/raft/configuration')
      id = (JSON.parse(text) as Configuration).Servers.find(({ Node }) => Node === 's0')?.ID ?? ''
      for (const server of [s1, s2, s0]) server.child.kill('SIGKILL')
    }
    const file = join(dataDir(0), 'raft/peers.json')
    await writeFile(file, '[{"id":"somebody","address":"127.0.0.1:8300"}]')
    await using refused = await start(0)
    t.equal(await refused.exited, 1)
    t.match(refused.output(), `peers.json does not name this server, ${id}`)

    await writeFile(file, JSON.stringify([{ id, address: addressOf(0) }]))
    await using alone = await start(0)
    await alone.untilLeading()
    t.match(alone.output(), /found peers\.json file, recovering Raft configuration/)
    t.match(alone.output(), /deleted peers\.json file after successful recovery/)
    await t.rejects(access(file))
    t.equal((await alone.ask('GET', '/kv/a?raw&consistent')).text, 'kept')
    t.equal((await alone.ask('PUT', '/kv/b', 'new')).status, 200)

    // One of the lost comes back after all: it is let in, and gets what was written without it.
    await using back = await start(1)
    await until(
      () => back.ask('GET', '/kv/b?raw&stale'),
      ({ text }) => text === 'new',
    )
    await until(
      () => back.ask('GET', '/operator/raft/configuration'),
      ({ text }) => text.split('"Voter":true').length === 3,
    )
  },
)
