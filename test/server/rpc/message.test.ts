import fc from 'fast-check'
import t from 'tap'

import { MalformedMessage, MessageExtent } from '../../../server/rpc/message-extent.ts'
import { MessageReader } from '../../../server/rpc/message-reader.ts'
import type { Message } from '../../../server/rpc/message-reader.ts'
import { encodeMsgpack } from '../../../server/wire/msgpack.ts'

const scalar = fc.oneof(
  fc.string({ maxLength: 300, unit: 'binary' }),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie('value'), {
      maxKeys: 20,
      noNullPrototype: true,
    }),
  ),
}))
const header = fc.record({ ServiceMethod: fc.string(), Seq: fc.nat() })
const messages = fc.array(fc.tuple(header, value, fc.boolean()), { minLength: 1, maxLength: 5 })

t.test('messages come whole out of any pieces, in the old spec and the new', async () => {
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 })), (given, sizes) => {
      const bytes = Buffer.concat(
        given.flatMap(([header, body, oldSpec]) => [
          encodeMsgpack(header, { oldSpec }),
          encodeMsgpack(body, { oldSpec }),
        ]),
      )
      const found = readAll(new MessageReader(), piecesOf(bytes, sizes))
      const again = (message: Message): string =>
        Buffer.from(encodeMsgpack(message.body)).toString('hex')
      return (
        found.length === given.length &&
        found.every((message, at) => {
          const [header, body] = given[at] ?? []
          // Bytes that are UTF-8 come as text: encoded in the old spec, both are the same.
          const same =
            Buffer.compare(
              encodeMsgpack(message.body, { oldSpec: true }),
              encodeMsgpack(body, { oldSpec: true }),
            ) === 0
          return same && message.header['Seq'] === header?.Seq && again(message) !== ''
        })
      )
    }),
  )
})

t.test('any bytes end in messages or in one refusal', async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (chunks) => {
      try {
        readAll(
          new MessageReader(1000),
          chunks.map((chunk) => Buffer.from(chunk)),
        )
      } catch (error) {
        return error instanceof MalformedMessage
      }
      return true
    }),
    { numRuns: 1000 },
  )
})

t.test('what a message may not be', async (t) => {
  const refused: readonly [string, Buffer, RegExp][] = [
    ['a byte that begins no value', Buffer.of(0xc1), /no value begins with 0xc1/],
    ['a header that is no map', Buffer.of(0x01, 0xc0), /no map/],
    ['a list in the header', Buffer.of(0x90, 0xc0), /no map/],
    [
      'a map with a number for a name',
      Buffer.of(0x81, 0x01, 0x01, 0xc0),
      /a map key that is no text/,
    ],
    ['more values than can be', Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff), /too many values/],
    [
      'nesting without end',
      Buffer.concat([Buffer.of(0x80), Buffer.alloc(80, 0x91), Buffer.of(0xc0)]),
      /nested too deeply/,
    ],
    [
      'more bytes than are taken',
      Buffer.concat([Buffer.of(0x80, 0xdb, 0, 0, 4, 0), Buffer.alloc(1024)]),
      /more than 1000 bytes/,
    ],
  ]
  for (const [name, bytes, reason] of refused)
    t.throws(() => readAll(new MessageReader(1000), [bytes]), reason, name)
})

t.test('a promise of many bytes is no reason to keep them', async (t) => {
  const reader = new MessageReader(1000)
  t.strictSame(readAll(reader, [Buffer.of(0x80, 0xdb, 0xff, 0xff, 0xff, 0xff)]), [])
  t.throws(
    () =>
      readAll(
        reader,
        Array.from({ length: 20 }, () => Buffer.alloc(100)),
      ),
    /1000 bytes/,
  )
})

t.test('bytes that are no text stay bytes, and text stays text', async (t) => {
  const [message] = readAll(new MessageReader(), [
    Buffer.concat([
      encodeMsgpack({}),
      encodeMsgpack({ text: 'é', bytes: Uint8Array.of(0xc3) }, { oldSpec: true }),
    ]),
  ])
  t.strictSame(message?.body, { text: 'é', bytes: Uint8Array.of(0xc3) })
})

t.test('an extent is found with any number of values to a message', async (t) => {
  const bytes = Buffer.concat([1, 'two', [3, { four: 4 }]].map((one) => encodeMsgpack(one)))
  t.equal(new MessageExtent(3).scan(bytes, 0, 100), bytes.length)
  t.equal(new MessageExtent(4).scan(bytes, 0, 100), undefined)
  const one = new MessageExtent(1)
  t.strictSame([one.scan(bytes, 0, 100), one.scan(bytes, 1, 100)], [1, 5])
})

function readAll(reader: MessageReader, chunks: readonly Buffer[]): Message[] {
  return chunks.flatMap((chunk) => [...reader.read(chunk)])
}

function piecesOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...pieces, bytes.subarray(at)]
}
