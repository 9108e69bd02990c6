import { deepStrictEqual, ok } from 'node:assert/strict'

import fc from 'fast-check'
import t from 'tap'

import {
  lanConfig,
  memberlistSwim,
  plainSwim,
  wanConfig,
} from '../../../../server/gossip/swim/config.ts'
import { isPlausible, outranks } from '../../../../server/gossip/swim/precedence.ts'
import type { Claim } from '../../../../server/gossip/swim/precedence.ts'
import {
  disseminationMs,
  Suspicion,
  suspicionBounds,
  suspicionTimeoutMs,
} from '../../../../server/gossip/swim/suspicion.ts'
import { wireStates } from '../../../../server/gossip/wire/messages.ts'

t.test(
  'Lifeguard §IV-B: a suspicion shortens with the logarithm of its confirmations',
  async (t) => {
    const table: readonly (readonly [confirmations: number, wanted: number, seconds: number])[] = [
      [0, 3, 30],
      [1, 3, 16],
      [2, 3, 7.81],
      [3, 3, 2],
      [4, 3, 2],
      [5, 3, 2],
      [10, 3, 2],
      [0, 2, 30],
      [1, 2, 12.335],
      [2, 2, 2],
      [0, 0, 2],
    ]
    for (const [confirmations, confirmationsWanted, seconds] of table) {
      const bounds = { minMs: 2000, maxMs: 30_000, confirmationsWanted }
      const foundMs = suspicionTimeoutMs(bounds, confirmations)
      t.ok(
        Math.abs(foundMs - seconds * 1000) < 5,
        `${confirmations} of ${confirmationsWanted}: ${foundMs} ms, wanted ${seconds} s`,
      )
    }
  },
)

t.test("memberlist's least time grows with the logarithm of the members (§1.3)", async (t) => {
  const lan = memberlistSwim(lanConfig)
  for (const [members, seconds] of [
    [3, 4],
    [10, 4],
    [100, 8],
    [1000, 12],
    [10_000, 16],
  ] as const)
    t.equal(suspicionBounds(lan, members, 0).minMs, seconds * 1000)
  const wan = suspicionBounds(memberlistSwim(wanConfig), 20, 0)
  t.equal(Math.round(wan.minMs / 1000), 39)
  t.equal(Math.round(wan.maxMs / 1000), 234)
  t.equal(suspicionBounds(lan, 3, 0).confirmationsWanted, 0, 'nobody is there to confirm')
  t.equal(suspicionBounds(lan, 4, 0).confirmationsWanted, 2)
  t.equal(suspicionBounds(plainSwim(lanConfig), 100, 0).confirmationsWanted, 0)
})

t.test(
  'ours is the pause to be survived and the time of telling it and of refuting it (§2.5)',
  async (t) => {
    t.equal(Math.round(disseminationMs(lanConfig, 1000, 0) / 100), 15)
    t.equal(Math.round(disseminationMs(lanConfig, 10_000, 0) / 100), 19)
    t.ok(disseminationMs(lanConfig, 1000, 0.44) > disseminationMs(lanConfig, 1000, 0))
    t.equal(Math.round(suspicionBounds(lanConfig, 1000, 0.01).minMs / 1000), 8)
    t.ok(suspicionBounds(lanConfig, 200, 0.01).minMs < 8000)
  },
)

