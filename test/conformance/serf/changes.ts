import { rm } from 'node:fs/promises'

import { systemChance } from '../../../server/runtime/chance.ts'
import { sleep, systemClock } from '../../../server/runtime/clock.ts'
import { allOf, everybody, seconds } from './acquaintance.ts'
import type { Expect } from './check.ts'
import type { MixedPool } from './mixed-pool.ts'
import { everyone, statusesOf, views } from './view.ts'
import type { View } from './view.ts'

const theSeconds = ['ours-2', 'serf-2', 'consul-2']

/** A suspicion of a pool this small takes 4 to 24 seconds, and finding it a few more. */
const failureWaitMs = 75_000
/** A name is let go of 30 seconds after a death, and the next push/pull is up to 30 seconds off. */
const reclaimWaitMs = 150_000
/** The dead are gossiped to for so long, should they want to refute. */
const gossipToTheDeadMs = 31_000

/** One of each kind crashes and comes back elsewhere. */
export async function crashAndMove(mixed: MixedPool, expect: Expect): Promise<void> {
  await crash(mixed, expect, 'one of each that is killed has failed for all')
  const addresses = await returnElsewhere(mixed, expect)
  const judges = [mixed.ours, mixed.consul]
  await expect(
    'after a crash they are found at new addresses by us and by Consul',
    everyone(judges, addresses),
    () => views(judges, addressesOf),
    reclaimWaitMs,
  )
  await expect('and are alive', everyone(judges, allOf('alive')), () =>
    views(judges, statusesOf(everybody)),
  )
}

/** One of each leaves, and comes back elsewhere at once. */
export async function leaveAndMove(mixed: MixedPool, expect: Expect): Promise<void> {
  const { firsts } = mixed
  const [ours2, serf2, consul2] = seconds(mixed)
  await Promise.all([ours2.leave(), serf2.run('leave'), consul2.put('/v1/agent/leave')])
  await expect(
    'one of each that leaves has left for all',
    everyone(firsts, { ...allOf('alive'), ...secondsAre('left') }),
    () => views(firsts, statusesOf(everybody)),
    failureWaitMs,
  )
  await endSeconds(mixed)
  const back = await returnElsewhere(mixed, expect)
  await expect(
    'after a leave they are found at new addresses by all',
    everyone(mixed.all, back),
    () => views(mixed.all, addressesOf),
    failureWaitMs,
  )
  await expect('all are alive again', everyone(mixed.all, allOf('alive')), () =>
    views(mixed.all, statusesOf(everybody)),
  )
}

/** The same name under another node id, as after a disk was lost. */
export async function changeIds(mixed: MixedPool, expect: Expect): Promise<void> {
  const { firsts } = mixed
  const [ours2, serf2, consul2] = seconds(mixed)
  await crash(mixed, expect, 'they are killed again')
  await rm(consul2.directory, { recursive: true })
  const id = systemChance.uuid()
  const join = [mixed.ours.address]
  const again = await mixed.startOurs2({ id, port: portOf(ours2) })
  await expect('ours comes back as another node', 1, () => again.join(mixed.ours.address))
  const [consul] = await Promise.all([
    mixed.startConsul2({ port: portOf(consul2), join }),
    mixed.startSerf2({ port: portOf(serf2), join }),
  ])
  const { Config } = (await consul.get('/v1/agent/self')) as {
    readonly Config: { readonly NodeID: string }
  }
  const ids = {
    'ours-2': `alive ${id}`,
    'consul-2': `alive ${Config.NodeID}`,
    'serf-2': 'alive undefined',
  }
  await expect('another node under the same name takes its place', everyone(firsts, ids), () =>
    views(firsts, (view) =>
      Object.fromEntries(
        theSeconds.map((name) => [name, `${view[name]?.status} ${view[name]?.tags['id']}`]),
      ),
    ),
  )
}

/** Failed members are given up, by each kind in turn. */
export async function forceOut(mixed: MixedPool, expect: Expect): Promise<void> {
  const { firsts, ours, serf, consul } = mixed
  await crash(mixed, expect, 'they are killed for good')
  ours.pool.forceLeave('serf-2')
  await serf.run('force-leave', 'consul-2')
  await consul.put('/v1/agent/force-leave/ours-2')
  await expect(
    'one that is given up by one has left for all',
    everyone(firsts, secondsAre('left')),
    () => views(firsts, statusesOf(theSeconds)),
  )
  // So few gossip mostly to those who died just now, and nothing but gossip tells of this.
  await sleep(systemClock, gossipToTheDeadMs, new AbortController().signal)
  ours.pool.forceLeave('consul-2', { prune: true })
  await serf.run('force-leave', '-prune', 'ours-2')
  await consul.put('/v1/agent/force-leave/serf-2?prune=1')
  await expect(
    'one that is pruned by one is forgotten by all',
    everyone(firsts, secondsAre('unknown')),
    () => views(firsts, statusesOf(theSeconds)),
  )
}

/** The last ones: we leave and are taken back, and see the others go. */
export async function end(mixed: MixedPool, expect: Expect): Promise<void> {
  const { serf, consul } = mixed
  const others = [serf, consul]
  await mixed.ours.pool.leave()
  await expect('all take our leave', everyone(others, 'left'), () =>
    views(others, (view) => view['ours']?.status ?? 'unknown'),
  )
  await mixed.ours[Symbol.asyncDispose]()
  await mixed.startOurs()
  const { ours } = mixed
  await expect('we come back elsewhere', 1, () => ours.pool.join([serf.address]))
  await expect('and are taken back', everyone(others, `alive ${ours.address}`), () =>
    views(others, (view) => `${view['ours']?.status} ${view['ours']?.address}`),
  )
  await Promise.all(others.map((other) => other.kill()))
  await expect(
    'we see the others fail',
    { serf: 'failed', consul: 'failed' },
    () => statusesOf(['serf', 'consul'])(ours.view()),
    failureWaitMs,
  )
}

async function crash(mixed: MixedPool, expect: Expect, what: string): Promise<void> {
  await endSeconds(mixed)
  const { firsts } = mixed
  const expected = { ...allOf('alive'), ...secondsAre('failed') }
  await expect(
    what,
    everyone(firsts, expected),
    () => views(firsts, statusesOf(everybody)),
    failureWaitMs,
  )
}

async function endSeconds(mixed: MixedPool): Promise<void> {
  await Promise.all(seconds(mixed).map((member) => member.kill()))
  mixed.ours2 = undefined
  mixed.serf2 = undefined
  mixed.consul2 = undefined
}

/** At ports that they did not have before. Gives their addresses. */
async function returnElsewhere(mixed: MixedPool, expect: Expect): Promise<Record<string, string>> {
  const join = [mixed.ours.address]
  const ours2 = await mixed.startOurs2()
  const [serf2, consul2] = await Promise.all([
    mixed.startSerf2({ join }),
    mixed.startConsul2({ join }),
  ])
  await expect('ours comes back', 1, () => ours2.join(mixed.consul.address))
  return { 'ours-2': ours2.address, 'serf-2': serf2.address, 'consul-2': consul2.address }
}

function portOf({ address }: { readonly address: string }): number {
  return Number(address.split(':')[1])
}

function addressesOf(view: View): Record<string, string> {
  return Object.fromEntries(theSeconds.map((name) => [name, view[name]?.address ?? '']))
}

function secondsAre(status: string): Record<string, string> {
  return Object.fromEntries(theSeconds.map((name) => [name, status]))
}
