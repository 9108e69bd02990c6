import t from 'tap'

import { noLeader } from '../../../server/model/errors.ts'
import { CallRate } from '../../../server/rpc/call-rate.ts'
import type { CallRateLimits } from '../../../server/rpc/call-rate.ts'
import { CallFailed } from '../../../server/rpc/caller.ts'
import { RoutedRpc } from '../../../server/rpc/routed-rpc.ts'
import { ServerChoice } from '../../../server/rpc/server-choice.ts'
import type { Candidate } from '../../../server/rpc/server-choice.ts'
import type { Fields } from '../../../server/rpc/shape.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { VirtualClock, settle } from '../../support/clock.ts'

function candidate(address: string, more: Partial<Candidate> = {}): Candidate {
  return { address, speaks: 'praetor', rttMs: Infinity, isWell: true, ...more }
}

function choosing(candidates: readonly Candidate[], seed = 1) {
  const clock = new VirtualClock()
  const world = { candidates, asked: 0 }
  const choice = new ServerChoice({
    clock,
    chance: seededChance(seed),
    candidates: () => {
      world.asked += 1
      return world.candidates
    },
    clusterSize: () => 3,
  })
  return { clock, world, choice }
}

t.test('whom a client asks', async (t) => {
  const cases: readonly [
    name: string,
    candidates: readonly Candidate[],
    among: readonly string[],
  ][] = [
    ['nobody', [], []],
    [
      'any of those of which nothing is known',
      ['a', 'b', 'c'].map((a) => candidate(a)),
      ['a', 'b', 'c'],
    ],
    [
      'the near ones',
      [candidate('a', { rttMs: 40 }), candidate('b', { rttMs: 1 }), candidate('c', { rttMs: 3 })],
      ['b', 'c'],
    ],
    [
      'a far one that is well before a near one that is not',
      [candidate('a', { rttMs: 40 }), candidate('b', { rttMs: 1, isWell: false })],
      ['a'],
    ],
    ['one that is not well rather than nobody', [candidate('a', { isWell: false })], ['a']],
  ]
  for (const [name, candidates, among] of cases) {
    const seen = new Set<string>()
    for (let seed = 0; seed < 60; seed += 1) {
      const address = choosing(candidates, seed).choice.current()?.address
      if (address !== undefined) seen.add(address)
    }
    t.strictSame([...seen].toSorted(), among, name)
  }
})

t.test('a choice lasts for minutes, and is made without looking again', async (t) => {
  const { clock, world, choice } = choosing(['a', 'b', 'c'].map((a) => candidate(a)))
  const first = choice.current()?.address
  const seen = new Set<string | undefined>()
  for (let ask = 0; ask < 50; ask += 1) {
    t.equal(choice.current()?.address, first)
    await clock.advance(2_000)
  }
  t.equal(world.asked, 1)
  for (let choices = 0; choices < 30; choices += 1) {
    await clock.advance(180_000)
    seen.add(choice.current()?.address)
  }
  t.equal(seen.size, 3, 'in time everybody is chosen')
})

t.test('a choice outlives changes of others, and ends with its server', async (t) => {
  const { world, choice } = choosing(['a', 'b'].map((a) => candidate(a)))
  const first = choice.current()?.address ?? ''
  world.candidates = [...world.candidates, candidate('c')]
  choice.changed()
  t.equal(choice.current()?.address, first)
  world.candidates = world.candidates.map((one) => ({ ...one, isWell: one.address !== first }))
  choice.changed()
  t.not(choice.current()?.address, first)
})

t.test('a server that failed is left alone for a while, unless it is the only one', async (t) => {
  const { clock, world, choice } = choosing(['a', 'b'].map((a) => candidate(a)))
  const first = choice.current()?.address ?? ''
  choice.failed(first)
  const second = choice.current()?.address ?? ''
  t.not(second, first)
  await clock.advance(1_000)
  choice.failed(second)
  t.equal(choice.current()?.address, first, 'both failed: the one longer ago')
  world.candidates = [candidate(second)]
  choice.changed()
  t.equal(choice.current()?.address, second)
})

/** A client, and what each server answers: one after the other, the last again and again. */
function routed(
  servers: Readonly<Record<string, readonly unknown[]>>,
  speaks: Candidate['speaks'],
  limits: CallRateLimits = { callsPerSecond: -1, burstMax: 1000 },
) {
  const answers: Record<string, readonly unknown[]> = { ...servers }
  const { clock, world, choice } = choosing(
    Object.keys(servers).map((address) => candidate(address, { speaks })),
  )
  const sent: { readonly to: string; readonly method: string; readonly body: Fields }[] = []
  const rpc = new RoutedRpc({
    calls: {
      async call({ address: to }, method, body) {
        sent.push({ to, method, body: body as Fields })
        const [next, ...rest] = answers[to] ?? []
        if (rest.length > 0) answers[to] = rest
        if (next instanceof Error) throw next
        return next
      },
    },
    choice,
    callRate: new CallRate(limits, clock, noMetrics),
    clock,
    chance: seededChance(1),
    metrics: noMetrics,
    datacenter: 'dc1',
    holdMs: 7_000,
    origin: { origin: 'me', epoch: 'now' },
  })
  const cas = (): Promise<boolean> =>
    rpc.write('KVS.Apply', {
      Op: 'cas',
      DirEnt: { Key: 'k', Flags: 0, Value: new Uint8Array(0) },
    })
  return { clock, world, rpc, sent, cas }
}

