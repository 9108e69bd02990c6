import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import t from 'tap'

import { normalize } from '../../../../server/raft/core/membership.ts'
import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import { ByteWriter, MalformedFrame } from '../../../../server/raft/transport/bytes.ts'
import {
  decodeMessage,
  encodeMessage,
  messageBytes,
} from '../../../../server/raft/transport/codec.ts'
import { frameBytesMax, FrameReader } from '../../../../server/raft/transport/frame.ts'
import {
  decodeHello,
  encodeHello,
  type Hello,
} from '../../../../server/raft/transport/handshake.ts'
import { PayloadArena } from '../../../../server/raft/transport/payload-arena.ts'
import { bounds, emptyMembership, type Entry } from '../../../../server/raft/types.ts'

const position = fc.oneof(fc.nat(1000), fc.nat(Number.MAX_SAFE_INTEGER - 1e6))
const id = fc.record({ term: position, index: position })
const timeMs = fc.double({ min: 0, max: 1e12, noNaN: true })
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.nat(40_000).map((sizeBytes) => new Uint8Array(sizeBytes).fill(sizeBytes & 0xff)),
)

const append = fc
  .record({
    previous: id,
    term: position,
    commit: position,
    bodies: fc.array(
      fc.record({
        term: position,
        kind: fc.constantFrom<Entry['kind']>('command', 'noop', 'membership'),
        payload,
      }),
      { maxLength: 20 },
    ),
  })
  .map(({ bodies, ...rest }): RaftMessage => {
    const entries = bodies.map((body, at) => ({ ...body, index: rest.previous.index + 1 + at }))
    return { kind: 'append', ...rest, entries }
  })

const name = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !(text in {}))
const membership = fc
  .uniqueArray(name, { minLength: 1, maxLength: 12 })
  .chain((ids) =>
    fc
      .array(fc.nat(3), { minLength: ids.length, maxLength: ids.length })
      .map((parts) => ({ ids, parts })),
  )
  .map(({ ids, parts }) => {
    const those = (...wanted: number[]): string[] =>
      ids.filter((_, at) => wanted.includes(parts[at] ?? 0))
    const addresses = Object.fromEntries(ids.map((each) => [each, `${each}:8300`]))
    return normalize({
      ...emptyMembership,
      voters: those(0, 1),
      outgoing: those(1, 2),
      learnersNext: those(2),
      learners: those(3),
      addresses,
    })
  })
  .filter((value) => value.outgoing.length > 0 || value.learnersNext.length === 0)

const chunk = fc
  .record({
    term: position,
    at: id,
    membership,
    offsetBytes: position,
    data: payload,
    last: fc.boolean(),
  })
  .map(({ at, membership: members, ...rest }): RaftMessage => {
    return { kind: 'snapshotChunk', ...rest, snapshot: { ...at, membership: members } }
  })

function record<M extends RaftMessage>(
  kind: M['kind'],
  fields: { readonly [F in Exclude<keyof M, 'kind'>]: fc.Arbitrary<M[F]> },
): fc.Arbitrary<RaftMessage> {
  return fc.record({
    kind: fc.constant(kind),
    ...fields,
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<RaftMessage>
}

type Of<K extends RaftMessage['kind']> = Extract<RaftMessage, { readonly kind: K }>
const flag = fc.boolean()
const arbitraries: Readonly<Record<RaftMessage['kind'], fc.Arbitrary<RaftMessage>>> = {
  preVote: record<Of<'preVote'>>('preVote', { term: position, lastLog: id }),
  preVoteResponse: record<Of<'preVoteResponse'>>('preVoteResponse', {
    term: position,
    granted: flag,
  }),
  vote: record<Of<'vote'>>('vote', { term: position, lastLog: id, transfer: flag }),
  voteResponse: record<Of<'voteResponse'>>('voteResponse', { term: position, granted: flag }),
  append,
  appendResponse: record<Of<'appendResponse'>>('appendResponse', {
    term: position,
    accepted: flag,
    index: position,
    hint: id,
  }),
  heartbeat: record<Of<'heartbeat'>>('heartbeat', {
    term: position,
    commit: position,
    round: position,
    sentAtMs: timeMs,
  }),
  heartbeatResponse: record<Of<'heartbeatResponse'>>('heartbeatResponse', {
    term: position,
    round: position,
    sentAtMs: timeMs,
  }),
  snapshotChunk: chunk,
  snapshotChunkResponse: record<Of<'snapshotChunkResponse'>>('snapshotChunkResponse', {
    term: position,
    snapshot: id,
    nextOffsetBytes: position,
  }),
  timeoutNow: record<Of<'timeoutNow'>>('timeoutNow', { term: position }),
}
const message = fc.oneof(...Object.values(arbitraries))

/** What a socket would be given. */
function encoded(...messages: readonly RaftMessage[]): Buffer {
  const writer = new ByteWriter()
  for (const each of messages) encodeMessage(writer, each)
  return Buffer.concat(writer.take())
}

/** What comes out when the bytes come in by pieces of these sizes, over and over. */
function decoded(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]): RaftMessage[] {
  const messages: RaftMessage[] = []
  const arena = new PayloadArena()
  const reader = new FrameReader((kind, body) => messages.push(decodeMessage(kind, body, arena)))
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const end = at + Math.max(1, sizes[piece % sizes.length] ?? 1)
    reader.push(bytes.subarray(at, end))
    at = end
  }
  return messages
}

