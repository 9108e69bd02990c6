import fc from 'fast-check'
import t from 'tap'

import { checkExclusion, type Holding } from './exclusion.ts'
import { checkIndexOrder, type IndexedEvent } from './index-order.ts'
import { checkWatches, type Change, type Observation } from './watch.ts'

type Event = readonly ['read' | 'write', index: number, calledAt: number, returnedAt: number]

function events(rows: readonly Event[], scope = 'k'): IndexedEvent[] {
  return rows.map(([kind, index, calledAt, returnedAt]) => ({
    scope,
    kind,
    index,
    calledAt,
    returnedAt,
    what: kind,
  }))
}

t.test('indexes follow real time', (t) => {
  const table: readonly (readonly [string, readonly Event[], readonly string[]])[] = [
    [
      'a write is above what was answered before it was asked',
      [
        ['write', 5, 0, 1],
        ['write', 5, 2, 3],
      ],
      ['k: write at 5 went before write at 5', 'k: write at 5 has the index of write at 5'],
    ],
    [
      'a read may be at what was answered before it, and not below',
      [
        ['write', 5, 0, 1],
        ['read', 5, 2, 3],
        ['read', 4, 4, 5],
      ],
      ['k: read at 4 went before write at 5'],
    ],
    [
      'a read binds those after it',
      [
        ['read', 7, 0, 1],
        ['write', 7, 2, 3],
      ],
      ['k: write at 7 went before read at 7'],
    ],
    [
      'what overlaps is free, and so is what touches',
      [
        ['write', 9, 0, 10],
        ['write', 5, 1, 2],
        ['read', 4, 2, 12],
        ['read', 9, 10, 11],
      ],
      [],
    ],
  ]
  for (const [name, rows, found] of table)
    t.strictSame(
      checkIndexOrder(events(rows)).map(({ text }) => text),
      found,
      name,
    )
  const scopes = [...events([['write', 5, 0, 1]]), ...events([['write', 4, 2, 3]], 'other')]
  t.strictSame(checkIndexOrder(scopes), [], 'scopes have nothing to do with each other')
  t.end()
})

t.test('index order is what comparing all pairs finds', (t) => {
  const event = fc.tuple(
    fc.constantFrom('read' as const, 'write' as const),
    fc.nat(20),
    fc.nat(20),
    fc.nat(8),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (rows) => {
      const all = events(rows.map(([kind, index, at, length]) => [kind, index, at, at + length]))
      const wrong = all.filter((later) =>
        all.some(
          (earlier) =>
            earlier.returnedAt < later.calledAt &&
            (later.kind === 'write' ? later.index <= earlier.index : later.index < earlier.index),
        ),
      )
      const found = checkIndexOrder(all).filter(({ text }) => text.includes('went before'))
      return found.length === wrong.length && found.every(({ later }) => wrong.includes(later))
    }),
    { numRuns: 1000 },
  )
  t.pass('for a thousand histories')
  t.end()
})

t.test('a watcher goes forward, sees what is, misses nothing, and is woken', (t) => {
  const change = (index: number, value: string | null, returnedAt: number): Change => ({
    key: 'k',
    index,
    value,
    returnedAt,
  })
  const changes = [change(5, 'a', 10), change(8, 'b', 20), change(9, null, 30)]
  type Seen = readonly [
    after: number,
    calledAt: number,
    returnedAt: number,
    index: number,
    value: string | null,
  ]
  const seen = (rows: readonly Seen[], watcher = 'w'): Observation[] =>
    rows.map(([after, calledAt, returnedAt, index, value]) => ({
      watcher,
      key: 'k',
      after,
      calledAt,
      returnedAt,
      index,
      value,
    }))
  const table: readonly (readonly [string, readonly Seen[], readonly string[]])[] = [
    [
      'every change',
      [
        [0, 11, 12, 5, 'a'],
        [5, 13, 20, 8, 'b'],
        [8, 21, 31, 9, null],
        [9, 32, 60, 9, null],
      ],
      [],
    ],
    [
      'two changes as one',
      [
        [0, 11, 12, 5, 'a'],
        [5, 13, 31, 9, null],
      ],
      ['w on k slept for 11 past 8'],
    ],
    [
      'back',
      [
        [0, 5, 31, 9, null],
        [9, 32, 33, 8, 'b'],
      ],
      [
        'w on k slept for 21 past 5',
        'w on k went back from 9 to 8',
        'w on k was told 8 after 9 was acknowledged',
      ],
    ],
    ['another value at that index', [[0, 21, 22, 8, 'x']], ['w on k saw x at 8, where there is b']],
    ['not the newest', [[0, 25, 26, 5, 'a']], ['w on k was told 5 after 8 was acknowledged']],
    ['asleep', [[8, 21, 50, 9, null]], ['w on k slept for 20 past 9']],
    ['asleep over what was there already', [[5, 21, 50, 9, null]], ['w on k slept for 29 past 8']],
  ]
  for (const [name, rows, breaches] of table)
    t.strictSame(
      checkWatches(seen(rows), changes, { wakeMax: 10 }).toSorted(),
      [...breaches].toSorted(),
      name,
    )
  t.strictSame(
    checkWatches([...seen([[0, 1, 2, 3, 'p']]), ...seen([[0, 1, 2, 3, 'q']], 'z')], []),
    ['z on k saw q at 3, where there is p'],
    'watchers agree',
  )
  t.end()
})

t.test('nobody holds a lock beside another, and fences rise', (t) => {
  const holding = (
    holder: string,
    from: number,
    until: number,
    fence?: number,
    lock = 'l',
  ): Holding => ({ lock, holder, from, until, fence })
  const table: readonly (readonly [string, readonly Holding[], readonly string[]])[] = [
    ['in turn', [holding('a', 0, 1, 1), holding('b', 1, 2, 2), holding('a', 3, 4, 5)], []],
    ['two locks', [holding('a', 0, 5), holding('b', 1, 2, 1, 'm')], []],
    [
      'at once',
      [holding('a', 0, 5), holding('b', 4, 6)],
      ['l: b was given it at 4, and a held it until 5'],
    ],
    [
      'during one that never ended, though others did',
      [holding('a', 0, Infinity), holding('b', 4, 6), holding('c', 8, 9)],
      [
        'l: b was given it at 4, and a held it until Infinity',
        'l: c was given it at 8, and a held it until Infinity',
      ],
    ],
    [
      'with an old fence',
      [holding('a', 0, 1, 2), holding('b', 2, 3), holding('c', 4, 5, 2)],
      ['l: c has fence 2, and a had 2 before'],
    ],
  ]
  for (const [name, holdings, breaches] of table)
    t.strictSame(checkExclusion(holdings), breaches, name)
  t.end()
})
