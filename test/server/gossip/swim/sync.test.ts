import t from 'tap'

import { pushPullScale } from '../../../../server/gossip/swim/anti-entropy.ts'
import { lanConfig } from '../../../../server/gossip/swim/config.ts'
import type { SwimEvent } from '../../../../server/gossip/swim/events.ts'
import type {
  PushPull,
  RemoteState,
  StreamMessage,
  WireState,
} from '../../../../server/gossip/wire/messages.ts'
import { aliveOf } from '../../../support/swim-pool.ts'
import { quietConfig, SwimSolo } from '../../../support/swim-solo.ts'
import type { Call } from '../../../support/swim-solo.ts'

const stateOf = (node: string, state: WireState = 'alive', incarnation = 1): RemoteState => ({
  ...aliveOf(node, { incarnation }),
  state,
})

const pushPull = (states: readonly RemoteState[], change: Partial<PushPull> = {}): PushPull => ({
  kind: 'pushPull',
  join: false,
  states,
  user: new Uint8Array(),
  ...change,
})

/** What a push/pull tells, as `node state@incarnation`. */
function telling(message: StreamMessage | undefined): string[] {
  if (message?.kind !== 'pushPull') return [`no push/pull but ${message?.kind}`]
  return message.states
    .map(({ node, state, incarnation }) => `${node} ${state}@${incarnation}`)
    .toSorted((a, b) => (a < b ? -1 : 1))
}

const answer = (solo: SwimSolo, { call }: Call, message: StreamMessage): void =>
  solo.step({ kind: 'callAnswered', call, message })

const config = { ...quietConfig, pushPullIntervalMs: 30_000 }

t.test('push/pull comes round more rarely in larger pools (§1.5)', async (t) => {
  for (const [members, scale] of [
    [1, 1],
    [32, 1],
    [33, 2],
    [64, 2],
    [65, 3],
    [1000, 6],
    [10_000, 10],
  ] as const)
    t.equal(pushPullScale(members), scale, `${members} members`)

  const solo = new SwimSolo(['a', 'b'], { needs: { config } })
  solo.answering = new Set(['a', 'b'])
  for (let second = 0; second < 300; second += 1) {
    solo.run(1000)
    for (const call of solo.calls()) {
      t.match(call, { timeoutMs: 10_000, message: { kind: 'pushPull', join: false } })
      answer(solo, call, pushPull([]))
    }
  }
  const exchanges = solo.metrics.filter(({ name }) => name === 'memberlist.pushPullNode').length
  t.ok(exchanges === 10 || exchanges === 9, `${exchanges} in five minutes`)
})

t.test('everything known is told, and who asks learns it before we learn from it', async (t) => {
  const solo = new SwimSolo(['a', 'b', 'c', 'd'])
  solo.hear(
    'd',
    { kind: 'suspect', incarnation: 3, node: 'a', from: 'd' },
    { kind: 'dead', incarnation: 1, node: 'b', from: 'd' },
    { kind: 'dead', incarnation: 1, node: 'c', from: 'c' },
  )
  solo.step({
    kind: 'called',
    caller: 8,
    from: { host: '10.1.1.1', port: 9 },
    message: pushPull([stateOf('x')]),
  })
  const [reply] = solo.answers()
  t.match(reply, { kind: 'answer', caller: 8 })
  t.strictSame(telling(reply?.kind === 'answer' ? reply.message : undefined), [
    'a suspect@3',
    'b dead@1',
    'c left@1',
    'd alive@1',
    'me alive@1',
  ])
  t.equal(solo.stateOf('x'), 'alive@1')
})

t.test('who is long gone is told of only to those who seem to know it', async (t) => {
  const solo = new SwimSolo(['a', 'b', 'c'])
  solo.answering = new Set(['c'])
  solo.hear('c', { kind: 'dead', incarnation: 4, node: 'a', from: 'c' })
  solo.hear('c', { kind: 'dead', incarnation: 4, node: 'b', from: 'b' })
  solo.run(lanConfig.gossipToTheDeadMs * 10 + 1000)
  const ask = (...states: RemoteState[]): string[] => {
    const message = pushPull(states)
    solo.step({ kind: 'called', caller: 1, from: { host: '10.1.1.1', port: 9 }, message })
    const [reply] = solo.answers()
    return telling(reply?.kind === 'answer' ? reply.message : undefined)
  }
  t.strictSame(ask(), ['c alive@1', 'me alive@1'])
  t.strictSame(ask(stateOf('a')), ['a dead@4', 'c alive@1', 'me alive@1'])
})