/** Equal as values, whatever kind of object or of byte array holds them. */
function same(found: readonly RaftMessage[], expected: readonly RaftMessage[]): boolean {
  return isDeepStrictEqual(plain(found), plain(expected))
}

function plain(messages: readonly RaftMessage[]): unknown {
  return structuredClone(messages).map((each) => {
    if (each.kind === 'snapshotChunk') return { ...each, data: Buffer.from(each.data) }
    if (each.kind !== 'append') return each
    const entries = each.entries.map((entry) => ({ ...entry, payload: Buffer.from(entry.payload) }))
    return { ...each, entries }
  })
}

for (const [kind, arbitrary] of Object.entries(arbitraries))
  t.test(`every ${kind} comes out as it went in`, async (t) => {
    fc.assert(
      fc.property(arbitrary, (value) => same(decoded(encoded(value)), [value])),
      { numRuns: 60 },
    )
    t.pass('60 of them')
  })

t.test('frames are cut out of pieces of any size, in order', async (t) => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 6 }),
      (messages, sizes) => same(decoded(encoded(...messages), sizes), messages),
    ),
    { numRuns: 100 },
  )
  t.pass('100 runs')
})

t.test('the layout stays as it is', async (t) => {
  const value: RaftMessage = {
    kind: 'append',
    term: 7,
    previous: { term: 6, index: 2 ** 33 },
    entries: [{ term: 7, index: 2 ** 33 + 1, kind: 'command', payload: Uint8Array.of(1, 2, 3) }],
    commit: 5,
  }
  const fields = [
    '35000000 14 0700000000000000',
    '0600000000000000 0000000002000000 0500000000000000',
    '01000000 0700000000000000 00 03000000 010203',
  ]
  t.equal(encoded(value).toString('hex'), fields.join('').replaceAll(' ', ''))
})

t.test('payloads are copied out of what the socket gave', async (t) => {
  const bytes = encoded({
    kind: 'append',
    term: 1,
    previous: { term: 1, index: 1 },
    entries: [{ term: 1, index: 2, kind: 'command', payload: Uint8Array.of(5, 6) }],
    commit: 1,
  })
  const [value] = decoded(bytes)
  bytes.fill(0)
  t.match(value, { entries: [{ payload: Uint8Array.of(5, 6) }] })
})

