import { systemChance } from '../../../server/runtime/chance.ts'
import type { Expect } from './check.ts'
import { ConsulAgent } from './consul-agent.ts'
import { openOurs } from './our-pool.ts'
import type { OurOptions } from './our-pool.ts'
import { OurProcess } from './our-process.ts'
import { SerfAgent } from './serf-agent.ts'
import { everyone, statusesOf, views } from './view.ts'
import type { View } from './view.ts'
import { base64, bytes } from './world.ts'
import type { World } from './world.ts'

/** A suspicion of so few between data centres takes 30 seconds, and finding it some probes of 5. */
const failureWaitMs = 150_000
const members = ['west.dc1', 'east.dc2', 'north.dc3', 'south.dc4']

/** The pool of the servers of all data centres: two of Consul and two of ours. */
export async function meetServers(world: World, key: Uint8Array, expect: Expect): Promise<void> {
  const server = async (name: string, datacenter: string): Promise<OurOptions> => ({
    name: `${name}.${datacenter}`,
    datacenter,
    id: systemChance.uuid(),
    port: await world.nextPort(),
    key: base64(key),
    isWan: true,
  })
  const start = { key, isServer: true, isWan: true }
  await using west = await ConsulAgent.start(world, { ...start, name: 'west', datacenter: 'dc1' })
  await using south = await ConsulAgent.start(world, { ...start, name: 'south', datacenter: 'dc4' })
  await using east = await openOurs(await server('east', 'dc2'))
  await using north = new OurProcess(world, await server('north', 'dc3'))
  const all = [west.wan, south.wan, east, north]

  await expect('we join a server of Consul', 1, () => east.pool.join([west.wanAddress]))
  await expect('a server of Consul joins us', '', () =>
    south.put(`/v1/agent/join/${east.address}?wan=1`),
  )
  await expect('we join each other', 1, () => north.join(east.address))
  const alive = Object.fromEntries(members.map((name) => [name, 'alive']))
  await expect('all list all as alive', everyone(all, alive), () => views(all, statusesOf(members)))
  const own = await south.wan.view()
  await expect('all list all as they are, with addresses and tags', everyone(all, own), () =>
    views(all, (view) => view),
  )
  await expect('Consul knows our data centres', 'dc1 dc2 dc3 dc4', async () =>
    ((await west.get('/v1/catalog/datacenters')) as string[]).toSorted().join(' '),
  )
  await expect('a question reaches all', members.toSorted(), async () => {
    const { acks } = await east.pool.query({
      name: 'load',
      payload: bytes(''),
      filters: [],
      wantsAck: true,
      relayFactor: 0,
      timeoutMs: 3_000,
    })
    return [...acks].toSorted()
  })
  const next = systemChance.bytes(32)
  for (const verb of ['install', 'use'] as const)
    await expect(`all ${verb} another key of ours`, null, async () => {
      const { error } = await east.pool.operateKeyring(verb, next, 0)
      return error
    })
  await expect('all remove the old one', null, async () => {
    const { error } = await east.pool.operateKeyring('remove', key, 0)
    return error
  })
  await expect('Consul keeps the new one', [base64(next)], () => west.keptKeys('remote'))

  await using stranger = await SerfAgent.start(world, { name: 'stranger', key: next })
  await stranger.run('join', east.address).catch(() => undefined)
  await using client = await openOurs({
    ...(await server('client', 'dc1')),
    key: base64(next),
    tags: { role: 'node' },
  })
  await expect('we tell who is no server so', true, () =>
    client.pool.join([east.address]).then(
      () => false,
      (error: unknown) => /Member 'client.dc1' is not a server/.test(String(error)),
    ),
  )
  // Consul answers before it judges: that it refused is only seen in whom it lists.
  await client.pool.join([west.wanAddress]).catch(() => undefined)
  await expect('strangers are nowhere', everyone(all, members.toSorted()), () =>
    views(all, (view: View) => Object.keys(view).toSorted()),
  )

  await Promise.all([north.kill(), south.kill()])
  const left = [west.wan, east]
  const failed = { ...alive, 'north.dc3': 'failed', 'south.dc4': 'failed' }
  await expect(
    'those that are killed have failed for all',
    everyone(left, failed),
    () => views(left, statusesOf(members)),
    failureWaitMs,
  )
  await east.pool.leave()
  await expect(
    'Consul takes our leave',
    'left',
    async () => (await west.wan.view())['east.dc2']?.status,
  )
}
