import { seal } from '../../../server/gossip/user-events/envelope.ts'
import { must } from '../../../server/model/assert.ts'
import { userEventVersion } from '../../../server/model/user-event.ts'
import { systemChance } from '../../../server/runtime/chance.ts'
import type { Expect } from './check.ts'
import { ourIds } from './mixed-pool.ts'
import type { MixedPool } from './mixed-pool.ts'
import { openOurs, tagsOf } from './our-pool.ts'
import { everyone, statusesOf, views } from './view.ts'
import type { View } from './view.ts'
import { bytes } from './world.ts'

export const everybody = ['ours', 'ours-2', 'serf', 'serf-2', 'consul', 'consul-2'] as const

/** Each kind joins each other, and all agree on who is there. */
export async function meet(mixed: MixedPool, expect: Expect): Promise<void> {
  const { ours, serf, consul, consul2, serf2, ours2, all } = mixed
  await expect('we join Serf', 1, () => ours.pool.join([serf.address]))
  await expect('we join Consul', 1, () => ours.pool.join([consul.address]))
  await expect('Serf joins us', true, async () =>
    (await must(serf2, 'serf-2').run('join', ours.address)).includes('Successfully joined'),
  )
  await expect('Consul joins us', '', () =>
    must(consul2, 'consul-2').put(`/v1/agent/join/${ours.address}`),
  )
  await expect('we join each other', 1, () => must(ours2, 'ours-2').join(ours.address))
  await expect('all list all as alive', everyone(all, allOf('alive')), () =>
    views(all, statusesOf(everybody)),
  )
  const own = Object.fromEntries(
    await Promise.all(all.map(async (viewer) => [viewer.name, (await viewer.view())[viewer.name]])),
  ) as View
  await expect('all list all as they are, with addresses and tags', everyone(all, own), () =>
    views(all, (view) => view),
  )
}

/** What is asked of a pool at rest, without anybody going. */
export async function converse(mixed: MixedPool, expect: Expect): Promise<void> {
  await changeTags(mixed, expect)
  await tellEvents(mixed, expect)
  await askQuestions(mixed, expect)
  await measure(mixed, expect)
  await keepOut(mixed, expect)
  await beKnown(mixed, expect)
}

async function changeTags({ ours, serf2, all }: MixedPool, expect: Expect): Promise<void> {
  ours.pool.setTags({ ...tagsOf({ id: ourIds.ours }), color: 'blue' })
  await must(serf2, 'serf-2').run('tags', '-set', 'color=red')
  await expect('a tag that changed is seen by all', everyone(all, 'blue red'), () =>
    views(all, (view) => `${view['ours']?.tags['color']} ${view['serf-2']?.tags['color']}`),
  )
}

async function tellEvents(mixed: MixedPool, expect: Expect): Promise<void> {
  const { ours, serf, consul } = mixed
  const [ours2, serf2, consul2] = seconds(mixed)
  const isHeard = (
    what: string,
    line: string,
    hearers: readonly { readonly name: string; readonly heard: (name: string) => unknown }[],
  ): Promise<void> =>
    expect(what, Object.fromEntries(hearers.map(({ name }) => [name, [line]])), async () =>
      Object.fromEntries(
        await Promise.all(
          hearers.map(
            async (hearer) => [hearer.name, await hearer.heard(line.split(' ')[0] ?? '')] as const,
          ),
        ),
      ),
    )
  await serf.run('event', 'from-serf', '42')
  await isHeard('an event of Serf is heard by all, once', 'from-serf 42', [serf2, ours, ours2])
  ours.pool.fire({ name: 'from-us', payload: bytes('43') })
  await isHeard('an event of ours is heard by all, once', 'from-us 43', [serf, serf2, ours, ours2])
  await consul.put('/v1/event/fire/from-consul', '44')
  const consuls = [consul, consul2]
  await isHeard('an event of Consul is heard by all, once', 'from-consul 44', [
    ...consuls,
    ours,
    ours2,
  ])
  const filters = { NodeFilter: '', ServiceFilter: '', TagFilter: '' }
  ours.pool.fire(
    seal({
      ...filters,
      ID: systemChance.uuid(),
      Name: 'to-consul',
      Payload: bytes('45'),
      Version: userEventVersion,
    }),
  )
  await isHeard('an event of ours in the form of Consul is listed by Consul', 'to-consul 45', [
    ...consuls,
    ours,
    ours2,
  ])
}

