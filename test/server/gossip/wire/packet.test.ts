import { createCipheriv } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import t from 'tap'

import { encodeMessage } from '../../../../server/gossip/wire/codec.ts'
import { writeCompressed } from '../../../../server/gossip/wire/compression.ts'
import { Keyring } from '../../../../server/gossip/wire/keyring.ts'
import { compress, decompress } from '../../../../server/gossip/wire/lzw.ts'
import { Nonces } from '../../../../server/gossip/wire/nonces.ts'
import {
  joinParts,
  openPacket,
  packMessages,
  sealPacket,
} from '../../../../server/gossip/wire/packet.ts'
import {
  type Protection,
  protectionOverheadBytes,
  unprotected,
} from '../../../../server/gossip/wire/protection.ts'
import { Refused } from '../../../../server/gossip/wire/refusal.ts'
import { encrypting, gossipMessage, plain } from '../../../support/gossip-wire.ts'

const ping = encodeMessage({ kind: 'ping', sequence: 1, node: 'a' })
const key = (byte: number, size = 32): Uint8Array => new Uint8Array(size).fill(byte)
const keyring = Keyring.of(key(1), key(2, 24), key(3, 16))

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
  return 'taken'
}

const protections: readonly Protection[] = [
  unprotected,
  { label: 'lab', encryption: null },
  encrypting(keyring),
  encrypting(keyring, 'ä'.repeat(127)),
]

