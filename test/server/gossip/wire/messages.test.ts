import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import t from 'tap'

import { decodeAckPayload, encodeAckPayload } from '../../../../server/gossip/wire/ack-payload.ts'
import { decodeMessage, encodeMessage } from '../../../../server/gossip/wire/codec.ts'
import { ipBytes, ipText } from '../../../../server/gossip/wire/ip.ts'
import { messageType } from '../../../../server/gossip/wire/message-type.ts'
import type { GossipMessage } from '../../../../server/gossip/wire/messages.ts'
import { Refused, type refusals } from '../../../../server/gossip/wire/refusal.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../../../server/gossip/wire/serf-codec.ts'
import type { SerfMessage } from '../../../../server/gossip/wire/serf-messages.ts'
import { serfType } from '../../../../server/gossip/wire/serf-types.ts'
import { decodeTags, encodeTags } from '../../../../server/gossip/wire/tags.ts'
import { encodeMsgpack } from '../../../../server/wire/msgpack.ts'
import { anyTags, gossipMessage, host, plain, serfMessage } from '../../../support/gossip-wire.ts'

/** Bytes in the old msgpack that Go's memberlist writes, by another encoder than the one tested. */
function packed(type: number, fields: unknown): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), encodeMsgpack(fields, { oldSpec: true })])
}

function refusal(decode: () => unknown): string {
  try {
    decode()
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
  return 'taken'
}

t.test('every message of memberlist comes back as it was', async (t) => {
  fc.assert(
    fc.property(gossipMessage, (message) =>
      isDeepStrictEqual(plain(decodeMessage(encodeMessage(message))), plain(message)),
    ),
    { numRuns: 500 },
  )
  t.pass()
})

t.test('every message of Serf comes back as it was', async (t) => {
  fc.assert(
    fc.property(serfMessage, (message) =>
      isDeepStrictEqual(plain(decodeSerfMessage(encodeSerfMessage(message))), plain(message)),
    ),
    { numRuns: 500 },
  )
  t.pass()
})

const versions = { protocol: [1, 5, 2], delegate: [2, 5, 4] } as const
const source = { node: 'b', address: { host: '10.0.0.7', port: 8301 } }

/** What Go writes: fields in alphabetical order, numbers as short as they can be, nothing as nil. */
const written: readonly (readonly [GossipMessage, number, Record<string, unknown>])[] = [
  [{ kind: 'ping', sequence: 7, node: 'a' }, 0, { Node: 'a', SeqNo: 7 }],
  [
    { kind: 'ping', sequence: 300, node: '', source },
    0,
    {
      Node: '',
      SeqNo: 300,
      SourceAddr: Uint8Array.of(10, 0, 0, 7),
      SourceNode: 'b',
      SourcePort: 8301,
    },
  ],
  [
    { kind: 'ping', sequence: 300, node: 'a', source: { ...source, node: '' } },
    0,
    { Node: 'a', SeqNo: 300, SourceAddr: Uint8Array.of(10, 0, 0, 7), SourcePort: 8301 },
  ],
  [
    {
      kind: 'indirectPing',
      sequence: 70_000,
      target: { host: '::1', port: 1 },
      node: 'a',
      wantsNack: true,
    },
    1,
    {
      Nack: true,
      Node: 'a',
      Port: 1,
      SeqNo: 70_000,
      Target: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    },
  ],
  [
    { kind: 'ack', sequence: 2 ** 32 - 1, payload: new Uint8Array(0) },
    2,
    { Payload: null, SeqNo: 2 ** 32 - 1 },
  ],
  [
    { kind: 'suspect', incarnation: 128, node: 'a', from: 'b' },
    3,
    { From: 'b', Incarnation: 128, Node: 'a' },
  ],
  [
    {
      kind: 'alive',
      incarnation: 1,
      node: 'näme',
      address: source.address,
      meta: new Uint8Array(300).fill(65),
      versions,
    },
    4,
    {
      Addr: Uint8Array.of(10, 0, 0, 7),
      Incarnation: 1,
      Meta: new Uint8Array(300).fill(65),
      Node: 'näme',
      Port: 8301,
      Vsn: Uint8Array.of(1, 5, 2, 2, 5, 4),
    },
  ],
  [
    { kind: 'dead', incarnation: 1, node: 'a'.repeat(40), from: 'b' },
    5,
    { From: 'b', Incarnation: 1, Node: 'a'.repeat(40) },
  ],
  [{ kind: 'nack', sequence: 1 }, 11, { SeqNo: 1 }],
]

t.test('messages are written as Go writes them', async (t) => {
  for (const [message, type, fields] of written)
    t.equal(
      Buffer.from(encodeMessage(message)).toString('hex'),
      Buffer.from(packed(type, fields)).toString('hex'),
      message.kind,
    )
})

t.test('what older and newer members leave out or add does no harm', async (t) => {
  const cases: readonly (readonly [string, number, Record<string, unknown>, GossipMessage])[] = [
    ['no fields', 0, {}, { kind: 'ping', sequence: 0, node: '' }],
    [
      'fields in another order, one of them unknown and deep',
      0,
      { SeqNo: 1, Later: { a: [1, { b: 'c' }], d: null }, Node: 'a' },
      { kind: 'ping', sequence: 1, node: 'a' },
    ],
    ['nil for each', 0, { Node: null, SeqNo: null }, { kind: 'ping', sequence: 0, node: '' }],
    [
      'a source without a port',
      0,
      { Node: 'a', SeqNo: 1, SourceAddr: Uint8Array.of(1, 2, 3, 4), SourceNode: 'b' },
      { kind: 'ping', sequence: 1, node: 'a' },
    ],
    [
      'too few versions, and an IPv4 address in sixteen bytes',
      4,
      {
        Addr: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1),
        Node: 'a',
        Vsn: Uint8Array.of(1, 5, 2),
      },
      {
        kind: 'alive',
        incarnation: 0,
        node: 'a',
        address: { host: '10.0.0.1', port: 0 },
        meta: new Uint8Array(0),
        versions: { protocol: [0, 0, 0], delegate: [0, 0, 0] },
      },
    ],
  ]
  for (const [what, type, fields, meant] of cases) {
    t.strictSame(plain(decodeMessage(packed(type, fields))), meant, what)
    const newSpec = Buffer.concat([Uint8Array.of(type), encodeMsgpack(fields)])
    t.strictSame(plain(decodeMessage(newSpec)), meant, `${what}, in the later msgpack`)
    const longer = Buffer.concat([packed(type, fields), Uint8Array.of(1, 2, 3)])
    t.strictSame(plain(decodeMessage(longer)), meant, `${what}, with more behind`)
  }
})

