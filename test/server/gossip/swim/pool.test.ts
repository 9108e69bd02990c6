import t from 'tap'

import { lanConfig, memberlistSwim, plainSwim } from '../../../../server/gossip/swim/config.ts'
import type { SwimConfig } from '../../../../server/gossip/swim/config.ts'
import type { SwimEvent } from '../../../../server/gossip/swim/events.ts'
import { aliveOf, nameAt, SwimPool } from '../../../support/swim-pool.ts'

/** Whole pools in virtual time. Bounds, not figures: those are the simulator's. */

const methods: readonly (readonly [string, SwimConfig])[] = [
  ['accrual', lanConfig],
  ['Lifeguard', memberlistSwim(lanConfig)],
  ['plain SWIM', plainSwim(lanConfig)],
]

const memberOf = (event: SwimEvent): string => ('member' in event ? event.member.name : '')

/** Of whom anybody who is well said that they failed. */
function failedOf(pool: SwimPool, observers: (name: string) => boolean = () => true): Set<string> {
  return new Set(
    pool
      .eventsOf('failed')
      .filter(({ by }) => observers(by))
      .map(({ event }) => memberOf(event)),
  )
}

for (const [method, config] of methods)
  t.test(`twenty members by ${method}: join, crash, detect, return, leave`, async (t) => {
    const pool = new SwimPool({ seed: 5, config })
    for (let at = 0; at < 20; at += 1) pool.start(aliveOf(nameAt(at)))
    for (let at = 1; at < 20; at += 1) {
      const addresses = [pool.node(nameAt(at - 1)).address]
      pool.command(nameAt(at), { kind: 'join', ticket: at, addresses })
    }
    t.ok(pool.runUntil(() => pool.isAtPeace(), 60_000) < 35_000, 'everybody knows everybody')
    t.equal(
      pool
        .eventsOf('joinDone')
        .filter(({ event }) => event.kind === 'joinDone' && event.joined === 1).length,
      19,
    )

    pool.run(20_000)
    t.strictSame(pool.eventsOf('suspected'), [], 'and suspects nobody')

    const gone = nameAt(13)
    pool.crash(gone)
    const detectedMs = pool.runUntil(() => pool.isHeldBy(gone, 'dead'), 60_000)
    t.ok(detectedMs < 15_000, `a crash is known to all after ${detectedMs} ms`)
    t.strictSame(failedOf(pool), new Set([gone]))

    // It begins again with the incarnation of a new process.
    pool.start(aliveOf(gone))
    pool.command(gone, { kind: 'join', ticket: 99, addresses: [pool.node(nameAt(0)).address] })
    const backMs = pool.runUntil(() => pool.isAtPeace(), 60_000)
    t.ok(backMs < 5000, `its return is known to all after ${backMs} ms`)

    const leaver = nameAt(4)
    pool.command(leaver, { kind: 'leave', ticket: 7 })
    const leftMs = pool.runUntil(() => pool.isHeldBy(leaver, 'left'), 60_000)
    t.ok(leftMs < 5000, `its leave is known to all after ${leftMs} ms`)
    pool.run(2000)
    t.match(pool.eventsOf('leaveDone'), [{ by: leaver, event: { told: true } }])
    pool.crash(leaver)
    pool.run(30_000)
    t.strictSame(failedOf(pool), new Set([gone]), 'and is no failure')
  })

t.test('the same seed replays the same run', async (t) => {
  const trace = (seed: number): string => {
    const pool = SwimPool.acquainted(12, { seed })
    pool.loss = 0.2
    const lines: string[] = []
    pool.onDatagram = (from, to, messages) =>
      void lines.push(`${pool.nowMs} ${from} ${to} ${messages.map(({ kind }) => kind).join()}`)
    pool.run(5000)
    pool.crash(nameAt(3))
    pool.run(15_000)
    return lines.join('\n')
  }
  t.equal(trace(6), trace(6))
  t.not(trace(6), trace(7))
})