t.test('a packet is opened to what was sealed', async (t) => {
  for (const protection of protections)
    fc.assert(
      fc.property(
        fc.array(gossipMessage, { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        (messages, checksum, isCompressed) => {
          const payload = joinParts(messages.map(encodeMessage))
          const sent = isCompressed ? writeCompressed(payload) : payload
          const packet = sealPacket(sent, protection, { checksum })
          const overhead = protectionOverheadBytes(protection)
          return (
            packet.length <= sent.length + overhead &&
            (!checksum || packet.length === sent.length + overhead) &&
            isDeepStrictEqual(plain(openPacket(packet, protection)), {
              messages: plain(messages),
              leftOut: [],
            })
          )
        },
      ),
      { numRuns: 50 },
    )
  t.pass(`${protections.length} protections`)
})

t.test('messages are packed in their order, within the size and no more than 255', async (t) => {
  const packet = fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { maxLength: 700 })
  fc.assert(
    fc.property(packet, fc.integer({ min: 100, max: 3000 }), (messages, sizeMaxBytes) => {
      const payloads = packMessages(messages, { sizeMaxBytes })
      const parts = payloads.flatMap((payload): Uint8Array[] => {
        if (messages.some((message) => message === payload)) return [payload]
        const buffer = Buffer.from(payload)
        let at = 2 + 2 * buffer.readUInt8(1)
        return Array.from({ length: buffer.readUInt8(1) }, (_, part) => {
          const start = at
          at += buffer.readUInt16BE(2 + 2 * part)
          return buffer.subarray(start, at)
        })
      })
      const fits = payloads.every(({ length }) => length <= sizeMaxBytes)
      return fits && isDeepStrictEqual(plain(parts), plain(messages))
    }),
  )
  t.same(packMessages([], { sizeMaxBytes: 1400 }), [])
  t.equal(packMessages([ping], { sizeMaxBytes: 1400 })[0], ping, 'one goes as it is')
  const huge = new Uint8Array(2000)
  t.equal(packMessages([ping, huge], { sizeMaxBytes: 1400 })[1], huge, 'one too large goes alone')
  t.throws(() => joinParts(Array.from({ length: 256 }, () => ping)), /255 parts/)
})

t.test('parts of a compound that make no sense do not spoil the others', async (t) => {
  const opened = openPacket(
    joinParts([ping, Uint8Array.of(99), new Uint8Array(0), ping]),
    unprotected,
  )
  t.match(opened, {
    messages: [{ kind: 'ping' }, { kind: 'ping' }],
    leftOut: ['unknownType', 'empty'],
  })
  const cut = joinParts([ping, ping])
  t.match(
    openPacket(cut.subarray(0, cut.length - 1), unprotected),
    { messages: [{ kind: 'ping' }], leftOut: ['compoundTruncated'] },
    'a part that ends too soon',
  )
  t.same(openPacket(hex('0700'), unprotected), { messages: [], leftOut: [] }, 'no parts')
})

/** What was once enough to bring an agent down, and some more. */
const refused: readonly (readonly [what: string, Uint8Array, Protection, string])[] = [
  ['nothing', hex(''), unprotected, 'empty'],
  ['a compound without a count', hex('07'), unprotected, 'compoundTruncated'],
  ['a compound without its lengths', hex('07 02 0001'), unprotected, 'compoundTruncated'],
  ['128 parts without lengths', hex('07 80'), unprotected, 'compoundTruncated'],
  ['255 parts without lengths', hex('07 ff 0000'), unprotected, 'compoundTruncated'],
  ['compression twice', writeCompressed(writeCompressed(ping)), unprotected, 'nesting'],
  ['nothing, compressed', writeCompressed(new Uint8Array(0)), unprotected, 'empty'],
  [
    'compression of another kind',
    hex('09 82 a4416c676f 01 a3427566 a100'),
    unprotected,
    'compressionAlgorithm',
  ],
  [
    'compressed bytes that are announced only',
    hex('09 82 a4416c676f 00 a3427566 dbffffffff'),
    unprotected,
    'truncated',
  ],
  [
    'compressed bytes that stop',
    hex('09 82 a4416c676f 00 a3427566 a100'),
    unprotected,
    'compressionTruncated',
  ],
  ['no compressed bytes', hex('09 80'), unprotected, 'compressionTruncated'],
  ['a bomb', writeCompressed(new Uint8Array(8 * 1024 * 1024)), unprotected, 'decompressedTooLarge'],
  ['a wrong checksum', hex('0c 00000000 00'), unprotected, 'checksum'],
  ['a checksum cut short', hex('0c 0000'), unprotected, 'misplacedType'],
  [
    'a checksum twice',
    sealPacket(sealPacket(ping, unprotected, { checksum: true }), unprotected, { checksum: true }),
    unprotected,
    'misplacedType',
  ],
  ['a label, where none is meant', hex('f4 01 61 00'), unprotected, 'labelMismatch'],
  ['no label, where one is meant', ping, { label: 'a', encryption: null }, 'labelMismatch'],
  ['another label', hex('f4 01 62 00'), { label: 'a', encryption: null }, 'labelMismatch'],
  [
    'the beginning of a label',
    hex('f4 02 61'),
    { label: 'ab', encryption: null },
    'labelTruncated',
  ],
  ['a label without length', hex('f4'), { label: 'a', encryption: null }, 'labelTruncated'],
  ['an empty label', hex('f4 00'), { label: 'a', encryption: null }, 'labelEmpty'],
  ['a label and no more', hex('f4 01 61'), { label: 'a', encryption: null }, 'empty'],
  ['plain, where encryption is demanded', ping, encrypting(keyring), 'ciphertextTruncated'],
  ['nothing, where encryption is demanded', hex(''), encrypting(keyring), 'empty'],
  [
    'encryption of a later version',
    hex(`02${'00'.repeat(60)}`),
    encrypting(keyring),
    'encryptionVersion',
  ],
  ['a nonce and no tag', hex(`01${'00'.repeat(27)}`), encrypting(keyring), 'ciphertextTruncated'],
  [
    'nothing but a nonce and a wrong tag',
    hex(`01${'00'.repeat(28)}`),
    encrypting(keyring),
    'noKeyFits',
  ],
  [
    'an encrypted nothing',
    sealPacket(hex(''), encrypting(keyring), { checksum: false }),
    encrypting(keyring),
    'empty',
  ],
  [
    "another pool's encryption",
    sealPacket(ping, encrypting(Keyring.of(key(9))), { checksum: false }),
    encrypting(keyring),
    'noKeyFits',
  ],
  [
    'the right key under another label',
    sealPacket(ping, encrypting(keyring, 'b'), { checksum: false }).subarray(3),
    encrypting(keyring),
    'noKeyFits',
  ],
  [
    'encrypted, and no key',
    sealPacket(ping, encrypting(keyring), { checksum: false }),
    unprotected,
    'wrongType',
  ],
]

t.test('a packet that makes no sense is refused for a reason', async (t) => {
  for (const [what, bytes, protection, reason] of refused)
    t.same(openPacket(bytes, protection), { refused: reason }, what)
})

t.test('any one bit that is turned over in an encrypted packet is noticed', async (t) => {
  const protection = encrypting(keyring)
  const packet = sealPacket(ping, protection, { checksum: false })
  const unnoticed: number[] = []
  for (let bit = 8; bit < 8 * packet.length; bit += 1) {
    const turned = Uint8Array.from(packet)
    turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (!('refused' in openPacket(turned, protection))) unnoticed.push(bit)
  }
  t.same(unnoticed, [])
})

t.test('while a pool is moved to encryption, both are understood', async (t) => {
  const { encryption } = encrypting(keyring)
  if (encryption === null) throw new Error('it encrypts')
  const moving: Protection = {
    label: '',
    encryption: { ...encryption, verifyIncoming: false, verifyOutgoing: false },
  }
  const sealed = sealPacket(ping, moving, { checksum: true })
  t.match(openPacket(sealed, unprotected), { messages: [{ kind: 'ping' }] }, 'sent in the clear')
  t.match(openPacket(sealed, moving), { messages: [{ kind: 'ping' }] })
  const encrypted = sealPacket(ping, encrypting(keyring), { checksum: true })
  t.match(openPacket(encrypted, moving), { messages: [{ kind: 'ping' }] })
})

/** Version 0 as members of protocol 1 write it, which nobody here does. */
function padded(message: Uint8Array, padding: readonly number[]): Uint8Array {
  const nonce = new Uint8Array(12).fill(5)
  const cipher = createCipheriv('aes-256-gcm', key(1), nonce)
  const ciphertext = [cipher.update(message), cipher.update(Uint8Array.from(padding))]
  cipher.final()
  return Buffer.concat([Uint8Array.of(0), nonce, ...ciphertext, cipher.getAuthTag()])
}

t.test('padding of the first version is taken off, and refused where it is none', async (t) => {
  const protection = encrypting(keyring)
  const room = 16 - (ping.length % 16)
  const rightly = Array.from({ length: room }, () => room)
  t.match(openPacket(padded(ping, rightly), protection), { messages: [{ kind: 'ping' }] })
  const wholeBlock = new Uint8Array(16)
  const blank = Array.from({ length: 16 }, () => 16)
  t.same(openPacket(padded(new Uint8Array(0), blank), protection), { refused: 'empty' })
  for (const [what, padding] of [
    ['none', [...wholeBlock]],
    ['more than a block', [...blank.slice(1), 17]],
    ['more than there is', [...blank.slice(1), 255]],
    ['other bytes than its length', [...blank.slice(2), 3, 2]],
  ] as const)
    t.same(openPacket(padded(new Uint8Array(0), padding), protection), { refused: 'padding' }, what)
})

t.test('a keyring keeps to the rules of memberlist', async (t) => {
  const [first, second] = [key(1), key(2)] as const
  const ring = Keyring.of(first, second, first)
  t.same(ring.keys, [first, second], 'a key is there once')
  t.same(ring.primary, first)
  t.equal(ring.with(second), ring, 'installing it again changes nothing')
  t.same(ring.using(second).keys, [second, first])
  t.same(ring.without(second).keys, [first])
  t.equal(ring.without(key(7)), ring, 'removing what is not there changes nothing')
  t.throws(() => ring.without(first), { message: 'Removing the primary key is not allowed' })
  t.throws(() => ring.using(key(7)), { message: 'Requested key is not in the keyring' })
  for (const size of [0, 15, 17, 31, 33])
    t.throws(() => ring.with(key(1, size)), { message: 'key size must be 16, 24 or 32 bytes' })
  t.same(ring.keys, [first, second], 'and the keyring is as it was')
})

t.test('what an older key encrypted is read while that key is there', async (t) => {
  const packet = sealPacket(ping, encrypting(Keyring.of(key(1))), { checksum: false })
  const later = Keyring.of(key(2), key(3, 16), key(1))
  t.match(openPacket(packet, encrypting(later)), { messages: [{ kind: 'ping' }] })
  t.same(openPacket(packet, encrypting(later.without(key(1)))), { refused: 'noKeyFits' })
})

t.test('nonces never repeat, and a new boot id comes when they are used up', async (t) => {
  let boots = 0
  const boot = (sizeBytes: number): Uint8Array => {
    boots += 1
    return new Uint8Array(sizeBytes).fill(boots)
  }
  const take = (nonces: Nonces, count: number): string[] =>
    Array.from({ length: count }, () => Buffer.from(nonces.next()).toString('hex'))
  const thousand = take(new Nonces(boot), 1000)
  t.equal(new Set(thousand).size, 1000)
  t.equal(thousand[0], '010101010101010100000000')
  t.equal(thousand[999], '0101010101010101000003e7')
  t.same(take(new Nonces(boot, 0xffff_fffe), 3), [
    '0202020202020202fffffffe',
    '0202020202020202ffffffff',
    '030303030303030300000000',
  ])
})

t.test('LZW gives back what it was given, and no more than it may', async (t) => {
  const run = fc
    .tuple(fc.nat(255), fc.nat(5000))
    .map(([byte, times]) => new Uint8Array(times).fill(byte))
  const input = fc.array(fc.oneof(fc.uint8Array({ maxLength: 2000 }), run), { maxLength: 8 })
  fc.assert(
    fc.property(input, (pieces) => {
      const given = Buffer.concat(pieces)
      const small = compress(given)
      return (
        decompress(small, given.length).equals(given) &&
        (given.length === 0 ||
          refusal(() => decompress(small, given.length - 1)) === 'decompressedTooLarge')
      )
    }),
    { numRuns: 100 },
  )
  const letters = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * at) % 251))
  t.ok(decompress(compress(letters), letters.length).equals(letters), 'a table filled many times')
})

t.test("LZW is that of Go's compress/lzw", async (t) => {
  // Worked out by an independent writer: with the clear code at the start, and without it, as Go's writer was until 1.17.
  const text = 'TOBEORNOTTOBEORTOBEORNOT'
  const cleared = '00a93c1152e48914274fa80824687061c183090302'
  t.equal(compress(Buffer.from(text)).toString('hex'), cleared)
  t.equal(decompress(hex(cleared), 100).toString(), text)
  t.equal(decompress(hex('549e0829f2448a932754041234b8b0e0c1840101'), 100).toString(), text)
  for (const [what, bytes] of [
    ['a code before anything that it could mean', hex('0205')],
    ['a code from beyond the table', hex('00ffff')],
  ] as const)
    t.equal(
      refusal(() => decompress(bytes, 100)),
      'compressionMalformed',
      what,
    )
})
