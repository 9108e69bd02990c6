import { deepStrictEqual, equal } from 'node:assert/strict'

import fc from 'fast-check'
import t from 'tap'

import { lanConfig, memberlistSwim } from '../../../../server/gossip/swim/config.ts'
import type { Identity } from '../../../../server/gossip/swim/events.ts'
import type {
  Alive,
  Dead,
  GossipMessage,
  Suspect,
} from '../../../../server/gossip/wire/messages.ts'
import type { Address } from '../../../../server/gossip/wire/messages.ts'
import { aliveOf } from '../../../support/swim-pool.ts'
import { quietConfig, SwimSolo } from '../../../support/swim-solo.ts'

const suspect = (node: string, incarnation = 1, from = 'c'): Suspect => ({
  kind: 'suspect',
  incarnation,
  node,
  from,
})
const dead = (node: string, incarnation = 1, from = 'c'): Dead => ({
  kind: 'dead',
  incarnation,
  node,
  from,
})
const left = (node: string, incarnation = 1): Dead => dead(node, incarnation, node)

/** What was gossiped to everybody, as `kind node@incarnation`. */
function news(solo: SwimSolo, forMs = 400): string[] {
  solo.run(forMs)
  const told = solo
    .sent()
    .filter(({ droppable }) => droppable)
    .flatMap(({ messages }) => messages)
    .filter((message) => 'incarnation' in message)
    .map(({ kind, node, incarnation }) => `${kind} ${node}@${incarnation}`)
  return [...new Set(told)]
}

t.test('who is unknown and says it is there becomes a member, and is told of', async (t) => {
  const solo = new SwimSolo(['a', 'b'])
  solo.hear('a', aliveOf('n7', { incarnation: 3 }))
  t.strictSame(solo.told(), ['joined n7'])
  t.equal(solo.stateOf('n7'), 'alive@3')
  t.equal(solo.core.liveCount(), 4)
  t.strictSame(news(solo), ['alive n7@3'])
})

t.test('what is no news is not told on (§1.3)', async (t) => {
  const cases: readonly (readonly [
    name: string,
    before: GossipMessage[],
    message: GossipMessage,
  ])[] = [
    ['an alive of the known incarnation', [], aliveOf('a')],
    ['a suspicion of an older incarnation', [aliveOf('a', { incarnation: 4 })], suspect('a', 3)],
    ['an alive of the suspected incarnation', [suspect('a')], aliveOf('a')],
    ['a suspicion of the dead', [dead('a')], suspect('a')],
    ['a death of the dead', [dead('a')], dead('a', 1, 'b')],
    ['an older death', [aliveOf('a', { incarnation: 4 })], dead('a', 3)],
    ['a death of who left', [left('a')], dead('a')],
    ['a suspicion of nobody we know', [], suspect('stranger')],
    ['a death of nobody we know', [], dead('stranger')],
    ['the same accuser again', [suspect('a')], suspect('a')],
  ]
  for (const [name, before, message] of cases) {
    const solo = new SwimSolo(['a', 'b', 'c', 'd', 'e'])
    solo.answering = new Set(['a', 'b', 'c', 'd', 'e'])
    solo.hear('b', ...before)
    // Until all that was told of it was told often enough.
    solo.run(3000)
    const state = solo.stateOf('a')
    solo.told()
    solo.sent()
    solo.hear('b', message)
    t.strictSame(news(solo), [], name)
    t.equal(solo.stateOf('a'), state, name)
    t.strictSame(solo.told(), [], name)
  }
})