t.test('what is merged', async (t) => {
  const cases: readonly (readonly [RemoteState, string, string[]])[] = [
    [stateOf('x', 'alive', 7), 'alive@7', ['joined x']],
    [stateOf('x', 'dead', 7), 'unknown', []],
    [stateOf('x', 'suspect', 7), 'unknown', []],
    [stateOf('x', 'left', 7), 'unknown', []],
    [stateOf('a', 'suspect'), 'suspect@1', ['suspected a']],
    // Whoever is alive after all has its time to say so.
    [stateOf('a', 'dead'), 'suspect@1', ['suspected a']],
    [stateOf('a', 'left'), 'left@1', ['left a']],
    [stateOf('a', 'alive', 2), 'alive@2', []],
    [stateOf('me', 'dead', 5), 'unknown', []],
  ]
  for (const [state, wanted, events] of cases) {
    const solo = new SwimSolo(['a', 'b'])
    const message = pushPull([state])
    solo.step({ kind: 'called', caller: 1, from: { host: '10.1.1.1', port: 9 }, message })
    const name = `${state.node} ${state.state}@${state.incarnation}`
    if (state.node === 'me') t.equal(solo.stateOf('me'), 'alive@6', 'this node refutes')
    else t.equal(solo.stateOf(state.node), wanted, name)
    t.strictSame(solo.told(), events, name)
  }
})

t.test('hearsay is held against its teller, where that is known (serf#336)', async (t) => {
  const solo = new SwimSolo(['a', 'b', 'c'], { needs: { config } })
  solo.answering = new Set(['a', 'b', 'c'])
  solo.run(31_000)
  const [call] = solo.calls()
  if (call === undefined) return t.fail('nobody was asked')
  const other = call.name === 'a' ? 'b' : 'a'
  solo.events()
  answer(solo, call, pushPull([stateOf(other, 'dead')]))
  const suspected = solo.events().find(({ kind }) => kind === 'suspected')
  t.match(suspected, { kind: 'suspected', from: call.name })
  return undefined
})

t.test('the layer above gets what is its own, after the members it may speak of', async (t) => {
  const solo = new SwimSolo(['a'])
  const from = { host: '10.1.1.1', port: 9 }
  const message = pushPull([stateOf('x')], { user: Uint8Array.of(1, 2), join: true })
  solo.step({ kind: 'called', caller: 1, from, message })
  const events = solo.events().filter(({ kind }) => kind !== 'acked')
  t.strictSame(
    events.map(({ kind }) => kind),
    ['joined', 'userState'],
  )
  t.same(events[1], { kind: 'userState', from, join: true, body: Uint8Array.of(1, 2) })
})

