import t from 'tap'

import { must } from '../../../server/model/assert.ts'
import { PraetorError } from '../../../server/model/errors.ts'
import { writesUnderWayMax } from '../../../server/model/methods.ts'
import type { ReadReply, Rpc } from '../../../server/model/methods.ts'
import { CallFailed } from '../../../server/rpc/caller.ts'
import { NotLeader } from '../../../server/rpc/error-wire.ts'
import { ForwardingRpc } from '../../../server/rpc/forwarding-rpc.ts'
import type { Fields } from '../../../server/rpc/shape.ts'
import { WriteNames } from '../../../server/rpc/write-names.ts'
import { seededChance } from '../../../server/runtime/chance.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { VirtualClock, settle } from '../../support/clock.ts'

/** A server that forwards, and what it sees of the cluster. */
class Scene {
  readonly clock = new VirtualClock()
  leads = false
  leader: string | undefined = 'a:1'
  /** What this server answers to writes, if not that they are done. */
  refusal: Error | undefined
  /** What each server answers, by its address, one after the other; the last again and again. */
  answers: Record<string, readonly unknown[]> = { 'a:1': [true] }
  readonly sent: { readonly to: string; readonly method: string; readonly body: Fields }[] = []
  readonly local: string[] = []
  readonly deposed: string[] = []
  readonly rpc: ForwardingRpc

  constructor({ leadersHeedIds = true } = {}) {
    const here: Rpc = {
      read: async (method) => {
        this.local.push(method)
        return {} as ReadReply<never>
      },
      write: (method) => {
        this.local.push(method)
        if (this.refusal) return Promise.reject(this.refusal)
        return Promise.resolve<never>(true as never)
      },
    }
    this.rpc = new ForwardingRpc({
      local: here,
      isLeader: () => this.leads,
      leaderAddress: () => this.leader,
      calls: {
        call: async (target, method, body) => this.#call(target.address, method, body as Fields),
        depose: (address) => this.deposed.push(address),
      },
      clock: this.clock,
      chance: seededChance(1),
      metrics: noMetrics,
      datacenter: 'dc1',
      holdMs: 7_000,
      origin: { origin: 'me', epoch: 'now' },
      leadersHeedIds,
    })
  }

  /** And this server hears of it. */
  elect(leader: string): void {
    this.leader = leader
    this.rpc.turnToLeader()
  }

  write(): Promise<boolean> {
    const DirEnt = { Key: 'k', Flags: 0, Value: new Uint8Array(0) }
    return this.rpc.write('KVS.Apply', { Op: 'cas', DirEnt })
  }

  #call(to: string, method: string, body: Fields): unknown {
    this.sent.push({ to, method, body })
    const [next, ...rest] = this.answers[to] ?? []
    if (rest.length > 0) this.answers[to] = rest
    if (next instanceof Error) throw next
    return next
  }
}

const lost = new CallFailed('rpc error making call: EOF', { sent: true })
const unreachable = new CallFailed('connection refused', { sent: false })

t.test('stale reads, and all that a leader is asked, stay here', async (t) => {
  const scene = new Scene()
  await scene.rpc.read('Session.List', {}, { consistency: 'stale' })
  await scene.rpc.read('Session.List', {}, { datacenter: 'elsewhere' })
  await scene.rpc.write('Session.Renew', { SessionID: 's' }, { datacenter: 'elsewhere' })
  scene.leads = true
  await scene.rpc.read('Catalog.ListNodes', {}, { consistency: 'consistent' })
  await scene.write()
  t.strictSame(scene.local, [
    'Session.List',
    'Session.List',
    'Session.Renew',
    'Catalog.ListNodes',
    'KVS.Apply',
  ])
  t.strictSame(scene.sent, [])
})

