import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import fc from 'fast-check'

import { ipText } from '../../server/gossip/wire/ip.ts'
import { Keyring } from '../../server/gossip/wire/keyring.ts'
import {
  type Address,
  type GossipMessage,
  type RemoteState,
  type StreamMessage,
  type Versions,
  wireStates,
} from '../../server/gossip/wire/messages.ts'
import { Nonces } from '../../server/gossip/wire/nonces.ts'
import { type Protection, unprotected } from '../../server/gossip/wire/protection.ts'
import type { QueryFilter, SerfMessage } from '../../server/gossip/wire/serf-messages.ts'

/** One line of a golden file: what one real agent said to another. */
export interface Golden {
  readonly file: GoldenFile
  readonly channel: 'udp' | 'tcp'
  readonly from: string
  readonly to: string
  readonly bytes: Buffer
  /** How it is opened. */
  readonly protection: Protection
}

export const goldenFiles = ['serf', 'serf-encrypted', 'consul', 'consul-encrypted'] as const
export type GoldenFile = (typeof goldenFiles)[number]

/** The keys that the golden pools had. */
export const goldenKeyring = Keyring.of(
  Buffer.alloc(32, 1),
  Buffer.alloc(32, 2),
  Buffer.alloc(16, 3),
)

/** A pool that encrypts, with nonces that only a test may have: they begin again each time. */
export function encrypting(keyring: Keyring, label = ''): Protection {
  const nonces = new Nonces((sizeBytes) => Buffer.alloc(sizeBytes, 9))
  return { label, encryption: { keyring, nonces, verifyIncoming: true, verifyOutgoing: true } }
}

export function goldens(): Golden[] {
  return goldenFiles.flatMap((file) => {
    const protection = file.endsWith('encrypted') ? encrypting(goldenKeyring) : unprotected
    const text = readFileSync(join(import.meta.dirname, '../golden/gossip', `${file}.txt`), 'utf8')
    return text.split('\n').flatMap((line): Golden[] => {
      const [channel, from = '', to = '', hex = ''] = line.split(' ')
      if (channel !== 'udp' && channel !== 'tcp') return []
      return [{ file, channel, from, to, bytes: Buffer.from(hex, 'hex'), protection }]
    })
  })
}

const uint32 = fc.oneof(fc.nat(300), fc.nat(70_000), fc.integer({ min: 0, max: 0xffff_ffff }))
const uint16 = fc.nat(0xffff)
const uint8 = fc.nat(0xff)
const time = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 52 }))
const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }))
const name = text.filter((each) => each !== '')
const bytesTo = (maxLength: number) => fc.uint8Array({ maxLength })

export const host = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.array(fc.constantFrom(0, 0, 0, 1, 0xab), { minLength: 16, maxLength: 16 }),
)
export const hostText: fc.Arbitrary<string> = host.map((each) => ipText(Uint8Array.from(each)))
const address: fc.Arbitrary<Address> = fc.record({ host: hostText, port: uint16 })
const versions: fc.Arbitrary<Versions> = fc.record({
  protocol: fc.tuple(uint8, uint8, uint8),
  delegate: fc.tuple(uint8, uint8, uint8),
})
const source = fc.record({
  node: text,
  address: fc.record({ host: hostText, port: fc.integer({ min: 1, max: 0xffff }) }),
})

const ping = fc.record(
  { kind: fc.constant('ping'), sequence: uint32, node: text, source },
  { requiredKeys: ['kind', 'sequence', 'node'] },
)
const ack = fc.record({ kind: fc.constant('ack'), sequence: uint32, payload: bytesTo(200) })
const user = fc.record({ kind: fc.constant('user'), body: bytesTo(400) })
const description = {
  node: name,
  incarnation: uint32,
  address,
  meta: bytesTo(512),
  versions,
}