t.test('a join', async (t) => {
  const to = (node: string): ReturnType<typeof aliveOf>['address'] => aliveOf(node).address
  const done = (solo: SwimSolo): SwimEvent | undefined =>
    solo.events().find(({ kind }) => kind === 'joinDone')

  t.test('is a push/pull with each address, and tells how each went', async (t) => {
    const solo = new SwimSolo([])
    solo.step({ kind: 'join', ticket: 4, addresses: ['a', 'b', 'c', 'd'].map(to) })
    const [a, b, c, d] = solo.calls()
    if (a === undefined || b === undefined || c === undefined || d === undefined)
      return t.fail('not everybody was called')
    t.strictSame(telling(a.message), ['me alive@1'])
    t.match(a.message, { join: true })
    answer(solo, a, pushPull([stateOf('a'), stateOf('b'), stateOf('z')]))
    solo.step({ kind: 'callFailed', call: b.call, reason: 'refused' })
    answer(solo, c, { kind: 'error', text: 'remote is part of another world' })
    t.equal(done(solo), undefined)
    solo.step({ kind: 'callFailed', call: d.call, reason: 'timeout' })
    t.same(done(solo), {
      kind: 'joinDone',
      ticket: 4,
      joined: 1,
      failures: [
        { to: to('b'), reason: 'refused' },
        { to: to('c'), reason: 'remote is part of another world' },
        { to: to('d'), reason: 'timeout' },
      ],
    })
    t.equal(solo.core.liveCount(), 4)
    return undefined
  })

  t.test('of nobody is done at once', async (t) => {
    const solo = new SwimSolo([])
    solo.step({ kind: 'join', ticket: 1, addresses: [] })
    t.same(done(solo), { kind: 'joinDone', ticket: 1, joined: 0, failures: [] })
  })

  t.test('has only so many under way at once (consul#4511)', async (t) => {
    const solo = new SwimSolo([])
    const many = Array.from({ length: 30 }, (_, at) => aliveOf(`n${at}`).address)
    solo.step({ kind: 'join', ticket: 1, addresses: many })
    const open = solo.calls()
    t.equal(open.length, lanConfig.pushPullsMax)
    let ended = 0
    for (let call = open.shift(); call !== undefined; call = open.shift()) {
      if (ended % 2 === 0) answer(solo, call, pushPull([]))
      else solo.step({ kind: 'callFailed', call: call.call, reason: 'timeout' })
      ended += 1
      open.push(...solo.calls())
      t.ok(open.length <= lanConfig.pushPullsMax)
    }
    t.equal(ended, 30)
    t.match(done(solo), { joined: 15 })
  })

  t.test('that is refused learns why, and nothing else (§1.8)', async (t) => {
    const admit = (states: readonly RemoteState[]): string | null =>
      states.some(({ node }) => node === 'stranger') ? 'wrong datacenter' : null
    const solo = new SwimSolo(['a'], { needs: { admit, config: quietConfig } })
    const message = pushPull([stateOf('stranger')], { join: true, user: Uint8Array.of(1) })
    solo.step({ kind: 'called', caller: 3, from: { host: '10.1.1.1', port: 9 }, message })
    t.same(solo.answers(), [
      { kind: 'answer', caller: 3, message: { kind: 'error', text: 'wrong datacenter' } },
    ])
    t.strictSame(solo.told(), [])

    solo.step({ kind: 'join', ticket: 2, addresses: [to('q')] })
    const [call] = solo.calls()
    if (call === undefined) return t.fail('nobody was called')
    answer(solo, call, pushPull([stateOf('q'), stateOf('stranger')]))
    t.match(done(solo), { joined: 0, failures: [{ reason: 'wrong datacenter' }] })
    t.equal(solo.stateOf('q'), 'unknown')
    return undefined
  })
})

t.test('a leave', async (t) => {
  t.test('is told as often as anything is, then done (§1.5)', async (t) => {
    const solo = new SwimSolo(['a', 'b', 'c'])
    solo.answering = new Set(['a', 'b', 'c'])
    solo.sent()
    solo.step({ kind: 'leave', ticket: 6 })
    t.equal(solo.core.liveCount(), 3)
    let copies = 0
    let told: SwimEvent | undefined
    for (let ms = 0; ms < 3000 && told === undefined; ms += 50) {
      solo.run(50)
      copies += solo.sentOf('dead').filter(({ message }) => message.from === 'me').length
      told = solo.events().find(({ kind }) => kind === 'leaveDone')
    }
    t.same(told, { kind: 'leaveDone', ticket: 6, told: true })
    t.equal(copies, 4, 'retransmit_mult · ⌈log10(n + 1)⌉')
    t.equal(solo.stateOf('me'), 'left@1')

    solo.hear('a', { kind: 'suspect', incarnation: 1, node: 'me', from: 'a' })
    t.equal(solo.stateOf('me'), 'left@1', 'who left refutes nothing')
    solo.sent()
    solo.hear('a', { kind: 'ping', sequence: 1, node: 'me' })
    t.equal(solo.sentOf('ack').length, 1, 'but still answers')
    solo.run(5000)
    t.strictSame(solo.sentOf('ping'), [], 'and probes nobody')
    solo.step({ kind: 'leave', ticket: 7 })
    t.match(solo.events(), [{ kind: 'leaveDone', ticket: 7, told: true }])
  })

  t.test('of the only one is done at once', async (t) => {
    const solo = new SwimSolo([])
    solo.step({ kind: 'leave', ticket: 1 })
    t.match(solo.events(), [{ kind: 'leaveDone', ticket: 1, told: false }])
  })

  t.test('does not wait for ever', async (t) => {
    const solo = new SwimSolo(['a'], {
      needs: { config: { ...quietConfig, retransmitMult: 1000 } },
    })
    solo.step({ kind: 'leave', ticket: 1 })
    solo.run(lanConfig.leaveTimeoutMs)
    t.ok(solo.events().some((event) => event.kind === 'leaveDone' && !event.told))
  })
})