async function askQuestions(mixed: MixedPool, expect: Expect): Promise<void> {
  const { ours, serf } = mixed
  const able = ['ours', 'ours-2', 'serf', 'serf-2']
  const answers = Object.fromEntries(able.map((name) => [name, `7 of ${name}`]))
  await expect(
    'a question of Serf is acknowledged by all, and answered by those who can',
    { Acks: everybody.toSorted(), Responses: answers },
    async () => {
      const text = await serf.run('query', '-format=json', '-timeout=2s', 'load', '7')
      const { Acks, Responses } = JSON.parse(text) as {
        readonly Acks: readonly string[]
        readonly Responses: Readonly<Record<string, string>>
      }
      return { Acks: Acks.toSorted(), Responses }
    },
  )
  const question = {
    name: 'load',
    payload: bytes('7'),
    filters: [],
    wantsAck: true,
    relayFactor: 0,
    timeoutMs: 2_000,
  }
  await expect(
    'a question of ours is acknowledged by all, and answered by those who can',
    { acks: everybody.toSorted(), answers },
    async () => {
      const answer = await ours.pool.query(question)
      return { acks: [...answer.acks].toSorted(), answers: textsOf(answer.answers) }
    },
  )
  await expect('answers come by others too', answers, async () =>
    textsOf((await ours.pool.query({ ...question, relayFactor: 2 })).answers),
  )
  const ofSerf = { kind: 'tag', tag: 'kind', expression: '^se' } as const
  await expect('our filters are those of Serf', ['serf', 'serf-2'], async () => {
    const answer = await ours.pool.query({ ...question, filters: [ofSerf] })
    return [...answer.acks].toSorted()
  })
  await expect('filters of Serf are ours', 'ours-2', async () => {
    const text = await serf.run('query', '-format=json', '-timeout=2s', '-node=ours-2', 'load', '7')
    const { Responses } = JSON.parse(text) as { readonly Responses: object }
    return Object.keys(Responses).join()
  })
}

async function measure({ ours, serf, all }: MixedPool, expect: Expect): Promise<void> {
  await expect('all answer the ping of Serf', true, async () =>
    (await serf.run('reachability')).includes('Successfully contacted all live nodes'),
  )
  await expect('Serf estimates round trips to us', true, async () => {
    const text = await serf.run('rtt', 'ours', 'serf')
    return /Estimated ours <-> serf rtt: \d+\.\d+ ms/.test(text)
  })
  await expect('we know where all stand', everyone(all, 8), () =>
    Object.fromEntries(
      all.map(({ name }) => [name, ours.pool.coordinateOf(name)?.Vec.length ?? 0]),
    ),
  )
}

/** Who belongs elsewhere is told so, and is taken in by nobody. */
async function keepOut(mixed: MixedPool, expect: Expect): Promise<void> {
  const { ours, consul, all } = mixed
  await using stranger = await openOurs({
    ...(await mixed.ourOptions('ours')),
    name: 'stranger',
    id: systemChance.uuid(),
    datacenter: 'dc2',
  })
  for (const { name, address } of [ours, consul])
    await expect(`${name} is of another data centre than who joins it`, true, () =>
      stranger.pool.join([address]).then(
        () => false,
        (error: unknown) => /part of wrong datacenter '/.test(String(error)),
      ),
    )
  await expect('who belongs elsewhere is nowhere', everyone(all, 'unknown'), () =>
    views(all, (view) => view['stranger']?.status ?? 'unknown'),
  )
}

/** We are in the catalog, which the leader of Consul sees to. */
async function beKnown({ ours, consul }: MixedPool, expect: Expect): Promise<void> {
  await expect('Consul says that we are well', ['serfHealth passing'], async () => {
    const rows = (await consul.get(`/v1/health/node/${ours.name}`)) as readonly {
      readonly CheckID: string
      readonly Status: string
    }[]
    return rows.map(({ CheckID, Status }) => `${CheckID} ${Status}`)
  })
}

export function seconds({ ours2, serf2, consul2 }: MixedPool) {
  return [must(ours2, 'ours-2'), must(serf2, 'serf-2'), must(consul2, 'consul-2')] as const
}

export function allOf(status: string): Record<string, string> {
  return Object.fromEntries(everybody.map((name) => [name, status]))
}

function textsOf(answers: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries(
    [...answers].map(([name, payload]) => [name, Buffer.from(payload).toString()]),
  )
}
