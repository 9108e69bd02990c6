import t from 'tap'

import { memberlistSwim, plainSwim } from '../../../../server/gossip/swim/config.ts'
import type { GossipMessage } from '../../../../server/gossip/wire/messages.ts'
import { aliveOf } from '../../../support/swim-pool.ts'
import { ackOf, nackOf, quietConfig, sequenceOf, SwimSolo } from '../../../support/swim-solo.ts'
import type { Sent } from '../../../support/swim-solo.ts'

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

/** A core that knows how long answers take here: no time at all. */
function trained(others: readonly string[] = names, options = {}): SwimSolo {
  const solo = new SwimSolo(others, options)
  solo.answering = new Set(others)
  solo.run(20_000)
  solo.sent()
  solo.calls()
  solo.told()
  return solo
}

/** Somebody dies, and the others say that they cannot reach it either. Gives when it was first pinged in vain. */
function die(solo: SwimSolo, who: string, options: { readonly relaysAre?: 'mute' } = {}): number {
  solo.answering = new Set([...solo.answering].filter((name) => name !== who))
  solo.sent()

  const first = solo.runUntilSent('ping', who)
  const untilMs = first.atMs + 9500
  while (solo.nowMs < untilMs && solo.core.member(who)?.state === 'alive') {
    for (const sent of solo.sent())
      if (sent.messages[0]?.kind === 'indirectPing' && options.relaysAre !== 'mute')
        solo.hearAll(sent.to, nackOf(sent))
    solo.run(5)
  }
  return first.atMs
}

const kinds = ({ messages }: Sent): string => messages.map(({ kind }) => kind).join('+')

t.test("memberlist's period (§1.2, SWIM §3.1)", async (t) => {
  const needs = { config: memberlistSwim(quietConfig) }

  t.test('is a ping, relays and a stream at the timeout, and a suspicion at its end', async (t) => {
    const solo = new SwimSolo(names, { needs })
    const ping = solo.runUntilSent('ping')
    solo.run(499)
    t.strictSame(solo.sent(), [])
    solo.run(1)
    const asked = solo.sent()
    t.equal(asked.length, 3)
    t.equal(new Set(asked.map(({ to }) => to)).size, 3)
    t.notOk(asked.some(({ to }) => to === ping.to))
    for (const { messages } of asked)
      t.match(messages[0], { kind: 'indirectPing', node: ping.to, wantsNack: true })
    const [call] = solo.calls()
    t.match(call, { name: ping.to, message: { kind: 'ping' }, timeoutMs: 500 })
    solo.run(499)
    t.equal(solo.stateOf(ping.to), 'alive@1')
    solo.run(1)
    t.strictSame(solo.told(), [`suspected ${ping.to}`])
  })

  t.test('ends well by an answer on any way', async (t) => {
    for (const way of ['direct', 'late', 'relayed', 'stream'] as const) {
      const solo = new SwimSolo(names, { needs })
      const ping = solo.runUntilSent('ping')
      if (way === 'direct') solo.hear(ping.to, ackOf(ping))
      solo.run(600)
      if (way === 'late') solo.hear(ping.to, ackOf(ping))
      const [request] = solo.sent()
      if (way === 'relayed' && request !== undefined) solo.hear(request.to, ackOf(request))
      const [call] = solo.calls()
      if (way === 'stream' && call?.message.kind === 'ping') {
        const { sequence } = call.message
        const message = { kind: 'ack', sequence, payload: new Uint8Array() } as const
        solo.step({ kind: 'callAnswered', call: call.call, message })
      }
      solo.run(401)
      t.equal(solo.stateOf(ping.to), 'alive@1', way)
      t.equal(solo.core.healthScore(), 0)
    }
  })

  t.test(
    'makes us doubt ourselves by the NACKs that did not come, and take our time',
    async (t) => {
      for (const [nacks, score] of [
        [0, 3],
        [1, 2],
        [3, 0],
      ] as const) {
        const solo = new SwimSolo(names, { needs })
        solo.runUntilSent('ping')
        solo.run(500)
        for (const request of solo.sent().slice(0, nacks)) solo.hear(request.to, nackOf(request))
        solo.run(500)
        t.equal(solo.core.healthScore(), score, `${nacks} NACKs`)
        const next = solo.runUntilSent('ping')
        const beganMs = solo.nowMs
        t.equal(next.messages[0]?.kind, 'ping')
        solo.told()
        while (!solo.told().includes(`suspected ${next.to}`)) solo.run(10)
        t.ok(
          Math.abs(solo.nowMs - beganMs - 1000 * (score + 1)) <= 10,
          `T·(LHM + 1): ${solo.nowMs - beganMs}`,
        )
      }
    },
  )

  t.test('has one member probed at a time', async (t) => {
    const solo = new SwimSolo(names, { needs: { config: plainSwim(quietConfig) } })
    solo.run(10_000)
    const pinged = solo.sentOf('ping').map(({ to }) => to)
    t.ok(pinged.length >= 5 && pinged.length <= 10, `${pinged.length} pings in ten periods`)
  })

  t.test('trusts the relay’s late NACK no more than its own timeout allows', async (t) => {
    const solo = new SwimSolo(names, { needs })
    solo.hear('a', {
      kind: 'indirectPing',
      sequence: 5,
      target: aliveOf('b').address,
      node: 'b',
      wantsNack: true,
    })
    solo.sent()
    solo.run(499)
    t.strictSame(solo.sentOf('nack'), [])
    solo.run(1)
    t.strictSame(solo.sentOf('nack').length, 1)
  })
})