t.test('the loss of a quarter of all packets fails nobody, and starts no storm', async (t) => {
  const suspicions = (config: SwimConfig): number => {
    const pool = SwimPool.acquainted(60, { seed: 3, config })
    pool.loss = 0.25
    pool.run(30_000)
    t.ok(config.accrual.enabled ? failedOf(pool).size === 0 : true)
    return pool
      .eventsOf('suspected')
      .filter(({ by, event }) => event.kind === 'suspected' && event.from === by).length
  }
  const ours = suspicions(lanConfig)
  const lifeguards = suspicions(memberlistSwim(lanConfig))
  t.ok(ours <= 1, `${ours} false suspicions in half an hour of members`)
  t.ok(lifeguards > 30, `where Lifeguard makes ${lifeguards}`)
})

t.test('a pause of five seconds is survived, and one for good is not', async (t) => {
  for (const seed of [1, 2, 3]) {
    const pool = SwimPool.acquainted(30, { seed })
    pool.run(10_000)
    for (const at of [3, 11, 19]) pool.pause(nameAt(at), 5000)
    pool.run(40_000)
    t.strictSame(failedOf(pool), new Set(), `seed ${seed}`)
    t.ok(pool.isAtPeace(), `seed ${seed}`)
    pool.pause(nameAt(7), 1e9)
    const others = (): boolean => pool.views(nameAt(7)).every((state) => state === 'dead')
    const detectedMs = pool.runUntil(others, 60_000)
    t.ok(detectedMs < 14_000, `seed ${seed}: ${detectedMs} ms`)
  }
})

t.test(
  'members who hear nothing fail, and take nobody with them (Rapid’s one-way fault)',
  async (t) => {
    const pool = SwimPool.acquainted(60, { seed: 7 })
    const deaf = new Set([1, 2, 3].map(nameAt))
    pool.run(5000)
    pool.isCut = (_from, to) => deaf.has(to)
    pool.run(60_000)
    t.strictSame(
      failedOf(pool, (name) => !deaf.has(name)),
      deaf,
    )
    for (const name of deaf) {
      const views = pool.up().filter(({ name: by }) => !deaf.has(by))
      t.ok(views.every(({ core }) => core.member(name)?.state === 'dead'))
      // What they make of the others is their own.
      const others = pool.node(name).core.members()
      t.ok(
        others.every(
          ({ state, unconfirmed }) => state === 'alive' || unconfirmed || state === 'dead',
        ),
      )
    }
    pool.isCut = () => false
    t.ok(
      pool.runUntil(() => pool.isAtPeace(), 300_000) < 300_000,
      'all is well when they hear again',
    )
  },
)

t.test('two members who cannot reach each other do not fail while others reach both', async (t) => {
  const pool = SwimPool.acquainted(12, { seed: 9 })
  const [a, b] = [nameAt(2), nameAt(8)]
  pool.isCut = (from, to) => (from === a && to === b) || (from === b && to === a)
  pool.run(120_000)
  t.strictSame(pool.eventsOf('suspected'), [])
})

t.test('a member without datagrams stays, and is known to be degraded', async (t) => {
  const pool = SwimPool.acquainted(10, { seed: 2 })
  pool.run(5000)
  const muted = nameAt(6)
  pool.isCut = (from, to, by) => by === 'datagram' && (from === muted || to === muted)
  pool.run(60_000)
  const views = pool.up().filter(({ name }) => name !== muted)
  t.ok(views.every(({ core }) => core.member(muted)?.state === 'alive'))
  t.ok(views.every(({ core }) => core.member(muted)?.degraded === true))
  pool.isCut = () => false
  pool.run(30_000)
  t.ok(views.every(({ core }) => core.member(muted)?.degraded === false))
})

t.test('a partition that outlives its detection heals (memberlist#222)', async (t) => {
  const pool = SwimPool.acquainted(24, { seed: 4 })
  const side = (name: string): boolean => Number(name.slice(1)) < 8
  pool.isCut = (from, to) => side(from) !== side(to)
  pool.run(600_000)
  const view = (by: number, of: number): string | undefined =>
    pool.node(nameAt(by)).core.member(nameAt(of))?.state
  t.equal(view(0, 20), 'dead')
  t.equal(view(20, 0), 'dead')
  t.equal(view(0, 1), 'alive')
  pool.isCut = () => false
  const healedMs = pool.runUntil(() => pool.isAtPeace(), 300_000)
  t.ok(healedMs < 60_000, `${healedMs} ms`)
})