t.test('the failed are looked for (memberlist#222)', async (t) => {
  const healing = { ...quietConfig, healIntervalMs: 30_000 }
  const looksFor = (dead: readonly string[], live: number, minutes: number): Call[] => {
    const others = Array.from({ length: live }, (_, at) => `n${at}`)
    const solo = new SwimSolo([...dead, ...others], { needs: { config: healing } })
    solo.answering = new Set(others)
    for (const node of dead) solo.hear('n0', { kind: 'dead', incarnation: 2, node, from: 'n0' })
    const calls: Call[] = []
    for (let second = 0; second < minutes * 60; second += 1) {
      solo.run(1000)
      for (const call of solo.calls()) {
        calls.push(call)
        solo.step({ kind: 'callFailed', call: call.call, reason: 'timeout' })
      }
    }
    return calls
  }

  t.test('by all together as often as there are failed ones', async (t) => {
    const few = looksFor(['a'], 19, 200).length
    t.ok(few >= 8 && few <= 36, `one failed, each of twenty tries every ten minutes: ${few} in 200`)
    const many = looksFor(['a', 'b', 'c'], 2, 20)
    t.ok(many.length >= 38, `of a minority, every half minute: ${many.length} in 20`)
    t.strictSame(new Set(many.map(({ name }) => name)), new Set(['a', 'b', 'c']))
    t.match(many[0]?.message, { kind: 'pushPull', join: true })
    t.ok(
      telling(many.at(-1)?.message).includes(`${many.at(-1)?.name} dead@2`),
      'and told what is held against it',
    )
  })

  t.test('and who turns up has all on its side told what we hold against them', async (t) => {
    const solo = new SwimSolo(['n0', ...Array.from({ length: 40 }, (_, at) => `x${at + 100}`)])
    solo.answering = new Set(['n0'])
    for (let at = 0; at < 40; at += 1)
      solo.hear('n0', { kind: 'dead', incarnation: 1, node: `x${at + 100}`, from: 'n0' })
    solo.run(10_000)
    solo.sent()
    solo.told()
    const states = Array.from({ length: 40 }, (_, at) => stateOf(`x${at + 100}`))
    solo.step({
      kind: 'called',
      caller: 1,
      from: { host: '10.1.1.1', port: 9 },
      message: pushPull(states),
    })
    const perTick: number[] = []
    const told = new Set<string>()
    for (let tick = 0; tick < 10; tick += 1) {
      solo.run(200)
      const accused = solo.sentOf('dead').filter(({ to, message }) => to === message.node)
      perTick.push(accused.length)
      for (const { to } of accused) told.add(to)
    }
    t.equal(told.size, 40)
    t.ok(Math.max(...perTick) <= 17, `not all at once: ${perTick.join()}`)
    t.strictSame(solo.told(), [], 'they stay dead until they refute')
    solo.hear('x100', aliveOf('x100', { incarnation: 2 }))
    t.strictSame(solo.told(), ['joined x100'])
  })
})