t.test('our episode', async (t) => {
  t.test(
    'waits half a second while it knows nothing of round trips, and 20 ms when it does',
    async (t) => {
      const fresh = new SwimSolo(names)
      const first = fresh.runUntilSent('ping')
      t.equal(fresh.runUntilSent('indirectPing').atMs - first.atMs, 500)

      const solo = trained()
      solo.answering = new Set()
      const ping = solo.runUntilSent('ping')
      t.equal(solo.runUntilSent('indirectPing').atMs - ping.atMs, 20)
    },
  )

  t.test('waits for as long as is expected of the member, and for our own loop', async (t) => {
    const solo = new SwimSolo(names, { needs: { config: quietConfig, expectedRttMs: () => 60 } })
    for (let answers = 0; answers < 40; answers += 1) {
      const ping = solo.runUntilSent('ping')
      solo.run(60)
      solo.hear(ping.to, ackOf(ping))
    }
    solo.step({ kind: 'lagged', lagMs: 30 })
    solo.sent()
    const ping = solo.runUntilSent('ping')
    const waitedMs = solo.runUntilSent('indirectPing').atMs - ping.atMs
    t.ok(waitedMs > 90 && waitedMs < 130, `${waitedMs} ms for a round trip of 60 and a lag of 30`)
  })

  t.test(
    'asks in rounds: a ping, fresh relays, a stream; each pause longer than the last',
    async (t) => {
      const solo = trained()
      solo.answering = new Set()
      const ping = solo.runUntilSent('ping')
      solo.sent()
      const rounds: number[] = []
      while (rounds.length < 4) {
        rounds.push(Math.round(solo.runUntilSent('indirectPing').atMs - ping.atMs))
        solo.run(5)
        solo.sent()
      }
      t.strictSame(rounds, [20, 140, 296, 499])
      const again = trained()
      again.answering = new Set()
      const target = again.runUntilSent('ping')
      again.run(297)
      const all = again.sent()
      const relays = all.filter((sent) => kinds(sent) === 'indirectPing').map(({ to }) => to)
      t.equal(relays.length, 7, 'three, three, and whoever is left')
      t.equal(new Set(relays).size, 7, 'everybody was asked before anybody was asked again')
      t.equal(all.filter((sent) => kinds(sent) === 'ping' && sent.to === target.to).length, 3)
      t.equal(again.calls().length, 3)
      const numbers = all.map(sequenceOf)
      t.equal(new Set(numbers).size, numbers.length, 'each path has its own number')
    },
  )

  t.test(
    'accuses when others do not reach it either, and it was silent for long enough',
    async (t) => {
      const solo = trained()
      const beganMs = die(solo, 'c')
      t.strictSame(solo.told(), ['suspected c'])
      t.ok(solo.nowMs - beganMs >= quietConfig.accrual.silenceMinMs)
      t.ok(solo.nowMs - beganMs <= quietConfig.accrual.silenceMinMs + 10, `${solo.nowMs - beganMs}`)
      t.ok(solo.core.suspicionLevel('c', solo.nowMs) >= 6)
    },
  )

  t.test(
    'accuses nobody whom only we cannot reach: relays that say nothing prove nothing',
    async (t) => {
      const solo = trained()
      // Somebody is heard, so that we are not deaf.
      die(solo, 'c', { relaysAre: 'mute' })
      solo.run(15_000)
      t.strictSame(solo.told(), [])
    },
  )

  t.test('ends by an answer on any path, and then knows its loss', async (t) => {
    for (const way of ['first', 'second', 'relay', 'stream'] as const) {
      const solo = trained()
      solo.answering = new Set(names.filter((name) => name !== 'c'))
      const first = solo.runUntilSent('ping', 'c')
      solo.run(25)
      const sent = solo.sent()
      const second = sent.find((one) => one.to === 'c' && kinds(one) === 'ping')
      const relay = sent.find((one) => kinds(one) === 'indirectPing')
      const [call] = solo.calls()
      if (way === 'first') solo.hear('c', ackOf(first))
      if (way === 'second' && second !== undefined) solo.hear('c', ackOf(second))
      if (way === 'relay' && relay !== undefined) solo.hear(relay.to, ackOf(relay))
      if (way === 'stream' && call?.message.kind === 'ping') {
        const { sequence } = call.message
        const message = { kind: 'ack', sequence, payload: new Uint8Array() } as const
        solo.step({ kind: 'callAnswered', call: call.call, message })
        t.equal(solo.core.suspicionLevel('c', solo.nowMs), 0)
        // Datagrams to it are still looked after.
        const third = solo.runUntilSent('ping', 'c', 500)
        solo.hear('c', ackOf(third))
        solo.sent()
      }
      t.equal(solo.core.suspicionLevel('c', solo.nowMs), 0, way)
      solo.run(500)
      t.strictSame(solo.told(), [], way)
      t.notOk(
        solo.sentOf('indirectPing').some(({ message }) => message.node === 'c'),
        way,
      )
    }
  })

  t.test(
    'marks who answers by stream alone, until a datagram gets through (serf#216)',
    async (t) => {
      const solo = trained()
      solo.answering = new Set(names.filter((name) => name !== 'c'))
      const answerStreams = (): void => {
        for (const { call, message } of solo.calls())
          if (message.kind === 'ping') {
            const { sequence } = message
            const ack = { kind: 'ack', sequence, payload: new Uint8Array() } as const
            solo.step({ kind: 'callAnswered', call, message: ack })
          }
      }
      solo.runUntilSent('ping', 'c')
      const told: string[] = []
      for (let ms = 0; ms < 9000 && told.length === 0; ms += 10) {
        solo.run(10)
        answerStreams()
        told.push(...solo.told())
      }
      t.strictSame(told, ['degraded c'])
      t.match(solo.core.member('c'), { state: 'alive', degraded: true })
      const ping = solo.runUntilSent('ping', 'c')
      solo.hear('c', ackOf(ping))
      t.strictSame(solo.told(), ['degraded c'])
      t.match(solo.core.member('c'), { degraded: false })
    },
  )

  t.test('counts a refused connection as two orders of evidence', async (t) => {
    const solo = trained(['c', 'd'])
    solo.answering = new Set(['d'])
    solo.runUntilSent('ping', 'c')
    const levels: number[] = []
    for (let ms = 0; ms < 2400 && solo.stateOf('c') === 'alive@1'; ms += 5) {
      solo.run(5)
      for (const { call } of solo.calls()) {
        const before = solo.core.suspicionLevel('c', solo.nowMs)
        solo.step({ kind: 'callFailed', call, reason: 'refused' })
        levels.push(Math.round(solo.core.suspicionLevel('c', solo.nowMs) - before))
      }
    }
    t.equal(levels[0], 2)
    t.equal(levels[1], 0, 'not twice within a second: it may be a restart')
    t.strictSame(solo.told(), ['suspected c'], 'with our own silence it is enough')
  })

  t.test('gives a member longer that was seen to survive a longer pause', async (t) => {
    const solo = trained()
    die(solo, 'c')
    solo.run(1500)
    solo.hear('b', aliveOf('c', { incarnation: 2 }))
    t.strictSame(solo.told(), ['suspected c', 'cleared c'])
    const beganMs = die(solo, 'c')
    const waitedMs = solo.nowMs - beganMs
    // Silent for 0.3 s before and 1.5 s after it was accused: half as much again.
    t.ok(waitedMs > 2500 && waitedMs < 2900, `${waitedMs} ms`)
  })

  t.test('gives everybody longer while we are unwell ourselves', async (t) => {
    const solo = trained()
    solo.hear('a', { kind: 'suspect', incarnation: 1, node: 'me', from: 'a' })
    solo.hear('a', { kind: 'suspect', incarnation: 2, node: 'me', from: 'a' })
    t.equal(solo.core.healthScore(), 2)
    solo.answering = new Set()
    const first = solo.runUntilSent('ping')
    for (;;) {
      for (const sent of solo.sent())
        if (kinds(sent) === 'indirectPing') solo.hearAll(sent.to, nackOf(sent))
      if (solo.told().length > 0) break
      solo.run(5)
    }
    const waitedMs = solo.nowMs - first.atMs
    t.ok(waitedMs >= 900 && waitedMs < 1000, `three times as long: ${waitedMs}`)
  })

  t.test('may be one of several', async (t) => {
    const solo = trained()
    solo.answering = new Set()
    solo.run(8000)
    const probed = new Set(solo.sentOf('indirectPing').map(({ message }) => message.node))
    t.ok(probed.size >= 6, `${probed.size} were probed in eight periods, none of them done`)
  })
})