t.test('a suspicion', async (t) => {
  const bounds = { minMs: 4000, maxMs: 24_000, confirmationsWanted: 2 }

  t.test('counts each accuser once, the first not', async (t) => {
    const suspicion = new Suspicion(bounds, 1000, 'a', 'me')
    t.equal(suspicion.deadlineMs(), 25_000)
    t.notOk(suspicion.confirm('a'))
    t.equal(suspicion.deadlineMs(), 25_000)
    t.ok(suspicion.confirm('b'))
    t.ok(suspicion.confirm('c'))
    t.equal(suspicion.deadlineMs(), 5000)
    t.notOk(suspicion.confirm('d'), 'more are not wanted, and not gossiped')
    t.ok(suspicion.isConfirmed)
  })

  t.test(
    'weighs our own unpublished evidence in proportion, and drops it when it is published',
    async (t) => {
      const suspicion = new Suspicion(bounds, 0, 'a', 'me')
      t.ok(suspicion.weigh(0.5))
      t.equal(suspicion.confirmations(), 0.5)
      t.notOk(suspicion.weigh(0.3), 'evidence is not lost')
      t.ok(suspicion.deadlineMs() < 24_000 && suspicion.deadlineMs() > 4000)
      t.ok(suspicion.weigh(7))
      t.equal(suspicion.confirmations(), 1, 'nobody counts for more than one')
      t.ok(suspicion.confirm('me'))
      t.equal(suspicion.confirmations(), 1)
      t.notOk(suspicion.weigh(1))
    },
  )

  t.test('ends later by as much as we did not look', async (t) => {
    const suspicion = new Suspicion(bounds, 0, 'a', 'me')
    suspicion.excuse(700)
    t.equal(suspicion.deadlineMs(), 24_700)
  })

  t.test('is never shorter than its least, nor grows with evidence (property)', async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.array(
          fc.oneof(
            fc.constantFrom('b', 'c', 'd', 'me'),
            fc.double({ min: 0, max: 2, noNaN: true }),
          ),
        ),
        (confirmationsWanted, evidence) => {
          const suspicion = new Suspicion({ ...bounds, confirmationsWanted }, 0, 'a', 'me')
          let beforeMs = suspicion.timeoutMs()
          for (const piece of evidence) {
            if (typeof piece === 'string') suspicion.confirm(piece)
            else suspicion.weigh(piece)
            ok(suspicion.timeoutMs() <= beforeMs)
            ok(suspicion.timeoutMs() >= bounds.minMs)
            beforeMs = suspicion.timeoutMs()
          }
        },
      ),
    )
  })
})

const anyClaim = fc.record(
  {
    incarnation: fc.nat(4),
    state: fc.constantFrom(...wireStates),
  },
  { noNullPrototype: true },
)

t.test(
  'SWIM §4.2: what is believed does not depend on the order or number of tellings',
  async () => {
    const merge = (known: Claim, claim: Claim): Claim => (outranks(claim, known) ? claim : known)
    fc.assert(
      fc.property(fc.array(anyClaim, { minLength: 1 }), fc.integer(), (claims, seed) => {
        const shuffled = claims
          .map((claim, at) => ({ claim, key: Math.imul(at + 1, seed | 1) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ claim }) => claim)
        const start: Claim = { incarnation: 0, state: 'alive' }
        const once = claims.reduce(merge, start)
        deepStrictEqual(shuffled.reduce(merge, start), once)
        deepStrictEqual([...claims, ...shuffled].reduce(merge, start), once)
      }),
    )
  },
)

t.test('SWIM §4.2: the order of claims', async (t) => {
  const table: readonly (readonly [Claim['state'], number, Claim['state'], number, boolean])[] = [
    // claim, at, over what is known, at, is news
    ['alive', 1, 'alive', 1, false],
    ['alive', 2, 'alive', 1, true],
    ['alive', 1, 'suspect', 1, false],
    ['alive', 2, 'suspect', 1, true],
    ['alive', 2, 'dead', 1, true],
    ['alive', 1, 'dead', 1, false],
    ['suspect', 1, 'alive', 1, true],
    ['suspect', 0, 'alive', 1, false],
    ['suspect', 1, 'dead', 1, false],
    ['suspect', 2, 'dead', 1, true],
    ['dead', 1, 'suspect', 1, true],
    ['dead', 1, 'alive', 2, false],
    ['dead', 2, 'dead', 1, true],
    ['left', 1, 'dead', 1, true],
    ['dead', 1, 'left', 1, false],
    ['alive', 2, 'left', 1, true],
  ]
  for (const [state, incarnation, known, at, isNews] of table)
    t.equal(
      outranks({ state, incarnation }, { state: known, incarnation: at }),
      isNews,
      `${state}@${incarnation} over ${known}@${at}`,
    )
})

t.test('an incarnation that could not be refuted is not believed', async (t) => {
  t.ok(isPlausible(1, 1))
  t.ok(isPlausible(1 + 65_536, 1))
  t.notOk(isPlausible(2 + 65_536, 1))
  t.notOk(isPlausible(2 ** 32 - 1, 2 ** 32 - 2))
})