t.test('streams that are opened to us', async (t) => {
  const from = { host: '10.1.1.1', port: 9 }
  const solo = new SwimSolo(['a'])
  solo.step({ kind: 'called', caller: 1, from, message: { kind: 'ping', sequence: 3, node: 'me' } })
  t.same(solo.answers(), [
    { kind: 'answer', caller: 1, message: { kind: 'ack', sequence: 3, payload: new Uint8Array() } },
  ])
  solo.step({
    kind: 'called',
    caller: 2,
    from,
    message: { kind: 'ping', sequence: 3, node: 'else' },
  })
  t.same(solo.answers(), [{ kind: 'hangUp', caller: 2 }])
  solo.step({ kind: 'called', caller: 3, from, message: { kind: 'user', body: Uint8Array.of(1) } })
  t.same(solo.answers(), [{ kind: 'hangUp', caller: 3 }])
  t.match(solo.events(), [{ kind: 'user', body: Uint8Array.of(1) }])
  solo.step({ kind: 'called', caller: 4, from, message: { kind: 'error', text: 'no' } })
  t.same(solo.answers(), [{ kind: 'hangUp', caller: 4 }])
  solo.step({ kind: 'callAnswered', call: 999, message: { kind: 'error', text: 'no' } })
  solo.step({ kind: 'callFailed', call: 999, reason: 'reset' })
  t.strictSame(solo.events(), [], 'what nobody asked for is nothing')
})

t.test('the delegate’s messages', async (t) => {
  const body = (size: number): Uint8Array => new Uint8Array(size)

  t.test('are gossiped, replaced by subject, and said to be done', async (t) => {
    const solo = new SwimSolo(['a', 'b', 'c'])
    solo.answering = new Set(['a', 'b', 'c'])
    const broadcast = { kind: 'broadcast', queue: 'intent', subject: 'x' } as const
    solo.step({ ...broadcast, body: body(5), ticket: 1 })
    solo.step({ ...broadcast, body: body(6), ticket: 2 })
    t.match(solo.events(), [{ kind: 'broadcastDone', ticket: 1 }])
    solo.run(2000)
    const sizes = solo.sentOf('user').map(({ message }) => message.body.length)
    t.strictSame(sizes, [6, 6, 6, 6])
    t.ok(solo.events().some((event) => event.kind === 'broadcastDone' && event.ticket === 2))
  })

  t.test('that fit into no packet are dropped, and not waited for', async (t) => {
    const solo = new SwimSolo(['a'])
    solo.step({ kind: 'broadcast', queue: 'event', subject: null, body: body(9000), ticket: 3 })
    t.match(solo.events(), [{ kind: 'broadcastDone', ticket: 3 }])
  })

  t.test('are dropped in order where there are too many', async (t) => {
    const solo = new SwimSolo(['a'], { needs: { config: { ...quietConfig, userQueueMax: 10 } } })
    for (let ticket = 0; ticket < 25; ticket += 1)
      solo.step({ kind: 'broadcast', queue: 'event', subject: null, body: body(9), ticket })
    const done = solo
      .events()
      .flatMap((event) => (event.kind === 'broadcastDone' ? [event.ticket] : []))
    t.strictSame(
      done,
      Array.from({ length: 15 }, (_, at) => at),
      'the oldest first',
    )
  })

  t.test(
    'to one address go in a packet, or by stream where they must arrive or are long',
    async (t) => {
      const solo = new SwimSolo(['a'])
      solo.sent()
      const to = solo.addressOf('a')
      solo.step({ kind: 'sendUser', to, body: body(20), reliable: false })
      t.equal(solo.sentOf('user')[0]?.to, 'a')
      solo.step({ kind: 'sendUser', to, body: body(20), reliable: true })
      solo.step({ kind: 'sendUser', to, body: body(2000), reliable: false })
      const calls = solo.calls()
      t.strictSame(
        calls.map(({ name, message }) => [name, message.kind]),
        [
          ['a', 'user'],
          ['a', 'user'],
        ],
      )
      for (const { call } of calls) solo.step({ kind: 'callFailed', call, reason: 'timeout' })
      t.strictSame(solo.sent(), [])
    },
  )

  t.test('come from packets as events, with their sender', async (t) => {
    const solo = new SwimSolo(['a'])
    solo.hear('a', { kind: 'user', body: Uint8Array.of(4) })
    t.same(solo.events(), [{ kind: 'user', from: solo.addressOf('a'), body: Uint8Array.of(4) }])
  })
})