t.test('who hears nothing accuses nobody (§2.5, the deafness guard)', async (t) => {
  t.test('but keeps it to itself, and takes it back when somebody answers', async (t) => {
    const solo = trained()
    solo.answering = new Set()
    solo.run(30_000)
    const early = solo.told().filter((event) => event.startsWith('suspected'))
    t.strictSame(
      new Set(solo.sentOf('suspect').map(({ message }) => message.from)),
      new Set(),
      'nothing is told',
    )
    t.ok(early.length > 0)
    for (const name of names)
      t.ok(
        solo.core.member(name)?.state === 'alive' || solo.core.member(name)?.unconfirmed === true,
      )
    solo.run(90_000)
    t.ok(solo.told().filter((event) => event.startsWith('failed')).length >= 6)
    t.strictSame(solo.sentOf('dead'), [], 'nor of their death')
    t.ok(solo.core.healthScore() > 0)
    // The road is open again: their own word at the old incarnation is enough, since they heard of no other.
    solo.hear('a', ...names.map((name) => aliveOf(name)))
    t.strictSame(
      names.map((name) => solo.stateOf(name)),
      names.map(() => 'alive@1'),
    )
    t.notOk(solo.core.member('a')?.unconfirmed)
  })

  t.test('and believes what others tell it', async (t) => {
    const solo = trained()
    solo.answering = new Set()
    solo.run(40_000)
    const doubted = names.find((name) => solo.core.member(name)?.unconfirmed === true) ?? 'nobody'
    solo.hear('h', { kind: 'suspect', incarnation: 1, node: doubted, from: 'h' })
    t.match(solo.core.member(doubted), { state: 'suspect', unconfirmed: false })
    solo.hear('h', { kind: 'dead', incarnation: 1, node: doubted, from: 'h' })
    t.match(solo.core.member(doubted), { state: 'dead', unconfirmed: false })
  })

  t.test('unless there is nobody else to hear', async (t) => {
    const solo = trained(['a'])
    solo.answering = new Set()
    solo.run(5000)
    t.strictSame(solo.told(), ['suspected a'])
    t.equal(solo.core.member('a')?.unconfirmed, false)
  })
})