t.test(
  'the rest goes to the leader, marked as forwarded, each write by a name of its own',
  async (t) => {
    const scene = new Scene()
    t.equal(await scene.write(), true)
    t.equal(await scene.write(), true)
    scene.answers = { 'a:1': [{ Nodes: null, Index: 4, KnownLeader: true }] }
    t.match(await scene.rpc.read('Catalog.ListNodes', {}), { value: [], meta: { index: 4 } })
    t.match(
      scene.sent.map(({ to, body }) => [
        to,
        body['PraetorForwarded'],
        body['Datacenter'],
        body['PraetorWrite'],
      ]),
      [
        ['a:1', true, 'dc1', { Origin: 'me', Epoch: 'now', Sequence: 1 }],
        ['a:1', true, 'dc1', { Origin: 'me', Epoch: 'now', Sequence: 1 + writesUnderWayMax }],
        ['a:1', true, 'dc1', undefined],
      ],
    )
    t.strictSame(scene.local, [])
  },
)

t.test('a write that comes with a number keeps it', async (t) => {
  const scene = new Scene()
  const id = { origin: 'client', epoch: 'then', sequence: 9 }
  scene.answers = { 'a:1': [lost, true] }
  const DirEnt = { Key: 'k', Flags: 0, Value: new Uint8Array(0) }
  const written = scene.rpc.write('KVS.Apply', { Op: 'cas', DirEnt }, { id })
  await settle()
  await scene.clock.advance(7_000)
  t.equal(await written, true)
  const sent = { Origin: 'client', Epoch: 'then', Sequence: 9 }
  t.strictSame(
    scene.sent.map(({ body }) => body['PraetorWrite']),
    [sent, sent],
  )
  t.equal(await scene.write(), true)
  t.match(scene.sent.at(-1)?.body['PraetorWrite'], { Origin: 'me', Sequence: 1 })
})

t.test('as many outcomes are remembered of a node as it had writes under way', async (t) => {
  const names = new WriteNames(2)
  const places = new Set<number>()
  for (let write = 0; write < 100; write += 1) {
    const both = [must(names.take(), 'a number'), must(names.take(), 'a number')]
    if (names.take() !== undefined) t.fail('more than two were given')
    for (const sequence of both) {
      places.add(sequence % writesUnderWayMax)
      names.giveBack(sequence)
    }
  }
  t.equal(places.size, 2)
})

t.test('a number is not given again, nor its place while it is under way', async (t) => {
  const names = new WriteNames()
  const first = Array.from({ length: writesUnderWayMax }, () => must(names.take(), 'a number'))
  t.equal(names.take(), undefined)
  names.giveBack(7)
  names.giveBack(3)
  const next = [names.take(), names.take(), names.take()]
  t.strictSame(next, [3 + writesUnderWayMax, 7 + writesUnderWayMax, undefined])
  t.equal(new Set([...first, ...next]).size, writesUnderWayMax + 3)
  const random = seededChance(5)
  const underWay = new Map<number, number>()
  const rest = new WriteNames()
  for (let step = 0; step < 100_000; step += 1) {
    const [oldest] = underWay.keys()
    if (oldest !== undefined && random.fraction() < 0.49) {
      rest.giveBack(must(underWay.get(oldest), 'it is under way'))
      underWay.delete(oldest)
    } else {
      const sequence = must(rest.take(), 'few are under way')
      const place = sequence % writesUnderWayMax
      if (underWay.has(place)) t.fail(`place ${place} was given twice`)
      underWay.set(place, sequence)
    }
  }
})

t.test('more writes than can be remembered are refused before they are sent', async (t) => {
  const scene = new Scene()
  const answered = Promise.withResolvers<unknown>()
  scene.answers = { 'a:1': [answered.promise] }
  const writes = Array.from({ length: writesUnderWayMax }, () => scene.write())
  await settle()
  t.equal(scene.sent.length, writesUnderWayMax)
  await t.rejects(scene.write(), { kind: 'limited', message: /too many writes are under way/ })
  t.equal(scene.sent.length, writesUnderWayMax)
  answered.resolve(true)
  await Promise.all(writes)
  t.equal(await scene.write(), true)
})

