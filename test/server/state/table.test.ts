import fc from 'fast-check'
import t from 'tap'

import { byteString } from '../../../server/state/byte-string.ts'
import { defineTable, Table } from '../../../server/state/table.ts'
import { WatchSet } from '../../../server/state/watch.ts'

interface Dog {
  readonly Name: string
  readonly Tricks: readonly string[]
}

const dogs = defineTable<Dog, 'trick'>({
  name: 'dogs',
  key: ({ Name }) => Name,
  indexes: { trick: ({ Tricks }) => Tricks },
})

function kennel(...rows: readonly Dog[]): Table<Dog, 'trick'> {
  const table = new Table(dogs)
  for (const row of rows) table.replace(row.Name, row)
  return table
}

const ace: Dog = { Name: 'ace', Tricks: ['sit', 'roll'] }
const bob: Dog = { Name: 'bob', Tricks: ['sit'] }
const names = (rows: Iterable<Dog>): string[] => Array.from(rows, ({ Name }) => Name)

t.test('rows are found by their key, its beginning, and every value of an index', async (t) => {
  const table = kennel(bob, ace, { Name: 'acey', Tricks: [] })
  t.equal(table.size, 3)
  t.equal(table.get('ace'), ace)
  t.equal(table.get('ac'), undefined)
  t.strictSame(names(table.all()), ['ace', 'acey', 'bob'])
  t.strictSame(names(table.withPrefix('ace')), ['ace', 'acey'])
  t.strictSame(names(table.withPrefix('')), ['ace', 'acey', 'bob'])
  t.strictSame(names(table.withPrefix('c')), [])
  t.strictSame(names(table.by('trick', 'sit')), ['ace', 'bob'])
  t.strictSame(names(table.by('trick', 'si')), [], 'a value is not its beginning')
  t.strictSame(names(table.allBy('trick')), ['ace', 'ace', 'bob'], 'in order of the values')
  t.ok(table.has('trick', 'roll'))
  t.notOk(table.has('trick', 'beg'))
  t.throws(() => table.by('none' as 'trick', 'x'), /no index none/)
})

t.test('a new row takes the old one out of every index', async (t) => {
  const table = kennel(ace)
  t.equal(table.replace('ace', { Name: 'ace', Tricks: ['beg'] }), ace)
  t.notOk(table.has('trick', 'sit'))
  t.ok(table.has('trick', 'beg'))
  table.replace('ace', undefined)
  t.notOk(table.has('trick', 'beg'))
  t.equal(table.size, 0)
})

t.test('a clone keeps its content, on either side', async (t) => {
  const table = kennel(ace, bob)
  const clone = table.clone()
  table.replace('ace', undefined)
  clone.replace('bob', undefined)
  t.strictSame(names(table.all()), ['bob'])
  t.strictSame(names(clone.all()), ['ace'])
  t.strictSame(names(table.by('trick', 'sit')), ['bob'])
  t.strictSame(names(clone.by('trick', 'sit')), ['ace'])
})

t.test('rows go from one table to another, and go away', async (t) => {
  const table = kennel(ace)
  table.adopt(kennel(bob))
  t.strictSame(names(table.all()), ['bob'])
  t.strictSame(names(table.by('trick', 'sit')), ['bob'])
  t.equal(table.get('ace'), undefined)
  table.clear()
  t.equal(table.size, 0)
  t.notOk(table.has('trick', 'sit'))
})

t.test('reading says what it depends on', async (t) => {
  const table = kennel(ace)
  const topics = (read: (watch: WatchSet) => unknown): WatchSet['topics'] => {
    const watch = new WatchSet()
    read(watch)
    return watch.topics
  }
  t.strictSame(
    topics((watch) => table.get('x', watch)),
    [{ name: 'dogs/x', prefix: false }],
  )
  t.strictSame(
    topics((watch) => table.withPrefix('x', watch)),
    [{ name: 'dogs/x', prefix: true }],
  )
  t.strictSame(
    topics((watch) => table.by('trick', 'x', watch)),
    [{ name: 'dogs.trick/x', prefix: false }],
  )
  t.strictSame(
    topics((watch) => table.all(watch)),
    [{ name: 'dogs', prefix: false }],
  )
  t.strictSame(
    topics((watch) => table.allBy('trick', watch)),
    [{ name: 'dogs', prefix: false }],
  )
})

t.test('a change touches the table, the row, and what it was and is found under', async (t) => {
  const table = kennel()
  const beggar: Dog = { Name: 'ace', Tricks: ['beg', 'sit'] }
  t.strictSame([...table.touched('ace', ace, beggar)].toSorted(), [
    'dogs',
    'dogs.trick/beg',
    'dogs.trick/roll',
    'dogs.trick/sit',
    'dogs/ace',
  ])
  t.strictSame([...table.touched('bob', undefined, bob)].toSorted(), [
    'dogs',
    'dogs.trick/sit',
    'dogs/bob',
  ])
})

t.test('a byte string is ordered as its bytes are', async () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [x, y] = [byteString(a), byteString(b)]
      return (
        Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))) === (x < y ? -1 : x > y ? 1 : 0)
      )
    }),
  )
})

t.test('whatever happens to a table, its indexes find what a search would', async () => {
  const change = fc.record({
    Name: fc.constantFrom('a', 'ab', 'b', 'c'),
    Tricks: fc.option(fc.array(fc.constantFrom('x', 'xy', 'y'), { maxLength: 3 }), {
      nil: undefined,
    }),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const table = kennel()
      for (const { Name, Tricks } of changes)
        table.replace(Name, Tricks === undefined ? undefined : { Name, Tricks })
      return ['x', 'xy', 'y'].every(
        (trick) =>
          names(table.by('trick', trick)).join(' ') ===
          names([...table.all()].filter(({ Tricks }) => Tricks.includes(trick))).join(' '),
      )
    }),
  )
})