t.test('time alone decides nothing: what was in the sockets is heard first', async (t) => {
  t.test('an answer that waited out our pause stops the verdict that came due in it', async (t) => {
    const solo = trained()
    solo.answering = new Set()
    const ping = solo.runUntilSent('ping', 'c')
    solo.nowMs += 7000
    solo.hear('c', ackOf(ping))
    solo.step({ kind: 'drained' })
    t.strictSame(solo.told(), [])
    t.equal(solo.stateOf('c'), 'alive@1')
  })

  t.test('a refutation that waited out our pause stops the death', async (t) => {
    const solo = trained()
    solo.hear('b', { kind: 'suspect', incarnation: 1, node: 'c', from: 'b' })
    solo.nowMs += 120_000
    solo.hear('d', aliveOf('c', { incarnation: 2 }))
    solo.step({ kind: 'drained' })
    t.strictSame(solo.told(), ['suspected c', 'cleared c'])
  })

  t.test('a pause of ours puts off every verdict by as long', async (t) => {
    const bounds = (pauseMs: number): number => {
      const solo = trained()
      solo.answering = new Set(names.filter((name) => name !== 'c'))
      solo.hear('b', { kind: 'suspect', incarnation: 1, node: 'c', from: 'b' })
      const beganMs = solo.nowMs
      solo.run(1000)
      solo.nowMs += pauseMs
      solo.step({ kind: 'drained' })
      while (solo.stateOf('c') === 'suspect@1') solo.run(20)
      return solo.nowMs - beganMs
    }
    const pausedMs = bounds(20_000) - bounds(0)
    t.ok(Math.abs(pausedMs - 20_000) < 1100, `put off by ${pausedMs}`)
  })

  t.test('a round trip over our own pause teaches nothing', async (t) => {
    const solo = trained()
    solo.answering = new Set()
    const ping = solo.runUntilSent('ping')
    solo.nowMs += 1000
    solo.events()
    solo.hear(ping.to, ackOf(ping))
    t.strictSame(
      solo.events().filter(({ kind }) => kind === 'acked'),
      [],
    )
  })

  t.test(
    'a pause that the driver knows of is treated alike, and is a sign of ill health',
    async (t) => {
      const solo = trained()
      solo.hear('b', { kind: 'suspect', incarnation: 1, node: 'c', from: 'b' })
      const dueMs = solo.core.dueMs()
      solo.step({ kind: 'paused', pauseMs: 3000 })
      t.equal(solo.core.healthScore(), 1)
      t.ok(solo.core.dueMs() <= dueMs + 1000, 'what holds nothing against anybody goes on')
      solo.step({ kind: 'dropped', packets: 4 })
      solo.step({ kind: 'dropped', packets: 0 })
      t.equal(solo.core.healthScore(), 2)
    },
  )
})