t.test('all that wait for a leader wait by one timer', async (t) => {
  const scene = new Scene()
  scene.leader = undefined
  const writes = Array.from({ length: 1_000 }, () => scene.write())
  await scene.clock.advance(100)
  t.equal(scene.clock.timers, 1)
  scene.leader = 'a:1'
  await scene.clock.advance(20)
  t.equal((await Promise.all(writes)).length, 1_000)
})

t.test(
  'a leader that is deposed while it writes asks its successor, if nothing was done',
  async (t) => {
    for (const [text, sent] of [
      ['node is not the leader', 1],
      ["the data directory's disk is full or does not keep up", 1],
      ['leadership lost while committing log', 0],
    ] as const) {
      const scene = new Scene()
      scene.leads = true
      scene.refusal = new PraetorError('failed', text)
      const writing = scene.write().catch((error: unknown) => error)
      scene.leads = false
      await scene.clock.advance(500)
      t.equal(scene.sent.length, sent, text)
      t.equal(await writing, sent === 1 ? true : scene.refusal)
    }
  },
)

t.test('a call waits for a leader, whoever it is', async (t) => {
  for (const become of ['another', 'this'] as const) {
    const scene = new Scene()
    scene.leader = undefined
    const writing = scene.write()
    await scene.clock.advance(3_000)
    t.strictSame([scene.sent, scene.local], [[], []])
    if (become === 'this') scene.leads = true
    else scene.leader = 'a:1'
    await scene.clock.advance(50)
    t.equal(await writing, true)
    t.equal(become === 'this' ? scene.local.length : scene.sent.length, 1)
  }
})

t.test('who waits for a leader goes on the moment that there is one', async (t) => {
  const scene = new Scene()
  scene.leader = undefined
  const writing = scene.write()
  await scene.clock.advance(100)
  scene.elect('a:1')
  t.equal(await writing, true)
  t.equal(scene.clock.timers, 0)
})

t.test('who was refused waits a while, but not for another leader', async (t) => {
  const scene = new Scene()
  scene.answers = { 'a:1': [new NotLeader()], 'b:1': [true] }
  const [first, second] = [scene.write(), scene.write()]
  await settle()
  t.equal(scene.sent.length, 2)
  t.equal(scene.clock.timers, 2)
  scene.elect('b:1')
  t.strictSame(await Promise.all([first, second]), [true, true])
  t.equal(scene.clock.timers, 0)
  scene.answers = { 'b:1': [unreachable] }
  const failing = scene.write().catch(() => undefined)
  await settle()
  scene.elect('b:1')
  await settle()
  t.equal(scene.sent.length, 6, 'nor if the same is found again, which it may not have heard of')
  await scene.clock.advance(8_000)
  await failing
})

t.test('what waits on a leader that says nothing is asked of its successor', async (t) => {
  for (const successor of ['another', 'this'] as const) {
    const scene = new Scene()
    const silent = Promise.withResolvers<never>()
    scene.answers = { 'a:1': [silent.promise], 'b:1': [true] }
    const writing = scene.write()
    await settle()
    scene.elect('a:1')
    t.strictSame(scene.deposed, [], 'it still leads')
    if (successor === 'this') scene.leads = true
    scene.elect('b:1')
    t.strictSame(scene.deposed, ['a:1'])
    silent.reject(lost)
    t.equal(await writing, true)
    t.equal(successor === 'this' ? scene.local.length : scene.sent.length - 1, 1)
    const names = new Set(scene.sent.map(({ body }) => JSON.stringify(body['PraetorWrite'])))
    t.equal(names.size, 1, 'by the same name')
    t.equal(scene.clock.timers, 0)
  }
})

