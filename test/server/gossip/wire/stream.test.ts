import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import t from 'tap'

import { ByteQueue } from '../../../../server/gossip/wire/byte-queue.ts'
import { writeCompressed } from '../../../../server/gossip/wire/compression.ts'
import { Keyring } from '../../../../server/gossip/wire/keyring.ts'
import { messageType } from '../../../../server/gossip/wire/message-type.ts'
import type { StreamMessage } from '../../../../server/gossip/wire/messages.ts'
import { type Protection, unprotected } from '../../../../server/gossip/wire/protection.ts'
import {
  encodeStreamMessage,
  type StreamLimits,
  streamLimits,
} from '../../../../server/gossip/wire/stream-codec.ts'
import {
  type OpenedStream,
  sealStream,
  StreamReader,
} from '../../../../server/gossip/wire/stream.ts'
import { encodeMsgpack } from '../../../../server/wire/msgpack.ts'
import { encrypting, plain, streamMessage } from '../../../support/gossip-wire.ts'

const keyring = Keyring.of(new Uint8Array(32).fill(1), new Uint8Array(16).fill(2))
const protections: readonly Protection[] = [
  unprotected,
  { label: 'lab', encryption: null },
  encrypting(keyring),
  encrypting(keyring, 'lab'),
]

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** Fed in pieces of these sizes, over and over; never more than one message may come of it. */
function readInPieces(
  bytes: Uint8Array,
  sizes: readonly number[],
  reader: StreamReader,
): OpenedStream | undefined {
  let opened: OpenedStream | undefined
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = at + (sizes[turn % sizes.length] ?? 1)
    const result = reader.push(bytes.subarray(at, end))
    if (result !== undefined && opened !== undefined) throw new Error('two messages of one stream')
    opened ??= result
    at = end
  }
  return opened
}

t.test('a stream is opened to what was sealed, however the network cuts it', async (t) => {
  const sizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 700 })), {
    minLength: 1,
    maxLength: 5,
  })
  for (const protection of protections)
    for (const compress of [false, true])
      fc.assert(
        fc.property(streamMessage, sizes, (message, cuts) => {
          const bytes = sealStream(message, 'opened', protection, { compress })
          const reader = new StreamReader('accepted', protection)
          const opened = readInPieces(bytes, cuts, reader)
          return isDeepStrictEqual(plain(opened), { message: plain(message), leftOut: 0 })
        }),
        { numRuns: 25 },
      )
  t.pass('with and without labels, encryption and compression')
})

t.test('the answer on a stream does not say the label again', async (t) => {
  const message: StreamMessage = { kind: 'error', text: 'no' }
  for (const protection of protections) {
    const answer = sealStream(message, 'accepted', protection, { compress: false })
    t.not(answer[0], messageType.hasLabel)
    t.same(new StreamReader('opened', protection).push(answer), { message, leftOut: 0 })
  }
})

const states = ['a', 'b', 'c'].map((node, at) => ({
  node,
  address: { host: `10.0.0.${at}`, port: 8301 },
  meta: Uint8Array.of(255, 0x80),
  incarnation: at,
  state: 'alive' as const,
  versions: { protocol: [1, 5, 2], delegate: [2, 5, 4] } as const,
}))
const pushPull = { kind: 'pushPull', join: true, states, user: Uint8Array.of(1, 2, 3) } as const
const pushPullBytes = encodeStreamMessage(pushPull)

t.test('a message is there with its last byte, and what comes behind it is not read', async (t) => {
  const reader = new StreamReader('accepted', unprotected)
  t.equal(reader.push(pushPullBytes.subarray(0, -1)), undefined)
  const opened = reader.push(Buffer.concat([pushPullBytes.subarray(-1), hex('ff ff')]))
  t.same(plain(opened), { message: plain(pushPull), leftOut: 0 })
  t.equal(reader.push(hex('c1')), undefined)
  t.equal(reader.end(), undefined)
})

t.test('a stream that ends within its message is refused wherever that is', async (t) => {
  for (const protection of protections)
    for (const compress of [false, true]) {
      const bytes = sealStream(pushPull, 'opened', protection, { compress })
      for (let end = 1; end < bytes.length; end += 1) {
        const reader = new StreamReader('accepted', protection)
        const before = reader.push(bytes.subarray(0, end))
        if (before !== undefined || !isDeepStrictEqual(reader.end(), { refused: 'truncated' }))
          t.fail(`cut after ${end} bytes of ${bytes.length}`)
      }
    }
  t.same(new StreamReader('accepted', unprotected).end(), { refused: 'empty' })
})

function packed(...values: readonly unknown[]): Buffer {
  return Buffer.concat(values.map((value) => encodeMsgpack(value, { oldSpec: true })))
}

t.test('a member that makes no sense does not spoil the others of a push/pull', async (t) => {
  const good = { Addr: Uint8Array.of(10, 0, 0, 1), Name: 'a', Port: 1, Vsn: null }
  const members = [
    good,
    { ...good, Name: '' },
    { ...good, Name: Uint8Array.of(0xff) },
    { ...good, Addr: new Uint8Array(5) },
    { ...good, State: 4 },
    { ...good, Meta: new Uint8Array(513) },
    null,
    { ...good, Name: 'b', State: 3, Later: [1, 2, 3] },
  ]
  const head = { Join: false, Nodes: members.length, UserStateLen: 0 }
  const bytes = Buffer.concat([hex('06'), packed(head, ...members)])
  t.match(new StreamReader('accepted', unprotected).push(bytes), {
    message: {
      states: [
        { node: 'a', state: 'alive', versions: { protocol: [0, 0, 0] } },
        { node: 'b', state: 'left' },
      ],
    },
    leftOut: 6,
  })
})