t.test('what others ask of us', async (t) => {
  t.test(
    'a ping is answered where it came from, with what the layer above has to say',
    async (t) => {
      const solo = new SwimSolo(['a'])
      solo.sent()
      solo.step({ kind: 'setAckPayload', payload: Uint8Array.of(1, 2) })
      const source = { node: 'a', address: { host: '10.66.0.1', port: 1 } }
      solo.hear('a', { kind: 'ping', sequence: 9, node: 'me', source })
      const [ack] = solo.sent()
      t.equal(ack?.to, 'a', 'and not where it says that it is from')
      t.same(ack?.messages[0], { kind: 'ack', sequence: 9, payload: Uint8Array.of(1, 2) })
      solo.hear('a', { kind: 'ping', sequence: 10, node: 'who was here before' })
      t.strictSame(solo.sent(), [])
    },
  )

  const request = (node = 'b', wantsNack = true): GossipMessage => ({
    kind: 'indirectPing',
    sequence: 500,
    target: { host: '10.66.0.2', port: 2 },
    node,
    wantsNack,
  })

  t.test(
    'a member is pinged for another, and its answer passed on without what it carries',
    async (t) => {
      const solo = new SwimSolo(['a', 'b'])
      solo.sent()
      solo.hear('a', request())
      const [ping] = solo.sent()
      t.equal(ping?.to, 'b', 'where we know it to be')
      if (ping === undefined) return
      t.not(sequenceOf(ping), 500)
      solo.hear('b', ackOf(ping, Uint8Array.of(7)))
      t.same(
        solo.sent().map(({ to, messages }) => [to, messages[0]]),
        [['a', { kind: 'ack', sequence: 500, payload: new Uint8Array() }]],
      )
      solo.run(2000)
      t.strictSame(solo.sentOf('nack'), [])
    },
  )

  t.test(
    'that it does not answer is said while it is still listened for, and taken back',
    async (t) => {
      const solo = new SwimSolo(['a', 'b'])
      solo.answering = new Set(['a'])
      solo.hear('a', request())
      const ping = solo.runUntilSent('ping', 'b')
      solo.run(399)
      t.strictSame(solo.sentOf('nack'), [])
      solo.run(1)
      t.strictSame(
        solo.sentOf('nack').map(({ to, message }) => [to, message.sequence]),
        [['a', 500]],
        'at four fifths of what memberlist leaves a relay',
      )
      solo.hear('b', ackOf(ping))
      t.equal(solo.sentOf('ack').length, 1)
      const knowing = trained(['a', 'b'])
      knowing.answering = new Set(['a'])
      knowing.hear('a', request())
      knowing.run(20)
      t.equal(knowing.sentOf('nack').length, 1, 'and sooner by whoever knows how long answers take')
    },
  )

  t.test(
    'nobody is pinged whom we do not know, nor told of where that is not wanted',
    async (t) => {
      const solo = new SwimSolo(['a', 'b'])
      solo.answering = new Set(['a', 'b'])
      solo.sent()
      solo.hear('a', request('stranger'), request('me'))
      t.strictSame(solo.sent(), [])
      solo.answering = new Set(['a'])
      solo.hear('a', request('b', false))
      solo.run(1000)
      t.strictSame(solo.sentOf('nack'), [])
    },
  )

  t.test('answers that nobody waits for are nothing, and none counts twice', async (t) => {
    const solo = new SwimSolo(['a'])
    const ping = solo.runUntilSent('ping')
    solo.events()
    solo.hear('a', { kind: 'ack', sequence: 12_345, payload: new Uint8Array() }, ackOf(ping))
    solo.hear('a', ackOf(ping), { kind: 'nack', sequence: 99 })
    t.equal(solo.events().filter(({ kind }) => kind === 'acked').length, 1)
  })
})