t.test('what is news changes the state, and is told on', async (t) => {
  const cases: readonly (readonly [
    name: string,
    before: GossipMessage[],
    message: GossipMessage,
    state: string,
    events: string[],
  ])[] = [
    ['a suspicion', [], suspect('a'), 'suspect@1', ['suspected a']],
    ['a suspicion of a later life', [], suspect('a', 5), 'suspect@5', ['suspected a']],
    ['a refutation', [suspect('a')], aliveOf('a', { incarnation: 2 }), 'alive@2', ['cleared a']],
    ['a death', [suspect('a')], dead('a'), 'dead@1', ['failed a']],
    ['a death without suspicion', [], dead('a'), 'dead@1', ['failed a']],
    ['a leave', [], left('a'), 'left@1', ['left a']],
    ['a leave after the failure', [dead('a')], left('a'), 'left@1', ['left a']],
    ['a return', [dead('a', 3)], aliveOf('a', { incarnation: 4 }), 'alive@4', ['joined a']],
    [
      'a return after a leave',
      [left('a')],
      aliveOf('a', { incarnation: 2 }),
      'alive@2',
      ['joined a'],
    ],
    [
      'a change of tags',
      [],
      aliveOf('a', { incarnation: 2, meta: Uint8Array.of(1) }),
      'alive@2',
      ['updated a'],
    ],
    [
      'a suspicion of a later life than the buried one',
      [dead('a', 1)],
      suspect('a', 2),
      'suspect@2',
      ['joined a', 'suspected a'],
    ],
    [
      'a later death of the dead, that nobody is alarmed by',
      [dead('a')],
      dead('a', 9),
      'dead@9',
      [],
    ],
  ]
  for (const [name, before, message, state, events] of cases) {
    const solo = new SwimSolo(['a', 'b', 'c', 'd', 'e'])
    solo.hear('b', ...before)
    solo.told()
    solo.hear('b', message)
    t.equal(solo.stateOf('a'), state, name)
    t.strictSame(solo.told(), events, name)
    const told = news(solo)
    const wanted = 'incarnation' in message ? `${message.kind} a@${message.incarnation}` : ''
    t.ok(told.includes(wanted), `${name}: ${told.join()}`)
  }
})

t.test('what is held of a member does not depend on the order of the news (property)', async () => {
  const anyNews = fc.oneof(
    fc
      .integer({ min: 1, max: 4 })
      .map((incarnation): GossipMessage => aliveOf('a', { incarnation })),
    fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('b', 'c', 'd'))
      .map(([incarnation, from]): GossipMessage => suspect('a', incarnation, from)),
    fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('a', 'c', 'd'))
      .map(([incarnation, from]): GossipMessage => dead('a', incarnation, from)),
  )
  const hold = (all: readonly GossipMessage[]): string => {
    const solo = new SwimSolo(['a', 'b', 'c', 'd', 'e'])
    // From somebody else, so that nothing is taken for the member's own word.
    for (const message of all) solo.hear('b', message)
    return solo.stateOf('a')
  }
  fc.assert(
    fc.property(fc.array(anyNews, { maxLength: 12 }), fc.integer(), (all, seed) => {
      const shuffled = all
        .map((message, at) => ({ message, key: Math.imul(at + 3, seed | 1) }))
        .toSorted((a, b) => a.key - b.key)
        .map(({ message }) => message)
      deepStrictEqual(hold(shuffled), hold(all))
      equal(hold([...all, ...all]), hold(all))
    }),
    { numRuns: 200 },
  )
})

t.test(
  'a suspicion ends in death, sooner with confirmations, each told on once (§1.3)',
  async (t) => {
    const config = memberlistSwim(quietConfig)
    for (const [accusers, seconds] of [
      [['c'], 24],
      [['c', 'd'], 11.38],
      [['c', 'd', 'e'], 4],
      [['c', 'd', 'e', 'f'], 4],
      [['c', 'c', 'c'], 24],
    ] as const) {
      const solo = new SwimSolo(['a', 'b', 'c', 'd', 'e', 'f'], { needs: { config } })
      // Not even the suspect is silent: we have nothing to add.
      solo.answering = new Set(['a', 'b', 'c', 'd', 'e', 'f'])
      for (const from of accusers) solo.hear('b', suspect('a', 1, from))
      const passedOn = new Set<string>()
      for (let ms = 0; ms < seconds * 1000 - 10; ms += 200) {
        solo.run(Math.min(200, seconds * 1000 - 10 - solo.nowMs))
        for (const { message } of solo.sentOf('suspect')) passedOn.add(message.from)
      }
      t.equal(solo.stateOf('a'), 'suspect@1', `${accusers.join()} before ${seconds} s`)
      solo.run(30)
      t.equal(solo.stateOf('a'), 'dead@1', `${accusers.join()} after ${seconds} s`)
      t.strictSame(solo.told(), ['suspected a', 'failed a'])
      solo.run(400)
      t.ok(solo.sentOf('dead').some(({ message }) => message.from === 'me'))
      // The newest replaced the others before they were sent; none is of somebody who is not wanted.
      t.notOk(passedOn.has('f'))
    }
  },
)