t.test('without a leader it fails when the hold is over, and not before', async (t) => {
  const scene = new Scene()
  scene.leader = ''
  let error: unknown
  const failing = scene.write().catch((thrown: unknown) => {
    error = thrown
  })
  await scene.clock.advance(6_990)
  t.equal(error, undefined)
  await scene.clock.advance(50)
  await failing
  t.match(error, { kind: 'failed', message: 'No cluster leader' })
  t.equal(scene.clock.timers, 0)
})

interface Again {
  readonly name: string
  readonly error: Error
  /** How often the leader is asked when its first answer is the error: by a read, a write, and a write with ids heeded. */
  readonly times: readonly [read: number, write: number, known: number]
}

const agains: readonly Again[] = [
  { name: 'nobody was reached', error: unreachable, times: [2, 2, 2] },
  { name: 'the asked server does not lead', error: new NotLeader(), times: [2, 2, 2] },
  { name: 'the answer was lost', error: lost, times: [2, 1, 2] },
  {
    name: 'the leader had gone when it began',
    error: new PraetorError('failed', 'rpc error making call: node is not the leader'),
    times: [2, 2, 2],
  },
  {
    name: 'the leader went while it wrote',
    error: new PraetorError(
      'failed',
      'rpc error making call: leadership lost while committing log',
    ),
    times: [2, 1, 2],
  },
  {
    name: 'the answer is an error',
    error: new PraetorError('failed', 'invalid session'),
    times: [1, 1, 1],
  },
]

for (const { name, error, times } of agains)
  t.test(`when ${name}, what may be asked again is`, async (t) => {
    const counted: number[] = []
    for (const kind of ['read', 'write', 'known'] as const) {
      const scene = new Scene({ leadersHeedIds: kind === 'known' })
      scene.answers = { 'a:1': [error, kind === 'read' ? {} : true] }
      const asking = kind === 'read' ? scene.rpc.read('Session.List', {}) : scene.write()
      const outcome = asking.then(
        () => 'answered',
        (thrown: unknown) => thrown,
      )
      await scene.clock.advance(1_000)
      counted.push(scene.sent.length)
      t.equal(await outcome, scene.sent.length === 2 ? 'answered' : error)
      const names = new Set(scene.sent.map(({ body }) => JSON.stringify(body['PraetorWrite'])))
      t.equal(names.size, 1, 'the second time by the same name')
    }
    t.strictSame(counted, times)
  })

t.test('a call follows the leadership to another server', async (t) => {
  const scene = new Scene()
  scene.answers = { 'a:1': [new NotLeader()], 'b:1': [true] }
  const writing = scene.write()
  await scene.clock.advance(600)
  scene.leader = 'b:1'
  await scene.clock.advance(600)
  t.equal(await writing, true)
  t.equal(scene.sent.at(-1)?.to, 'b:1')
  t.ok(scene.sent.length >= 3)
})

t.test('what keeps failing fails with the last error once the hold is over', async (t) => {
  const scene = new Scene()
  scene.answers = { 'a:1': [unreachable] }
  const failing = t.rejects(scene.write(), unreachable)
  await scene.clock.advance(8_000)
  await failing
})

t.test('whoever gives up waits no longer', async (t) => {
  const scene = new Scene()
  scene.leader = undefined
  const giving = new AbortController()
  const given = scene.rpc.read('Session.List', {}, { signal: giving.signal })
  const refused = t.rejects(given, { message: 'gone' })
  await settle()
  giving.abort(new Error('gone'))
  await scene.clock.advance(20)
  await refused
  t.equal(scene.clock.timers, 0)
})

t.test('whoever gives up between two attempts waits no longer either', async (t) => {
  const scene = new Scene()
  scene.answers = { 'a:1': [unreachable] }
  const giving = new AbortController()
  const given = scene.rpc.read('Session.List', {}, { signal: giving.signal })
  await settle()
  giving.abort(new Error('gone'))
  await t.rejects(given, { message: 'gone' })
  t.equal(scene.clock.timers, 0)
})