t.test(
  'a suspect is told with the ping, and again when it answers (Lifeguard’s buddy)',
  async (t) => {
    const solo = trained()
    solo.hear('b', { kind: 'suspect', incarnation: 1, node: 'c', from: 'b' })
    solo.answering = new Set(names.filter((name) => name !== 'c'))
    const ping = solo.runUntilSent('ping', 'c')
    t.match(ping.messages[1], { kind: 'suspect', node: 'c', from: 'me' })
    solo.run(5)
    solo.sent()
    solo.hear('c', ackOf(ping))
    t.match(
      solo.sent().map(({ to, messages }) => [to, messages[0]?.kind]),
      [['c', 'suspect']],
    )
    t.equal(solo.stateOf('c'), 'suspect@1', 'only its own word clears it')

    const plain = new SwimSolo(['a'], { needs: { config: plainSwim(quietConfig) } })
    plain.hear('a', { kind: 'suspect', incarnation: 1, node: 'a', from: 'x' })
    plain.sent()
    const unkind = plain.runUntilSent('ping', 'a')
    t.equal(
      unkind.messages.filter((message) => message.kind === 'suspect' && message.from === 'me')
        .length,
      0,
    )
  },
)

t.test('heartbeats (§2.4 d)', async (t) => {
  t.test('go to those who are watched, once an interval each and not all at once', async (t) => {
    const solo = trained()
    solo.step({ kind: 'watch', nodes: ['a', 'b', 'nobody'] })
    solo.run(2000)
    solo.sent()
    solo.run(10_000)
    const pings = new Map<string, number>()
    for (const { to } of solo.sentOf('ping')) pings.set(to, (pings.get(to) ?? 0) + 1)
    t.ok((pings.get('a') ?? 0) >= 10 && (pings.get('b') ?? 0) >= 10)
    t.ok((pings.get('c') ?? 0) <= 3)
    solo.step({ kind: 'watch', nodes: [] })
    solo.run(2000)
    solo.sent()
    solo.run(8000)
    t.ok(solo.sentOf('ping').length <= 9)
  })

  t.test('go to everybody in a small pool that wants it', async (t) => {
    const config = { ...quietConfig, heartbeatMembersMax: 100 }
    const solo = trained(names, { needs: { config } })
    solo.run(10_000)
    t.ok(solo.sentOf('ping').length > 85)
  })

  t.test('that stop are noticed long before the round-robin comes by', async (t) => {
    const many = Array.from({ length: 60 }, (_, at) => `n${at}`)
    const solo = trained(many)
    solo.step({ kind: 'watch', nodes: ['n7'] })
    solo.run(15_000)
    t.ok(solo.core.suspicionLevel('n7', solo.nowMs) < 0.01)
    const silentMs = solo.nowMs
    solo.answering = new Set(many.filter((name) => name !== 'n7'))
    while (solo.stateOf('n7') === 'alive@1' && solo.nowMs < silentMs + 20_000) {
      for (const sent of solo.sent())
        if (kinds(sent) === 'indirectPing') solo.hearAll(sent.to, nackOf(sent))
      solo.run(10)
    }
    t.ok(solo.nowMs - silentMs < 2500, `${solo.nowMs - silentMs} ms`)
  })
})

