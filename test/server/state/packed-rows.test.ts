import fc from 'fast-check'
import t from 'tap'

import type { KvEntry } from '../../../server/model/kv.ts'
import { byteString } from '../../../server/state/byte-string.ts'
import { kvPacking } from '../../../server/state/kv-packing.ts'
import { PackedRows } from '../../../server/state/packed-rows.ts'
import type { Packing } from '../../../server/state/packed-rows.ts'
import { pageBytes } from '../../../server/state/page.ts'

/** A text under a key, and nothing more. */
const texts: Packing<string> = {
  sizeOf: (text) => text.length,
  pack: (text, into, at) => void into.write(text, at, 'latin1'),
  unpack: (_key, bytes, at, end) => bytes.toString('latin1', at, end),
}

type Model = ReadonlyMap<string, string>

const ordered = (model: Model): string[] =>
  [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)

function agrees(rows: PackedRows<string>, model: Model): boolean {
  const prefixes = ['', 'a', 'ab', 'b\u00ff', 'zzz', ...[...model.keys()].slice(0, 5)]
  return (
    rows.size === model.size &&
    [...rows.values()].join() === ordered(model).join() &&
    [...model].every(([key, text]) => rows.get(key) === text) &&
    prefixes.every(
      (prefix) =>
        [...rows.beginning(prefix)].join() ===
        ordered(new Map([...model].filter(([key]) => key.startsWith(prefix)))).join(),
    )
  )
}

const key = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\u00ff', '\u0000'), maxLength: 4 }),
  fc.nat(400).map((number) => `ab/${number}`),
)
/** Of all sizes: pages that hold hundreds, a few, one, and rows that no page of usual size holds. */
const sizeBytes = fc.oneof(
  { arbitrary: fc.nat(300), weight: 8 },
  { arbitrary: fc.nat(3 * pageBytes), weight: 1 },
  { arbitrary: fc.constantFrom(pageBytes / 2, pageBytes - 20, pageBytes), weight: 1 },
)
const step = fc.oneof(
  {
    arbitrary: fc.record({ kind: fc.constant('set' as const), key, sizeBytes, letter: fc.nat(25) }),
    weight: 6,
  },
  { arbitrary: fc.record({ kind: fc.constant('delete' as const), key }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('clone' as const) }), weight: 1 },
)

t.test(
  'packed rows are a map in the order of its keys, and a clone keeps its content',
  async () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
        const rows = new PackedRows(texts)
        const model = new Map<string, string>()
        const clones: { readonly rows: PackedRows<string>; readonly model: Model }[] = []
        for (const each of steps)
          if (each.kind === 'set') {
            const text = String.fromCodePoint(97 + each.letter).repeat(each.sizeBytes)
            rows.set(each.key, text)
            model.set(each.key, text)
          } else if (each.kind === 'delete') {
            rows.delete(each.key)
            model.delete(each.key)
          } else clones.push({ rows: rows.clone(), model: new Map(model) })
        return agrees(rows, model) && clones.every((clone) => agrees(clone.rows, clone.model))
      }),
      { numRuns: 60 },
    )
  },
)

t.test('who writes to a clone does not change what it is a clone of', async (t) => {
  const rows = new PackedRows(texts)
  for (let number = 0; number < 500; number += 1) rows.set(`k${number}`, 'old')
  const clone = rows.clone()
  for (let number = 0; number < 500; number += 1) clone.set(`k${number}`, 'new')
  clone.delete('k7')
  t.strictSame(new Set(rows.values()), new Set(['old']))
  t.equal(rows.size, 500)
  t.strictSame(new Set(clone.values()), new Set(['new']))
  t.equal(clone.size, 499)
})

t.test('records put the same rows together elsewhere, and say the same there', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, sizeBytes), { maxLength: 300, size: 'max' }), (pairs) => {
      const rows = new PackedRows(texts)
      for (const [name, size] of pairs) rows.set(name, 'x'.repeat(size))
      const bytes = Buffer.concat([...rows.records()])
      const copy = new PackedRows(texts)
      for (let at = 0; at < bytes.length;) {
        const end = at + 4 + bytes.readUInt32LE(at)
        if (copy.append(bytes.subarray(at, end)) === undefined) return false
        at = end
      }
      return (
        Buffer.concat([...copy.records()]).equals(bytes) &&
        [...copy.values()].join() === [...rows.values()].join()
      )
    }),
    { numRuns: 30 },
  )
})

t.test('records out of order, twice, or that are none are refused', async (t) => {
  const rows = new PackedRows(texts)
  rows.set('b', 'x')
  const [record = Buffer.alloc(0)] = rows.records()
  const copy = new PackedRows(texts)
  t.equal(copy.append(Buffer.from(record)), 'x')
  t.equal(copy.append(Buffer.from(record)), undefined, 'twice')
  const earlier = Buffer.from(record)
  earlier.write('a', 8)
  t.equal(copy.append(earlier), undefined, 'out of order')
  const long = Buffer.from(record)
  long.writeUInt32LE(99, 4)
  t.equal(copy.append(long), undefined, 'its key ends after it')
  const short = Buffer.from(record).subarray(0, -1)
  t.equal(copy.append(short), undefined, 'it ends too early')
  t.equal(copy.append(Buffer.alloc(3)), undefined)
  t.equal(copy.size, 1)
})

t.test('an entry comes back as it was put in', async () => {
  const index = fc.nat({ max: Number.MAX_SAFE_INTEGER })
  const entry = fc.record(
    {
      LockIndex: fc.oneof(fc.constant(0), index),
      Key: fc.string({ unit: 'grapheme', minLength: 1 }),
      Flags: fc.oneof(fc.constant(0), index, fc.constant(2n ** 64n - 1n)),
      Value: fc.uint8Array({ maxLength: 40 }),
      Session: fc.string({ unit: 'grapheme' }),
      LockedAt: index,
      CreateIndex: index,
      ModifyIndex: index,
    },
    { requiredKeys: ['LockIndex', 'Key', 'Flags', 'Value', 'CreateIndex', 'ModifyIndex'] },
  )
  const comparable = (row: KvEntry | undefined): unknown =>
    row && { ...row, Value: Buffer.from(row.Value).toString('hex') }
  fc.assert(
    fc.property(entry, entry, (one, other) => {
      const rows = new PackedRows(kvPacking)
      const at = byteString(one.Key)
      rows.set(at, one)
      const read = rows.get(at)
      rows.set(at, { ...other, Key: one.Key })
      t.strictSame(comparable(read), comparable(one), 'also when another takes its place')
      t.strictSame(comparable(rows.get(at)), comparable({ ...other, Key: one.Key }))
    }),
    { numRuns: 200 },
  )
})