const small: StreamLimits = { frameBytes: 1000, streamBytes: 2000, members: 10, itemBytes: 600 }
const tooMany = { Nodes: 11, UserStateLen: 0, Join: false }

const refused: readonly (readonly [what: string, Uint8Array, Protection, string])[] = [
  ['a type that nobody has', hex('63'), unprotected, 'unknownType'],
  ['a datagram', hex('04 80'), unprotected, 'misplacedType'],
  ['a compound', hex('07 01 0000'), unprotected, 'misplacedType'],
  ['a label, where none is meant', hex('f4 01 61'), unprotected, 'labelMismatch'],
  ['another label', hex('f4 01 61'), { label: 'b', encryption: null }, 'labelMismatch'],
  ['no label, where one is meant', hex('06'), { label: 'b', encryption: null }, 'labelMismatch'],
  ['an empty label', hex('f4 00'), { label: 'b', encryption: null }, 'labelEmpty'],
  ['encrypted, and no key', hex('0a'), unprotected, 'notDecryptable'],
  ['plain, where encryption is demanded', hex('06'), encrypting(keyring), 'notEncrypted'],
  ['a frame beyond the limit', hex('0a 000003e9'), encrypting(keyring), 'tooLarge'],
  ['an empty frame', hex('0a 00000000'), encrypting(keyring), 'empty'],
  ['a frame of a version alone', hex('0a 00000001 01'), encrypting(keyring), 'ciphertextTruncated'],
  ['another version', hex('0a 00000001 02'), encrypting(keyring), 'encryptionVersion'],
  [
    'a frame of the right key and another length',
    Buffer.concat([hex('0a 0000001d 01'), new Uint8Array(28)]),
    encrypting(keyring),
    'noKeyFits',
  ],
  [
    'members beyond the limit',
    Buffer.concat([hex('06'), packed(tooMany)]),
    unprotected,
    'tooManyMembers',
  ],
  [
    'members fewer than none',
    Buffer.concat([hex('06'), packed({ Nodes: -1 })]),
    unprotected,
    'outOfRange',
  ],
  [
    'user state beyond the limit',
    Buffer.concat([hex('06'), packed({ Nodes: 0, UserStateLen: 1001 })]),
    unprotected,
    'tooLarge',
  ],
  [
    'a user message of less than nothing',
    Buffer.concat([hex('08'), packed({ UserMsgLen: -(2 ** 40) })]),
    unprotected,
    'outOfRange',
  ],
  [
    'a user message beyond the limit',
    Buffer.concat([hex('08'), packed({ UserMsgLen: 2 ** 40 })]),
    unprotected,
    'tooLarge',
  ],
  [
    'a member without end',
    Buffer.concat([
      hex('06'),
      packed({ Nodes: 1 }),
      hex('81 a4 4e616d65 db ffffffff'),
      new Uint8Array(600),
    ]),
    unprotected,
    'tooLarge',
  ],
  ['fields without end', hex('06 df ffffffff'), unprotected, 'tooManyFields'],
  [
    'an unknown field full of values',
    Buffer.concat([hex('06 81 a161 dc 0100'), new Uint8Array(256)]),
    unprotected,
    'tooLarge',
  ],
  ['compression twice', writeCompressed(writeCompressed(pushPullBytes)), unprotected, 'nesting'],
  ['nothing, compressed', writeCompressed(new Uint8Array(0)), unprotected, 'empty'],
  [
    'half a message, compressed',
    writeCompressed(pushPullBytes.subarray(0, 40)),
    unprotected,
    'truncated',
  ],
  ['a bomb', writeCompressed(new Uint8Array(100_000)), unprotected, 'decompressedTooLarge'],
  [
    'more than is taken of all',
    Buffer.concat([hex('06'), packed({ Nodes: 10 }), new Uint8Array(2000)]),
    unprotected,
    'tooLarge',
  ],
]

t.test('a stream that makes no sense is refused for a reason, at once', async (t) => {
  for (const [what, bytes, protection, reason] of refused) {
    const reader = new StreamReader('accepted', protection, small)
    t.same(reader.push(bytes), { refused: reason }, what)
    t.equal(reader.push(pushPullBytes), undefined, 'and nothing is read behind it')
  }
})

t.test('limits are those of memberlist', async (t) => {
  t.same(streamLimits, {
    frameBytes: 20_971_520,
    streamBytes: 41_943_040,
    members: 1_048_576,
    itemBytes: 65_536,
  })
})

t.test('bytes wait in a queue no larger than four times what came', async (t) => {
  const pushes = fc.array(fc.tuple(fc.nat(3000), fc.nat(4000)), { maxLength: 60 })
  fc.assert(
    fc.property(pushes, (steps) => {
      const queue = new ByteQueue()
      let model = Buffer.alloc(0)
      let next = 0
      let most = 0
      for (const [pushed, dropped] of steps) {
        const chunk = Buffer.from(Array.from({ length: pushed }, () => next++ & 0xff))
        queue.push(chunk)
        model = Buffer.concat([model, chunk])
        most = Math.max(most, model.length)
        const size = Math.min(dropped, model.length)
        queue.drop(size)
        model = model.subarray(size)
        if (!queue.view().equals(model) || queue.length !== model.length) return false
        if (queue.view().buffer.byteLength > 4 * most) return false
      }
      return true
    }),
    { numRuns: 50 },
  )
  t.pass()
})