t.test('numbers are taken in every form that Go would take', async (t) => {
  for (const form of ['05', 'cc05', 'cd0005', 'ce00000005', 'cf0000000000000005', 'd005', 'd10005'])
    t.match(decodeMessage(Buffer.from(`0b81a55365714e6f${form}`, 'hex')), { sequence: 5 }, form)
  for (const form of [
    'ff',
    'd0ff',
    'd3ffffffffffffffff',
    'cf0000000100000000',
    'cfffffffffffffffff',
  ])
    t.equal(
      refusal(() => decodeMessage(Buffer.from(`0b81a55365714e6f${form}`, 'hex'))),
      'outOfRange',
      form,
    )
})

const alive = { Addr: Uint8Array.of(1, 2, 3, 4), Node: 'a', Incarnation: 1, Port: 1 }
const refused: readonly (readonly [reason: keyof typeof refusals, what: string, Uint8Array])[] = [
  ['empty', 'nothing', new Uint8Array(0)],
  ['unknownType', 'a type that nobody has', packed(99, {})],
  ['misplacedType', 'a push/pull', packed(messageType.pushPull, {})],
  ['truncated', 'a type alone', Uint8Array.of(0)],
  ['truncated', 'fewer fields than are announced', Uint8Array.of(0, 0x85)],
  ['truncated', 'a text longer than the packet', Buffer.from('0081a44e6f6465dbffffffff', 'hex')],
  [
    'truncated',
    'an unknown array longer than the packet',
    Buffer.from('0081a161ddffffffff', 'hex'),
  ],
  ['tooManyFields', 'four billion fields', Buffer.from('00dfffffffff', 'hex')],
  ['malformed', 'a byte that begins nothing', Uint8Array.of(0, 0xc1)],
  ['malformed', 'the same in a field that is skipped', Buffer.from('0081a16191c1', 'hex')],
  ['wrongType', 'an array for a map', packed(0, [])],
  ['wrongType', 'a number for a name', packed(0, { Node: 1 })],
  ['wrongType', 'a name for a number', packed(0, { SeqNo: 'a' })],
  ['wrongType', 'a number for a flag', packed(1, { Nack: 1 })],
  ['wrongType', 'a fraction for a number', packed(0, { SeqNo: 1.5 })],
  ['wrongType', 'a field without a name', Buffer.from('00810101', 'hex')],
  ['outOfRange', 'a port beyond 65535', packed(4, { ...alive, Port: 65_536 })],
  ['notText', 'a name that is not UTF-8', packed(3, { Node: Uint8Array.of(0xff, 0xfe) })],
  ['nameless', 'an accusation of nobody', packed(3, { Incarnation: 1 })],
  ['nameless', 'a member without a name', packed(4, { ...alive, Node: '' })],
  ['address', 'a member without an address', packed(4, { ...alive, Addr: null })],
  ['address', 'an address of five bytes', packed(1, { Target: new Uint8Array(5) })],
  ['metaTooLarge', 'too many tags', packed(4, { ...alive, Meta: new Uint8Array(513) })],
]

t.test('what makes no sense is refused for a reason', async (t) => {
  for (const [reason, what, bytes] of refused)
    t.equal(
      refusal(() => decodeMessage(bytes)),
      reason,
      what,
    )
})