const lost = new CallFailed('rpc error making call: EOF', { sent: true })
const unreachable = new CallFailed('connection refused', { sent: false })
const nodes = { Nodes: null, Index: 4, KnownLeader: true }

t.test('a read goes on at another server at once', async (t) => {
  for (const failure of [lost, unreachable]) {
    const { rpc, sent } = routed({ a: [failure], b: [nodes] }, 'praetor')
    for (let reads = 0; reads < 3; reads += 1)
      t.match(await rpc.read('Catalog.ListNodes', {}), { value: [] })
    t.ok(sent.length <= 4, 'who failed is not asked again and again')
    t.notOk(sent.some(({ body }) => 'PraetorForwarded' in body))
  }
})

t.test('when nobody answers all are asked at once, and then with pauses', async (t) => {
  const { clock, rpc, sent } = routed(
    { a: [unreachable], b: [unreachable], c: [unreachable] },
    'praetor',
  )
  const reading = rpc.read('Catalog.ListNodes', {}).catch((error: unknown) => error)
  await settle()
  t.strictSame(sent.map(({ to }) => to).toSorted(), ['a', 'b', 'c'])
  await clock.advance(8_000)
  t.equal(await reading, unreachable)
  t.ok(sent.length > 20 && sent.length < 300, `${sent.length} calls in seven seconds`)
})

t.test('a write that may have been done is made again only by its number', async (t) => {
  const praetor = routed({ a: [lost, true] }, 'praetor')
  const writing = praetor.cas()
  await settle()
  await praetor.clock.advance(7_000)
  t.equal(await writing, true)
  const [first, second] = praetor.sent.map(({ body }) => body['PraetorWrite'])
  t.match(first, { Origin: 'me', Epoch: 'now', Sequence: 1 })
  t.strictSame(second, first)

  const consul = routed({ a: [lost, true] }, 'consul')
  await t.rejects(consul.cas(), { message: 'rpc error making call: EOF' })
  t.equal(consul.sent.length, 1)
  t.notOk('PraetorWrite' in (consul.sent[0]?.body ?? {}), 'a Consul heeds no numbers')

  const refused = routed({ a: [unreachable, true] }, 'consul')
  const again = refused.cas()
  await settle()
  await refused.clock.advance(7_000)
  t.equal(await again, true, 'what was not sent can be')
})

t.test('only as many writes have numbers as outcomes are to be remembered', async (t) => {
  const gate = Promise.withResolvers<boolean>()
  const { sent, cas } = routed({ a: [gate.promise] }, 'praetor')
  const writes = Array.from({ length: 40 }, () => cas())
  await settle()
  t.equal(sent.filter(({ body }) => 'PraetorWrite' in body).length, 32)
  gate.resolve(true)
  t.strictSame(new Set(await Promise.all(writes)), new Set([true]))
  t.equal(await cas(), true)
  t.match(sent.at(-1)?.body['PraetorWrite'], { Origin: 'me' }, 'and places come free again')
})

t.test('what a server answers is the answer', async (t) => {
  const { rpc, sent } = routed({ a: [noLeader()], b: [noLeader()] }, 'praetor')
  await t.rejects(rpc.read('Catalog.ListNodes', {}), { message: 'No cluster leader' })
  t.equal(sent.length, 1)
})

const refused = { message: 'RPC rate limit exceeded' }

t.test('a client makes no more calls than it may', async (t) => {
  const { rpc, sent, clock } = routed({ a: [nodes] }, 'praetor', { callsPerSecond: 2, burstMax: 3 })
  const read = () => rpc.read('Catalog.ListNodes', {})
  for (const _ of [1, 2, 3]) await read()
  await t.rejects(read(), refused)
  t.throws(() => rpc.target(), refused)
  await clock.advance(499)
  await t.rejects(read(), refused)
  await clock.advance(1)
  await read()
  await t.rejects(read(), refused)
  await clock.advance(60_000)
  for (const _ of [1, 2, 3]) await read()
  await t.rejects(read(), refused)
  t.equal(sent.length, 7)
})

t.test('a limit on calls may change', (t) => {
  const clock = new VirtualClock()
  const rate = new CallRate({ callsPerSecond: 1, burstMax: 1 }, clock, noMetrics)
  rate.take()
  rate.change({ callsPerSecond: 1, burstMax: 1 })
  t.throws(() => rate.take(), refused, 'the same limit goes on')
  rate.change({ callsPerSecond: 1, burstMax: 2 })
  rate.take()
  rate.take()
  t.throws(() => rate.take(), refused)
  rate.change({ callsPerSecond: 0, burstMax: 1 })
  for (let calls = 0; calls < 10; calls += 1) rate.take()
  t.end()
})

t.test('who knows no server says so at once', async (t) => {
  const { rpc, cas, sent } = routed({}, 'praetor')
  const words = { message: 'No known Consul servers' }
  await t.rejects(rpc.read('Catalog.ListNodes', {}), words)
  await t.rejects(cas(), words)
  await t.rejects(rpc.call('Status.Leader', {}), words)
  t.throws(() => rpc.target(), words)
  t.strictSame(sent, [])
})
