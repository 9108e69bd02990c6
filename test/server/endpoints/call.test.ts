import t from 'tap'

import { LocalRpc } from '../../../server/endpoints/call.ts'
import type { Consensus } from '../../../server/endpoints/call.ts'
import { endpoints } from '../../../server/endpoints/table.ts'
import { applyEntry, encodeCommand } from '../../../server/fsm/apply.ts'
import type { QueryOptions } from '../../../server/model/query.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { Store } from '../../../server/state/store.ts'
import { settle, VirtualClock } from '../../support/clock.ts'

/** A server whose consensus does as it is told. */
function world() {
  const clock = new VirtualClock()
  const store = new Store()
  let index = 0
  const leader = {
    known: true,
    lease: true,
    confirmed: 0,
    waiting: [] as ((leads: boolean) => void)[],
  }
  const consensus: Consensus = {
    leaseValid: () => leader.lease,
    confirm: () => {
      leader.confirmed += 1
      return Promise.resolve()
    },
    knownLeader: () => leader.known,
    lastContactMs: () => 7,
    awaitLeader: (signal) =>
      new Promise((resolve, reject) => {
        leader.waiting.push(resolve)
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      }),
  }
  const put = (Key: string, text: string): void => {
    index += 1
    applyEntry(
      store,
      index,
      encodeCommand('kv', { Op: 'set', DirEnt: { Key, Flags: 0, Value: Buffer.from(text) } }),
    )
  }
  const chance = seededChance(1)
  const rpc = new LocalRpc({
    endpoints,
    store,
    consensus,
    writeContext: {
      store,
      clock,
      chance,
      datacenter: 'dc1',
      limits: { sessionTtlMinMs: 10_000 },
      propose: () => Promise.reject(new Error('no writes here')),
      known: () => {
        throw new Error('no writes here')
      },
      lockDelays: { isHeldBack: () => false },
      sessionDeadlines: { renew() {} },
      coordinateUpdates: { add() {} },
    },
    clock,
    chance: { ...chance, fraction: () => 1 },
    metrics: noMetrics,
    datacenter: 'dc1',
    defaultQueryTimeMs: 300_000,
    maxQueryTimeMs: 600_000,
    holdMs: 7_000,
  })
  const get = (Key: string, options?: QueryOptions) => rpc.read('KVS.Get', { Key }, options)
  return { clock, store, leader, put, rpc, get }
}

/** What became of a promise so far. */
function watch<T>(promise: Promise<T>): { settled: boolean; value?: T; error?: Error } {
  const seen: { settled: boolean; value?: T; error?: Error } = { settled: false }
  promise.then(
    (value) => Object.assign(seen, { settled: true, value }),
    (error: Error) => Object.assign(seen, { settled: true, error }),
  )
  return seen
}

t.test('a read without an index answers at once, with what the headers need', async (t) => {
  const { get, put } = world()
  put('a', '1')
  const { value, meta } = await get('a')
  t.equal(value?.Key, 'a')
  t.strictSame(meta, { index: 1, knownLeader: true, lastContactMs: 7, consistency: 'default' })
})

t.test('an index is never below 1', async (t) => {
  t.equal((await world().get('nothing')).meta.index, 1)
})

t.test('a blocking read waits for its own key and no other', async (t) => {
  const { get, put, store } = world()
  put('a', '1')
  const seen = watch(get('a', { minIndex: 1 }))
  await settle()
  t.equal(store.watchers.size, 1)
  put('b', '1')
  await settle()
  t.equal(seen.settled, false)
  put('a', '2')
  await settle()
  t.equal(seen.value?.meta.index, 3)
  t.equal(store.watchers.size, 0)
})

t.test('an index below the current one answers at once', async (t) => {
  const { get, put } = world()
  put('a', '1')
  put('a', '2')
  t.equal((await get('a', { minIndex: 1 })).meta.index, 2)
})

