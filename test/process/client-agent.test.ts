import t from 'tap'

import type { AgentProcess } from '../support/agent-process.ts'
import { patienceMs, threeServers, until } from '../support/server-set.ts'

const web = JSON.stringify({ Name: 'web', Port: 80, Check: { TTL: '1h', Status: 'passing' } })

/** The services of that name that pass, by node. */
async function passing(agent: AgentProcess, service: string): Promise<string[]> {
  const { text } = await agent.ask('GET', `/health/service/${service}?passing`)
  const rows = JSON.parse(text) as readonly { readonly Node: { readonly Node: string } }[]
  return rows.map(({ Node }) => Node.Node).toSorted()
}

t.test(
  'a client agent does all that a server does, through servers that come and go',
  async (t) => {
    t.setTimeout(6 * patienceMs)
    const { start, startClient } = await threeServers(t)
    await using s0 = await start(0)
    await using s1 = await start(1)
    await using s2 = await start(2)
    const servers = [s0, s1, s2]
    await using client = await startClient('c0')
    await until(
      () => client.ask('GET', '/status/leader'),
      ({ text }) => text.includes(':'),
    )
    await until(
      () => client.ask('PUT', '/kv/a', 'one'),
      ({ text }) => text === 'true',
    )
    t.equal((await s0.ask('GET', '/kv/a?raw')).text, 'one')
    t.equal((await client.ask('PUT', '/agent/service/register', web)).status, 200)
    await until(
      () => passing(s1, 'web'),
      (nodes) => nodes.join() === 'c0',
    )
    const archive = await fetch(`http://127.0.0.1:${client.httpPort}/v1/snapshot`)
    t.equal(archive.status, 200)
    t.same([...new Uint8Array(await archive.arrayBuffer()).subarray(0, 2)], [0x1f, 0x8b])

    // Whichever server it asks is among these; a read that waits goes on at another.
    const { index } = await client.ask('GET', '/kv/a')
    const waiting = client.ask('GET', `/kv/a?index=${index}&wait=5m&raw`)
    const leader = (await client.ask('GET', '/status/leader')).text
    const others: AgentProcess[] = []
    for (const server of servers) {
      const self = JSON.parse((await server.ask('GET', '/agent/self')).text) as {
        readonly Stats: { readonly consul: { readonly leader: string } }
      }
      if (self.Stats.consul.leader !== 'true') others.push(server)
    }
    t.equal(others.length, 2, `one leads: ${leader}`)
    const first = others[0]
    first?.child.kill('SIGKILL')
    for (let write = 0; write < 20; write += 1)
      t.match(await client.ask('PUT', `/kv/w/${write}`, 'x'), { status: 200, text: 'true' })
    t.equal((await client.ask('PUT', '/kv/a', 'two')).text, 'true')
    t.equal((await waiting).text, 'two')

    const seen = servers.find((server) => server !== first)
    if (seen === undefined) throw new Error('two servers are left')
    client.child.kill('SIGKILL')
    await until(
      () => passing(seen, 'web'),
      (nodes) => nodes.length === 0,
    )
    t.match((await seen.ask('GET', '/health/node/c0')).text, /"serfHealth".*"critical"/)

    await using back = await startClient('c0')
    await until(
      () => passing(seen, 'web'),
      (nodes) => nodes.join() === 'c0',
    )
    back.child.kill('SIGTERM')
    t.equal(await back.exited, 0, 'a client leaves when it is stopped')
    await until(
      () => seen.ask('GET', '/catalog/nodes'),
      ({ text }) => !text.includes('"c0"'),
    )
  },
)

t.test('a client that knows no server says so, and does not wait', async (t) => {
  const { startClient } = await threeServers(t)
  await using client = await startClient('c0')
  await until(
    () => client.ask('GET', '/catalog/nodes'),
    ({ status, text }) => status === 500 && text === 'No known Consul servers',
  )
  t.match(await client.ask('GET', '/agent/members'), { status: 200 })
})