export const gossipMessage: fc.Arbitrary<GossipMessage> = fc.oneof(
  ping as fc.Arbitrary<GossipMessage>,
  fc.record(
    {
      kind: fc.constant('indirectPing'),
      sequence: uint32,
      target: address,
      node: text,
      wantsNack: fc.boolean(),
      source,
    },
    { requiredKeys: ['kind', 'sequence', 'target', 'node', 'wantsNack'] },
  ) as fc.Arbitrary<GossipMessage>,
  ack,
  fc.record({ kind: fc.constant('nack'), sequence: uint32 }),
  fc.record({
    kind: fc.constantFrom('suspect', 'dead'),
    incarnation: uint32,
    node: name,
    from: text,
  }),
  fc.record({ kind: fc.constant('alive'), ...description }),
  user,
)

export const remoteState: fc.Arbitrary<RemoteState> = fc.record({
  ...description,
  state: fc.constantFrom(...wireStates),
})

export const streamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('pushPull'),
    join: fc.boolean(),
    states: fc.array(remoteState, { maxLength: 30 }),
    user: bytesTo(3000),
  }),
  ping as fc.Arbitrary<StreamMessage>,
  ack,
  user,
  fc.record({ kind: fc.constant('error'), text }),
)

const filter: fc.Arbitrary<QueryFilter> = fc.oneof(
  fc.record({ kind: fc.constant('nodes'), nodes: fc.array(text, { maxLength: 20 }) }),
  fc.record({ kind: fc.constant('tag'), tag: text, expression: text }),
  fc.record({
    kind: fc.constant('unknown'),
    bytes: bytesTo(20).filter(([type = 2]) => type > 1),
  }),
)
const tags = fc.dictionary(text, text, { maxKeys: 12, noNullPrototype: true })

export const serfMessage: fc.Arbitrary<SerfMessage> = fc.oneof(
  fc.record({ kind: fc.constant('leave'), time, node: name, prune: fc.boolean() }),
  fc.record({ kind: fc.constant('join'), time, node: name }),
  fc.record({
    kind: fc.constant('state'),
    time,
    statusTimes: fc.array(fc.tuple(text, time)).map((pairs) => new Map(pairs)),
    leftMembers: fc.array(text),
    eventTime: time,
    events: fc.array(
      fc.record({
        time,
        events: fc.array(fc.record({ name: text, payload: bytesTo(40) })),
      }),
    ),
    queryTime: time,
  }),
  fc.record({
    kind: fc.constant('userEvent'),
    time,
    name: text,
    payload: bytesTo(512),
    coalesce: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('query'),
    time,
    id: uint32,
    source: address,
    sourceNode: text,
    filters: fc.array(filter, { maxLength: 5 }),
    wantsAck: fc.boolean(),
    noBroadcast: fc.boolean(),
    relayFactor: uint8,
    timeoutMs: fc.integer({ min: 0, max: 2 ** 50 }).map((nanos) => nanos / 1e6),
    name: text,
    payload: bytesTo(512),
  }),
  fc.record({
    kind: fc.constant('queryResponse'),
    time,
    id: uint32,
    from: name,
    isAck: fc.boolean(),
    payload: bytesTo(512),
  }),
  fc.record({
    kind: fc.constant('conflictResponse'),
    member: fc.option(fc.record({ name: text, address, tags, status: fc.nat(4), versions }), {
      nil: undefined,
    }),
  }),
  fc.record({ kind: fc.constant('keyRequest'), key: bytesTo(32) }),
  fc.record({
    kind: fc.constant('keyResponse'),
    done: fc.boolean(),
    message: text,
    keys: fc.array(text),
    primaryKey: text,
  }),
  fc.record({ kind: fc.constant('relay'), to: address, toNode: text, body: bytesTo(200) }),
)

export const anyTags: fc.Arbitrary<Record<string, string>> = tags

/** The same with every kind of byte array a plain one, so that what is equal compares as equal. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return new Map(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}