t.test("Serf's messages are refused for the same reasons", async (t) => {
  const query = { Addr: Uint8Array.of(1, 2, 3, 4), Name: 'a' }
  const cases: readonly (readonly [string, string, Uint8Array])[] = [
    ['empty', 'nothing', new Uint8Array(0)],
    ['unknownType', 'a type that nobody has', packed(10, {})],
    ['nameless', 'nobody who joins', packed(serfType.join, { LTime: 1 })],
    ['nameless', 'nobody who answers', packed(serfType.queryResponse, { LTime: 1 })],
    [
      'outOfRange',
      'a clock that cannot count on',
      packed(serfType.join, { LTime: 2n ** 64n - 1n }),
    ],
    ['outOfRange', 'a time before time', packed(serfType.query, { ...query, Timeout: -1 })],
    ['address', 'a question from nowhere', packed(serfType.query, { Name: 'a' })],
    ['address', 'a relay to nowhere', packed(serfType.relay, { DestName: 'a' })],
    ['tooManyItems', 'filters without end', Buffer.from('0481a746696c74657273ddffffffff', 'hex')],
    [
      'tooManyItems',
      'members without end',
      Buffer.from('0281ac5374617475734c54696d6573dfffffffff', 'hex'),
    ],
    ['truncated', 'an event that stops', Buffer.from('0384a4', 'hex')],
  ]
  for (const [reason, what, bytes] of cases)
    t.equal(
      refusal(() => decodeSerfMessage(bytes)),
      reason,
      what,
    )
})

t.test('a filter that makes no sense is kept, for whoever meets it not to answer', async (t) => {
  const bytes = [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(1, 0xc1), Uint8Array.of(7, 1)]
  const query = decodeSerfMessage(
    packed(serfType.query, { Addr: Uint8Array.of(1, 2, 3, 4), Filters: bytes }),
  )
  t.strictSame(plain(query), {
    ...(plain(query) as SerfMessage),
    filters: bytes.map((each) => ({ kind: 'unknown', bytes: each })),
  })
})

t.test('empty slots of an event ring are passed over', async (t) => {
  const event = { Events: [{ Name: 'deploy', Payload: Uint8Array.of(1) }], LTime: 4 }
  const state = decodeSerfMessage(
    packed(serfType.state, { Events: [null, null, event, null], LTime: 3 }),
  )
  t.match(plain(state), {
    kind: 'state',
    time: 3,
    events: [{ time: 4, events: [{ name: 'deploy', payload: Uint8Array.of(1) }] }],
  })
})

t.test('addresses are written as RFC 5952 wants them, and read back', async (t) => {
  fc.assert(
    fc.property(host, (each) => {
      const bytes = Uint8Array.from(each)
      const written = ipText(bytes)
      const inUrl = written.includes(':') ? `http://[${written}]/` : `http://${written}/`
      const { hostname } = new URL(inUrl)
      return hostname.replace(/^\[|\]$/g, '') === written && ipText(ipBytes(written)) === written
    }),
  )
  t.same(
    Buffer.from(ipBytes('2001:db8::1.2.3.4')).toString('hex'),
    '20010db8000000000000000001020304',
  )
  t.same(Buffer.from(ipBytes('fe80::1%eth0')).toString('hex'), 'fe800000000000000000000000000001')
  for (const wrong of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
    '1.2.3.4a',
    '0001.2.3.4',
    'a',
  ])
    t.throws(() => ipBytes(wrong), /IP literal/, wrong)
})

t.test('tags come back as they were', async (t) => {
  fc.assert(fc.property(anyTags, (tags) => isDeepStrictEqual(decodeTags(encodeTags(tags)), tags)))
  t.same(Buffer.from(encodeTags({ dc: 'x' })).toString('hex'), 'ff81a26463a178')
  t.same(decodeTags(Buffer.from('web')), { role: 'web' }, 'a role, from before there were tags')
  t.equal(
    refusal(() => decodeTags(Uint8Array.of(0xff, 0x81))),
    'truncated',
  )
  const own = decodeTags(packed(0xff, Object.fromEntries([['__proto__', 'x']])))
  t.same(
    Object.entries(own),
    [['__proto__', 'x']],
    'a tag of a name that means something to JavaScript',
  )
})

t.test('coordinates come back as they were, whole numbers too', async (t) => {
  const number = fc.oneof(fc.double(), fc.integer())
  const coordinate = fc.record({
    Vec: fc.array(number, { maxLength: 64 }),
    Error: number,
    Adjustment: number,
    Height: number,
  })
  fc.assert(
    fc.property(coordinate, (each) =>
      isDeepStrictEqual(decodeAckPayload(encodeAckPayload(each)), plain(each)),
    ),
  )
  t.equal(decodeAckPayload(new Uint8Array(0)), undefined, 'an ack that carries none')
  t.equal(
    refusal(() => decodeAckPayload(Uint8Array.of(2, 0x80))),
    'coordinateVersion',
  )
  const wide = packed(1, { Vec: Array.from({ length: 65 }, () => 0.5) })
  t.equal(
    refusal(() => decodeAckPayload(wide)),
    'tooManyItems',
  )
})