t.test('the largest append and the largest chunk fit in a frame', async (t) => {
  const sizeBytes = bounds.appendBytesMax / bounds.appendEntriesMax
  const entries = Array.from({ length: bounds.appendEntriesMax }, (_, at): Entry => {
    return { term: 1, index: at + 1, kind: 'command', payload: new Uint8Array(sizeBytes).fill(at) }
  })
  const ids = Array.from({ length: 2 * bounds.membersMax }, (_, at) => `${at}`.padStart(36, '0'))
  const addresses = Object.fromEntries(ids.map((each) => [each, `${each}.example.org:8300`]))
  const messages: RaftMessage[] = [
    { kind: 'append', term: 1, previous: { term: 0, index: 0 }, entries, commit: 0 },
    {
      kind: 'snapshotChunk',
      term: 1,
      snapshot: {
        term: 1,
        index: 1,
        membership: normalize({ ...emptyMembership, voters: ids, addresses }),
      },
      offsetBytes: 0,
      data: new Uint8Array(bounds.chunkBytesMax).fill(9),
      last: true,
    },
  ]
  for (const value of messages) {
    const bytes = encoded(value)
    t.ok(bytes.length <= frameBytesMax, `${bytes.length} bytes`)
    t.ok(messageBytes(value) >= bytes.length * 0.98, 'and is charged for')
    t.ok(same(decoded(bytes, [65_536]), [value]), 'and comes out again')
  }
})

t.test('what is no frame is refused with a reason, and nothing is allocated for it', async (t) => {
  const wrong: readonly [string, string, RegExp][] = [
    ['an empty frame', '00000000', /a frame of 0 bytes/],
    ['a huge frame', 'ffffffff', /a frame of 4294967295 bytes/],
    ['a frame of a kind that is none', '09000000 63 0100000000000000', /kind 99/],
    ['a term beyond 2^53', '09000000 1a 0000000000002000', /beyond 2\^53/],
    ['too few bytes', '05000000 1a 01000000', /ends too soon/],
    ['too many bytes', '0a000000 1a 0100000000000000 00', /1 bytes too many/],
    ['two for a boolean', '0a000000 11 0100000000000000 02', /2 for a boolean/],
    ['no time', `21000000 16 ${'00'.repeat(24)} 000000000000f87f`, /a time that is no number/],
    [
      'more entries than bytes',
      `25000000 14 ${'00'.repeat(32)} 01000000`,
      /an append of 1 entries/,
    ],
    [
      'more entries than may be',
      `25000000 14 ${'00'.repeat(32)} ffffffff`,
      /an append of 4294967295/,
    ],
  ]
  for (const [what, hex, message] of wrong)
    t.throws(
      () => decoded(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
      { name: 'MalformedFrame', message },
      what,
    )
})

t.test('memory for a frame grows with what has come of it', async (t) => {
  const reader = new FrameReader(() => {})
  const head = Buffer.alloc(8)
  head.writeUInt32LE(frameBytesMax)
  reader.push(head)
  t.ok(reader.capacityBytes <= 4096, 'eight bytes came of a megabyte')
  reader.push(Buffer.alloc(100_000))
  t.ok(reader.capacityBytes <= 200_016, `${reader.capacityBytes} for a hundred thousand`)
})

/** Any answer is right but a crash: frames, or a MalformedFrame. */
function survives(bytes: Uint8Array, sizes: readonly number[]): boolean {
  try {
    decoded(bytes, sizes)
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw error
  }
  return true
}

t.test('no bytes crash it', async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 4 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), sizes, survives), { numRuns: 500 })
  const mutated = fc
    .tuple(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
    )
    .map(([messages, changes, cut]) => {
      const bytes = encoded(...messages)
      for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 200)] = value
      return bytes.subarray(0, cut % 4 === 0 ? cut % bytes.length : bytes.length)
    })
  fc.assert(fc.property(mutated, sizes, survives), { numRuns: 1000 })
  t.pass('1500 cases')
})

t.test('greetings', async (t) => {
  const hello: Hello = { channel: 'bulk', clusterId: 'dc1', from: 'a', to: 'b', bootEpoch: 2 ** 40 }
  const greet = (change: (bytes: Buffer) => void): Hello | string => {
    const writer = new ByteWriter()
    encodeHello(writer, hello)
    const bytes = Buffer.concat(writer.take())
    change(bytes)
    let found: Hello | string = 'nothing'
    new FrameReader((_, body) => (found = decodeHello(body))).push(bytes)
    return found
  }
  t.strictSame(
    greet(() => {}),
    hello,
  )
  t.match(
    greet((bytes) => (bytes[9] = 2)),
    /version 2 of the protocol is not spoken here/,
  )
  t.throws(() => greet((bytes) => (bytes[5] = 0)), { message: 'no greeting' })
  t.throws(() => greet((bytes) => (bytes[10] = 9)), { message: 'a connection of no known kind' })
})