t.test('a wait ends after its time and up to a sixteenth more', async (t) => {
  const rows: readonly (readonly [string, number | undefined, number])[] = [
    ['as asked', 1_600, 1_700],
    ['the default where none is asked', undefined, 318_750],
    ['the default for a negative wait', -1, 318_750],
    ['the most there is', 10_000_000, 637_500],
  ]
  for (const [what, waitMs, endMs] of rows) {
    const { get, put, clock } = world()
    put('a', '1')
    const seen = watch(get('a', { minIndex: 5, ...(waitMs === undefined ? {} : { waitMs }) }))
    await clock.advance(endMs - 1)
    t.equal(seen.settled, false, `${what}: not before`)
    await clock.advance(1)
    t.equal(seen.value?.meta.index, 1, `${what}: then, with the lower index`)
    t.equal(clock.timers, 0)
  }
})

t.test('who goes away is forgotten at once', async (t) => {
  const { get, put, store, clock } = world()
  put('a', '1')
  const client = new AbortController()
  const seen = watch(get('a', { minIndex: 1, signal: client.signal }))
  await settle()
  client.abort()
  await settle()
  t.equal(seen.error?.name, 'AbortError')
  t.equal(store.watchers.size, 0)
  t.equal(clock.timers, 0)
})

t.test('a consistent read is confirmed, also each time it is woken', async (t) => {
  const { get, put, leader } = world()
  put('a', '1')
  await get('a', { consistency: 'consistent' })
  t.equal(leader.confirmed, 1)
  const seen = watch(get('a', { consistency: 'consistent', minIndex: 1 }))
  await settle()
  put('a', '2')
  await settle()
  t.equal(leader.confirmed, 3)
  t.equal(seen.value?.meta.consistency, 'consistent')
})

t.test('without a leader a call waits, and then says so', async (t) => {
  const { get, leader, clock } = world()
  Object.assign(leader, { known: false, lease: false })
  const seen = watch(get('a'))
  await clock.advance(6_999)
  t.equal(seen.settled, false)
  await clock.advance(1)
  t.equal(seen.error?.message, 'No cluster leader')
})

t.test('a leader that comes in time answers', async (t) => {
  const { get, leader, clock } = world()
  leader.lease = false
  const seen = watch(get('a'))
  await clock.advance(3_000)
  leader.lease = true
  for (const resolve of leader.waiting) resolve(true)
  await settle()
  t.equal(seen.value?.meta.index, 1)
  t.equal(clock.timers, 0)
})

t.test(
  'what only a leader may answer is refused once another leads, and nothing is done',
  async (t) => {
    const { clock, get, leader, put, rpc } = world()
    put('a', '1')
    leader.lease = false
    const asked = [
      watch(get('a')),
      watch(get('a', { consistency: 'consistent' })),
      watch(rpc.write('Session.Renew', { SessionID: 's' })),
    ]
    await settle()
    for (const resolve of leader.waiting) resolve(false)
    await settle()
    for (const { error } of asked) t.match(error, { message: 'node is not the leader' })
    t.equal(leader.confirmed, 0)
    t.equal(clock.timers, 0)
  },
)

t.test('a stale read needs no leader, once there is something to show', async (t) => {
  const { get, put, leader, clock } = world()
  Object.assign(leader, { known: false, lease: false })
  const early = watch(get('a', { consistency: 'stale' }))
  await clock.advance(7_000)
  t.equal(early.error?.message, 'No cluster leader')
  put('a', '1')
  const { meta } = await get('a', { consistency: 'stale' })
  t.equal(meta.knownLeader, false)
})

t.test('another data centre is out of reach', async (t) => {
  const { get, rpc } = world()
  await t.rejects(get('a', { datacenter: 'dc9' }), { message: 'No path to datacenter' })
  await t.rejects(rpc.write('Catalog.Deregister', { Node: 'n' }, { datacenter: 'dc9' }), {
    message: 'No path to datacenter',
  })
})

t.test(
  'a remembered answer is the same object until something it depends on changes',
  async (t) => {
    const { rpc, store } = world()
    const register = (index: number, Node: string): void => {
      applyEntry(
        store,
        index,
        encodeCommand('register', {
          ID: '',
          Node,
          Address: '10.0.0.1',
          TaggedAddresses: null,
          NodeMeta: null,
          SkipNodeUpdate: false,
        }),
      )
    }
    register(1, 'one')
    const nodes = async () => (await rpc.read('Catalog.ListNodes', {})).value
    const first = await nodes()
    t.equal(await nodes(), first)
    register(2, 'one')
    t.equal(await nodes(), first, 'registering the same again changes nothing')
    register(3, 'two')
    t.equal((await nodes()).length, 2)
  },
)