t.test('φ of a member can be read at any time', async (t) => {
  const solo = trained()
  t.equal(solo.core.suspicionLevel('me', solo.nowMs), 0)
  t.equal(solo.core.suspicionLevel('a', solo.nowMs), 0)
  t.equal(solo.core.suspicionLevel('nobody', solo.nowMs), Infinity)
  solo.answering = new Set(names.filter((name) => name !== 'c'))
  solo.runUntilSent('ping', 'c')
  const levels: number[] = []
  while (solo.stateOf('c') === 'alive@1') {
    for (const sent of solo.sent())
      if (kinds(sent) === 'indirectPing') solo.hearAll(sent.to, nackOf(sent))
    solo.run(20)
    levels.push(solo.core.suspicionLevel('c', solo.nowMs))
  }
  t.ok(
    levels.slice(0, -1).every((level, at) => level >= (levels[at - 1] ?? 0)),
    'it grows with the evidence',
  )
  t.ok(
    levels.some((level) => level > 1 && level < 6),
    'and is worth something before anybody is accused',
  )
  t.ok((levels.at(-1) ?? 0) >= 6)
  solo.hear('b', { kind: 'dead', incarnation: 1, node: 'c', from: 'b' })
  t.equal(solo.core.suspicionLevel('c', solo.nowMs), Infinity)
})