t.test(
  'a member that moves to another address is known there at once by its later start',
  async (t) => {
    const needs = {
      identify: (meta: Uint8Array) => ({ id: String(meta[0]), startedMs: meta[1] ?? null }),
    }
    const pool = new SwimPool({ seed: 8, needs })
    const start = (at: number, began: number, host: string): void => {
      const self = aliveOf(nameAt(at), {
        meta: Uint8Array.of(at, began),
        address: { host, port: 8301 },
      })
      pool.start(self)
      if (at > 0)
        pool.command(nameAt(at), {
          kind: 'join',
          ticket: at,
          addresses: [pool.node(nameAt(0)).address],
        })
    }
    for (let at = 0; at < 8; at += 1) start(at, 1, `10.0.0.${at}`)
    pool.runUntil(() => pool.isAtPeace(), 10_000)
    pool.crash(nameAt(5))
    pool.run(300)
    start(5, 2, '10.0.9.5')
    const isMoved = (): boolean =>
      pool.up().every(({ core }) => core.member(nameAt(5))?.address.host === '10.0.9.5')
    t.ok(pool.runUntil(isMoved, 30_000) < 3000)
    pool.run(20_000)
    t.ok(pool.isAtPeace())
    t.strictSame(pool.eventsOf('conflict'), [])
  },
)

t.test('when all but one of a small pool die, it says so', async (t) => {
  const pool = SwimPool.acquainted(3, { seed: 5 })
  pool.run(5000)
  pool.crash(nameAt(0))
  pool.crash(nameAt(1))
  const isKnown = (): boolean =>
    [0, 1].every((at) => pool.node(nameAt(2)).core.member(nameAt(at))?.state === 'dead')
  t.ok(pool.runUntil(isKnown, 120_000) < 20_000, 'by the refusals of their machines')
})

t.test('oracles hold whatever the weather (§3)', async (t) => {
  for (const seed of [11, 12, 13, 14]) {
    const pool = SwimPool.acquainted(16, { seed })
    const highest = new Map<string, number>()
    const broken: string[] = []
    pool.onDatagram = (from, _to, messages) => {
      for (const message of messages) {
        if (message.kind !== 'alive') continue
        // Only the subject raises its own incarnation.
        const before = highest.get(message.node) ?? 1
        if (message.incarnation > before && from !== message.node)
          broken.push(`${from} raised ${message.node} to ${message.incarnation}`)
        highest.set(message.node, Math.max(before, message.incarnation))
      }
    }
    const seen = new Map<string, number>()
    for (let second = 0; second < 120; second += 1) {
      if (second % 30 === 5) pool.loss = (second / 30) * 0.12
      if (second % 30 === 10) pool.pause(nameAt((second * seed) % 16), 2000 + second * 30)
      if (second % 30 === 15) {
        const cut = nameAt((second + seed) % 16)
        pool.isCut = (from, to) => (second % 60 === 15 ? from === cut : to === cut)
      }
      if (second % 30 === 22) pool.isCut = () => false
      pool.run(1000)
      for (const { name, core } of pool.up())
        for (const member of core.members()) {
          const key = `${name} of ${member.name}`
          if (member.incarnation < (seen.get(key) ?? 0)) broken.push(`${key} went back`)
          seen.set(key, member.incarnation)
        }
    }
    t.strictSame(broken, [], `seed ${seed}`)
    pool.loss = 0
    pool.isCut = () => false
    const calmMs = pool.runUntil(() => pool.isAtPeace(), 200_000)
    t.ok(calmMs < 120_000, `seed ${seed}: at peace ${calmMs} ms after the storm`)
    pool.run(20_000)
    const idle = pool.up().every(({ events }) => events.every(({ kind }) => kind !== 'conflict'))
    t.ok(idle, `seed ${seed}`)
  }
})