t.test('this node refutes what is said of it (SWIM §4.2)', async (t) => {
  for (const [name, said] of [
    ['a suspicion', suspect('me')],
    ['its death', dead('me', 1, 'a')],
    ['a leave that it did not take', left('me')],
    ['an accusation of a life it did not live yet', suspect('me', 900_000)],
    [
      'a tale of another self at its address',
      aliveOf('me', {
        incarnation: 7,
        address: { host: '10.9.9.9', port: 8301 },
        meta: Uint8Array.of(9),
      }),
    ],
  ] as const) {
    const solo = new SwimSolo(['a', 'b', 'c'])
    solo.hear('a', said)
    t.equal(solo.stateOf('me'), `alive@${said.incarnation + 1}`, name)
    t.equal(solo.core.healthScore(), 1, `${name}: who is accused is probably slow`)
    t.ok(news(solo).includes(`alive me@${said.incarnation + 1}`), name)
  }
  const solo = new SwimSolo(['a'])
  solo.hear('a', suspect('me', 0))
  t.equal(solo.stateOf('me'), 'alive@1', 'what is out of date needs no refutation')
})

t.test('a refutation goes with the answer to the ping beside the accusation', async (t) => {
  const solo = new SwimSolo(['a', 'b'])
  solo.sent()
  solo.hear('a', { kind: 'ping', sequence: 77, node: 'me' }, suspect('me', 1, 'a'))
  const [answer] = solo.sent()
  t.strictSame(
    answer?.messages.map(({ kind }) => kind),
    ['ack', 'alive'],
  )
})

t.test('who says it is alive and does not know what is held against it, is told', async (t) => {
  t.test('by whoever hears it from itself (memberlist#311)', async (t) => {
    const solo = new SwimSolo(['a', 'b'])
    solo.hear('b', dead('a', 100))
    solo.sent()
    solo.hear('a', aliveOf('a', { incarnation: 1 }))
    t.strictSame(
      solo.sent().map(({ to, messages }) => [to, messages[0]]),
      [['a', dead('a', 100, 'me')]],
    )
    solo.hear('a', aliveOf('a', { incarnation: 1 }))
    t.strictSame(solo.sent(), [], 'once a second is enough')
    solo.hear('a', aliveOf('a', { incarnation: 101 }))
    t.equal(solo.stateOf('a'), 'alive@101')
  })

  t.test('not by those who hear it from others', async (t) => {
    const solo = new SwimSolo(['a', 'b'])
    solo.hear('b', suspect('a', 3))
    solo.sent()
    solo.hear('b', aliveOf('a', { incarnation: 1 }))
    t.strictSame(solo.sent(), [])
  })

  t.test('stored incarnations never go back (al8n#197)', async (t) => {
    const solo = new SwimSolo(['a', 'b'])
    solo.hear('b', dead('a', 2), dead('a', 10), aliveOf('a', { incarnation: 5 }))
    t.equal(solo.stateOf('a'), 'dead@10')
  })
})

t.test('an incarnation out of reach is not believed (al8n#200)', async (t) => {
  const solo = new SwimSolo(['a', 'b'])
  solo.hear(
    'b',
    suspect('a', 2 ** 32 - 1),
    dead('a', 70_000),
    aliveOf('a', { incarnation: 2 ** 32 - 1 }),
  )
  t.equal(solo.stateOf('a'), 'alive@1')
  solo.hear('b', suspect('me', 2 ** 32 - 1))
  t.equal(solo.stateOf('me'), 'alive@1', 'nor refuted: nobody would listen')
})

