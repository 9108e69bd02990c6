import fc from 'fast-check'
import t from 'tap'

import {
  decodeMsgpack,
  decodeMsgpackPrefix,
  encodeMsgpack,
  MalformedMsgpack,
} from '../../../server/wire/msgpack.ts'

const hexOf = (value: unknown, oldSpec = false): string =>
  Buffer.from(encodeMsgpack(value, { oldSpec })).toString('hex')
const fromHex = (hex: string): unknown => decodeMsgpack(Buffer.from(hex, 'hex'))

/** Values with the bytes that the specification gives them, shortest forms at their bounds. */
const vectors: readonly (readonly [unknown, string])[] = [
  [null, 'c0'],
  [false, 'c2'],
  [true, 'c3'],
  [0, '00'],
  [127, '7f'],
  [128, 'cc80'],
  [255, 'ccff'],
  [256, 'cd0100'],
  [65_535, 'cdffff'],
  [65_536, 'ce00010000'],
  [2 ** 32 - 1, 'ceffffffff'],
  [2 ** 32, 'cf0000000100000000'],
  [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
  [2n ** 53n, 'cf0020000000000000'],
  [2n ** 64n - 1n, 'cfffffffffffffffff'],
  [-1, 'ff'],
  [-32, 'e0'],
  [-33, 'd0df'],
  [-128, 'd080'],
  [-129, 'd1ff7f'],
  [-32_768, 'd18000'],
  [-32_769, 'd2ffff7fff'],
  [-(2 ** 31), 'd280000000'],
  [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
  [-(2n ** 63n), 'd38000000000000000'],
  [0.5, 'cb3fe0000000000000'],
  [1e300, 'cb7e37e43c8800759c'],
  [Infinity, 'cb7ff0000000000000'],
  ['', 'a0'],
  ['é', 'a2c3a9'],
  ['\u{1f600}', 'a4f09f9880'],
  ['x'.repeat(31), `bf${'78'.repeat(31)}`],
  ['x'.repeat(32), `d920${'78'.repeat(32)}`],
  ['x'.repeat(256), `da0100${'78'.repeat(256)}`],
  [Uint8Array.of(1, 2), 'c4020102'],
  [new Uint8Array(256), `c50100${'00'.repeat(256)}`],
  [[], '90'],
  [[1, [2]], '92019102'],
  [Array.from({ length: 16 }, () => 0), `dc0010${'00'.repeat(16)}`],
  [{}, '80'],
  [{ a: 1, b: null }, '82a16101a162c0'],
]

t.test('values are these bytes, and back', async (t) => {
  for (const [value, hex] of vectors) {
    t.equal(hexOf(value), hex)
    t.strictSame(fromHex(hex), value)
  }
})

t.test('the old specification has one form for text and bytes', async (t) => {
  t.equal(hexOf('x'.repeat(32), true), `da0020${'78'.repeat(32)}`)
  t.equal(hexOf(Uint8Array.of(120), true), 'a178')
  t.equal(hexOf(new Uint8Array(32), true), `da0020${'00'.repeat(32)}`)
  t.equal(hexOf(new Uint8Array(65_536), true), `db00010000${'00'.repeat(65_536)}`)
})

t.test('forms that we do not write are read', async (t) => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['ca3f000000', 0.5],
    ['cf0000000000000001', 1],
    ['d3ffffffffffffffff', -1],
    ['da000178', 'x'],
    ['db0000000178', 'x'],
    ['c60000000101', Uint8Array.of(1)],
    ['dd0000000101', [1]],
    ['df00000001a16101', { a: 1 }],
    ['de0001a16101', { a: 1 }],
  ]
  for (const [hex, value] of cases) t.strictSame(fromHex(hex), value, hex)
})

t.test('a field that is undefined is left out', async (t) => {
  t.equal(hexOf({ a: undefined, b: 1 }), '81a16201')
  t.equal(hexOf([undefined]), '91c0', 'but an item keeps its place')
})

t.test('bytes are a copy, and no Buffer', async (t) => {
  const encoded = encodeMsgpack({ b: Uint8Array.of(1, 2) })
  const { b } = decodeMsgpack(encoded) as { b: Uint8Array }
  encoded.fill(0)
  t.strictSame(b, Uint8Array.of(1, 2))
  t.equal(b.constructor, Uint8Array)
  t.equal(b.buffer.byteLength, 2)
})

t.test('a key from outside is only a key', async (t) => {
  const value = fromHex('81a95f5f70726f746f5f5f81a16101') as object
  t.strictSame(Object.keys(value), ['__proto__'])
  t.equal(Object.getPrototypeOf(value), Object.prototype)
  t.equal(hexOf(value), '81a95f5f70726f746f5f5f81a16101')
})

t.test('what is malformed is refused', async (t) => {
  const cases: readonly (readonly [string, string | RegExp])[] = [
    ['', 'the value is cut short'],
    ['cd01', 'the value is cut short'],
    ['a278', 'the value is cut short'],
    ['c40201', 'the value is cut short'],
    ['ddffffffff', 'the value is cut short'],
    ['dfffffffff00', 'the value is cut short'],
    ['81', 'the value is cut short'],
    ['c1', /no value begins with 0xc1/],
    ['0000', 'bytes after the value'],
    ['8101c0', 'a map key that is no text'],
    [`${'91'.repeat(200)}c0`, 'nested too deeply'],
  ]
  for (const [hex, message] of cases)
    t.throws(() => fromHex(hex), { name: 'MalformedMsgpack', message })
})

t.test('the first value of a stream is read with where it ends', async (t) => {
  const stream = Buffer.from('0181a16102c0', 'hex')
  const first = decodeMsgpackPrefix(stream)
  t.strictSame(first, { value: 1, end: 1 })
  t.strictSame(decodeMsgpackPrefix(stream, first.end), { value: { a: 2 }, end: 5 })
})

const any = fc.anything({
  key: fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
  values: [
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).map((value) => value + 0),
    fc.constant(null),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.uint8Array({ maxLength: 300 }),
  ],
  maxDepth: 5,
})

t.test('whatever is written is read back, in either specification', async (t) => {
  fc.assert(
    fc.property(any, (value) => {
      t.strictSame(decodeMsgpack(encodeMsgpack(value)), value)
    }),
  )
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      (text) => decodeMsgpack(encodeMsgpack(text, { oldSpec: true })) === text,
    ),
  )
})

t.test('whatever bytes come, they are a value or refused', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      try {
        decodeMsgpack(noise)
      } catch (error) {
        return error instanceof MalformedMsgpack
      }
      return true
    }),
    { numRuns: 2_000 },
  )
})