t.test('versions are sound or not spoken to', async (t) => {
  const solo = new SwimSolo(['a'])
  for (const protocol of [
    [0, 5, 2],
    [1, 0, 2],
    [5, 1, 2],
  ] as const)
    solo.hear('a', aliveOf('n9', { versions: { protocol, delegate: [2, 5, 4] } }))
  t.equal(solo.stateOf('n9'), 'unknown')
})

/** In these tests a member's meta is its id and when it was started, or nothing. */
const identify = (meta: Uint8Array): Identity | null =>
  meta.length === 0 ? null : { id: String(meta[0]), startedMs: meta[1] ?? null }

t.test('a name', async (t) => {
  const elsewhere = { host: '10.7.7.7', port: 8301 }
  const claim = (change: Partial<Alive> = {}): Alive =>
    aliveOf('a', { address: elsewhere, incarnation: 1, ...change })
  const needs = { identify, config: quietConfig }

  t.test('is its owner’s while that lives (§1.5)', async (t) => {
    const solo = new SwimSolo(['a', 'b'], { needs })
    solo.hear('b', claim({ incarnation: 9 }))
    t.strictSame(solo.told(), ['conflict a'])
    t.same(solo.core.member('a')?.address, aliveOf('a').address)
  })

  t.test('is free when its owner left, or was dead for long enough', async (t) => {
    const solo = new SwimSolo(['a', 'b'], { needs })
    solo.hear('b', left('a', 4), claim())
    t.equal(solo.stateOf('a'), 'alive@1', 'another member, whose incarnations are its own')
    t.same(solo.core.member('a')?.address, elsewhere)

    const other = new SwimSolo(['a', 'b'], { needs })
    other.answering = new Set(['b'])
    other.hear('b', dead('a'), claim())
    t.strictSame(other.told(), ['failed a', 'conflict a'])
    other.run(lanConfig.deadNodeReclaimMs + 1)
    other.hear('b', claim())
    t.strictSame(other.told(), ['joined a'])
  })

  const known = (meta: number[]): Alive =>
    aliveOf('a', { incarnation: 5, meta: Uint8Array.from(meta) })
  const table: readonly (readonly [
    name: string,
    before: number[],
    now: number[],
    said: GossipMessage[],
    isTaken: boolean,
  ])[] = [
    ['by a later start of the same node at once', [1, 10], [1, 11], [], true],
    ['not by an earlier start', [1, 10], [1, 9], [], false],
    ['not by another node', [1, 10], [2, 11], [], false],
    ['not by a second one with the same id, while the first lives', [1], [1], [], false],
    ['by the same id when the first is dead', [1], [1], [dead('a', 5)], true],
    ['not by another id when the first is dead', [1], [2], [dead('a', 5)], false],
  ]
  for (const [name, before, now, said, isTaken] of table)
    t.test(`is taken over ${name}`, async (t) => {
      const solo = new SwimSolo([known(before), 'b'], { needs })
      solo.hear('b', ...said)
      solo.told()
      solo.hear('b', claim({ meta: Uint8Array.from(now) }))
      t.equal(solo.core.member('a')?.address.host === elsewhere.host, isTaken)
      if (!isTaken) t.strictSame(solo.told(), ['conflict a'])
    })

  t.test('of ours that somebody else has is a conflict, unless that was us', async (t) => {
    const self = aliveOf('me', { incarnation: 2, meta: Uint8Array.of(1, 50) })
    const solo = new SwimSolo(['a'], { self, needs })
    const other = aliveOf('me', { incarnation: 8, address: elsewhere, meta: Uint8Array.of(2, 60) })
    solo.hear('a', other)
    t.strictSame(solo.told(), ['conflict me'])
    t.equal(solo.stateOf('me'), 'alive@2')
    solo.hear('a', { ...other, meta: Uint8Array.of(1, 40) })
    t.strictSame(solo.told(), [])
    t.equal(solo.stateOf('me'), 'alive@9', 'our earlier life is outlived')
  })
})

t.test('every terminal state ends (memberlist#253)', async (t) => {
  const config = { ...quietConfig, reapFailedMs: 60_000, reapLeftMs: 30_000 }
  const solo = new SwimSolo(['a', 'b', 'c', 'd'], { needs: { config } })
  solo.hear('d', dead('a'), left('b'))
  solo.told()
  const told: string[] = []
  for (let second = 0; second < 80; second += 1) {
    solo.hear(
      'd',
      aliveOf('c', { incarnation: second + 2 }),
      aliveOf('d', { incarnation: second + 2 }),
    )
    solo.run(1000)
    told.push(...solo.told().filter((event) => event.startsWith('reaped')))
    if (second === 25) t.strictSame(told, [])
    if (second === 50) t.strictSame(told, ['reaped b'])
  }
  t.strictSame(told, ['reaped b', 'reaped a'])
  t.equal(solo.stateOf('a'), 'unknown')
})

t.test('a failed member may be counted as left, and be forgotten', async (t) => {
  const solo = new SwimSolo(['a', 'b', 'c'])
  solo.step({ kind: 'forceLeave', node: 'a', forget: false })
  t.equal(solo.stateOf('a'), 'alive@1', 'not while it lives')
  solo.hear('c', dead('a'), dead('b'))
  solo.told()
  solo.step({ kind: 'forceLeave', node: 'a', forget: false })
  solo.step({ kind: 'forceLeave', node: 'b', forget: true })
  solo.step({ kind: 'forceLeave', node: 'nobody', forget: true })
  t.strictSame(solo.told(), ['left a', 'left b', 'reaped b'])
})

t.test('whom the admission refuses does not become a member', async (t) => {
  const asked: string[] = []
  const admit = (states: readonly { readonly node: string }[]): string | null => {
    asked.push(...states.map(({ node }) => node))
    return states.some(({ node }) => node === 'bad') ? 'wrong datacenter' : null
  }
  const solo = new SwimSolo(['a'], { needs: { admit, config: quietConfig } })
  solo.hear('a', aliveOf('bad'), aliveOf('good'), aliveOf('a', { incarnation: 2 }))
  t.strictSame(asked, ['bad', 'good'], 'who is a member already is not asked about')
  t.strictSame(solo.told(), ['joined good'])
})

t.test('who is where no member may be does not become one, nor moves there', async (t) => {
  const at = (host: string): { address: Address } => ({ address: { host, port: 8301 } })
  const allows = (host: string): boolean => !host.startsWith('192.0.2.')
  const solo = new SwimSolo(['a'], { needs: { allows, config: quietConfig } })
  solo.hear('a', aliveOf('bad', at('192.0.2.1')), aliveOf('good', at('10.0.0.9')))
  t.strictSame(solo.told(), ['joined good'])
  solo.step({
    kind: 'packet',
    from: { host: '192.0.2.2', port: 8301 },
    messages: [aliveOf('well', at('10.0.0.8'))],
  })
  t.strictSame(solo.told(), [], 'nor does anybody of whom somebody there speaks')
})

t.test('new tags are told under a new incarnation', async (t) => {
  const solo = new SwimSolo(['a', 'b'])
  solo.step({ kind: 'setMeta', meta: Uint8Array.of(5) })
  t.strictSame(solo.told(), ['updated me'])
  t.equal(solo.stateOf('me'), 'alive@2')
  solo.run(300)
  const [told] = solo.sentOf('alive')
  t.same(told?.message.meta, Uint8Array.of(5))
})

t.test('the dead get gossip for a while, so that they may refute (§1.2)', async (t) => {
  const solo = new SwimSolo(['a', 'b', 'c'])
  solo.hear('b', dead('a'))
  solo.run(2000)
  t.ok(solo.sentOf('dead').some(({ to, message }) => to === 'a' && message.node === 'a'))
})
