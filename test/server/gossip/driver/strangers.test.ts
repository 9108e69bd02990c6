import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'

import t from 'tap'
import type { Test } from 'tap'

import { compilePattern } from '../../../../server/filter/pattern.ts'
import { openGossip } from '../../../../server/gossip/driver/driver.ts'
import type { Gossip } from '../../../../server/gossip/driver/driver.ts'
import { PoolKeys } from '../../../../server/gossip/pool-keys.ts'
import { consulLan } from '../../../../server/gossip/serf/config.ts'
import { lanConfig } from '../../../../server/gossip/swim/config.ts'
import { encodeMessage } from '../../../../server/gossip/wire/codec.ts'
import { Keyring } from '../../../../server/gossip/wire/keyring.ts'
import type { Alive, GossipMessage } from '../../../../server/gossip/wire/messages.ts'
import { openPacket, sealPacket } from '../../../../server/gossip/wire/packet.ts'
import { unprotected } from '../../../../server/gossip/wire/protection.ts'
import type { Protection } from '../../../../server/gossip/wire/protection.ts'
import { refusals } from '../../../../server/gossip/wire/refusal.ts'
import type { RefusalReason } from '../../../../server/gossip/wire/refusal.ts'
import { encodeSerfMessage } from '../../../../server/gossip/wire/serf-codec.ts'
import { sealStream } from '../../../../server/gossip/wire/stream.ts'
import { encodeTags } from '../../../../server/gossip/wire/tags.ts'
import { systemChance } from '../../../../server/runtime/chance.ts'
import { systemClock } from '../../../../server/runtime/clock.ts'
import type { Clock } from '../../../../server/runtime/clock.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import { noMetrics } from '../../../../server/runtime/metrics.ts'
import { freePort } from '../../../support/agent-process.ts'
import { encrypting } from '../../../support/gossip-wire.ts'

/** A member on real sockets, and somebody who sends it what should not come. */
interface Besieged {
  readonly gossip: Gossip
  readonly port: number
  /** How it says, and is told, what belongs to its pool. */
  readonly protection: Protection
  /** How often each, by the metric's name, or by the reason where something was dropped. */
  readonly counts: ReadonlyMap<string, number>
  /** What the log said of it. */
  readonly lines: readonly object[]
  readonly stranger: Socket
  passTime(ms: number): void
}

async function besiege(t: Test, key: Uint8Array | null = null): Promise<Besieged> {
  const port = await freePort()
  const counts = new Map<string, number>()
  const lines: object[] = []
  let passedMs = 0
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
  }
  const gossip = await openGossip({
    self: aliveOf('a', port),
    bindAddress: '127.0.0.1',
    swim: lanConfig,
    serf: consulLan,
    keys: key === null ? null : keysOf(key),
    clock,
    chance: systemChance,
    log: {
      ...noLog,
      warn: (fields) => {
        if ('dropped' in fields) lines.push(fields)
      },
    },
    metrics: {
      ...noMetrics,
      count: (name, times = 1, labels = {}) => {
        const of = labels['reason'] ?? name
        counts.set(of, (counts.get(of) ?? 0) + times)
      },
    },
    compilePattern,
    onEvent() {},
  })
  t.teardown(() => gossip[Symbol.asyncDispose]())
  const stranger = createSocket('udp4')
  stranger.bind(0, '127.0.0.1')
  await once(stranger, 'listening')
  t.teardown(() => void stranger.close())
  const protection = key === null ? unprotected : encrypting(Keyring.of(key))
  const passTime = (ms: number): void => void (passedMs += ms)
  return { gossip, port, protection, counts, lines, stranger, passTime }
}

function keysOf(key: Uint8Array): PoolKeys {
  return new PoolKeys({
    keyring: Keyring.of(key),
    chance: systemChance,
    verifyIncoming: true,
    verifyOutgoing: true,
    persist: () => Promise.resolve(),
  })
}

function aliveOf(node: string, port: number, change: Partial<Alive> = {}): Alive {
  return {
    kind: 'alive',
    incarnation: 1,
    node,
    address: { host: '127.0.0.1', port },
    meta: encodeTags({ role: 'node' }),
    versions: { protocol: [1, 5, 2], delegate: [2, 5, 4] },
    ...change,
  }
}

function seal(message: GossipMessage, protection: Protection): Uint8Array {
  return sealPacket(encodeMessage(message), protection, { checksum: false })
}

/** Sends them in this order, and resolves when all of them were read: a ping behind them is answered. */
async function send(to: Besieged, datagrams: readonly Uint8Array[]): Promise<void> {
  const { stranger, port, protection } = to
  const sequence = Math.floor(Math.random() * 2 ** 31)
  const answered = new Promise<void>((resolve) => {
    const look = (datagram: Buffer): void => {
      const opened = openPacket(datagram, protection)
      const messages = 'messages' in opened ? opened.messages : []
      if (!messages.some((one) => one.kind === 'ack' && one.sequence === sequence)) return
      stranger.off('message', look)
      resolve()
    }
    stranger.on('message', look)
  })
  for (const datagram of datagrams) stranger.send(datagram, port, '127.0.0.1')
  stranger.send(seal({ kind: 'ping', sequence, node: 'a' }, protection), port, '127.0.0.1')
  await answered
}

/** Says that on a stream, and resolves when it is closed from the other side. */
async function call(to: Besieged, bytes: Uint8Array): Promise<void> {
  const socket = connect(to.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(bytes)
  socket.resume()
  await once(socket, 'close')
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const text = (word: string): string => Buffer.from(word).toString('hex')
const [right, wrong] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const
const ping: GossipMessage = { kind: 'ping', sequence: 1, node: 'a' }
const join = { kind: 'pushPull', join: true, states: [], user: new Uint8Array() } as const
const labelled: Protection = { label: 'lab', encryption: null }

/** To a pool under a key, or to one in the clear: what comes, and why it is dropped. */
const dropped: readonly (readonly [
  what: string,
  key: Uint8Array | null,
  by: 'datagram' | 'stream',
  bytes: Uint8Array,
  reason: RefusalReason,
])[] = [
  ['another key', right, 'datagram', seal(ping, encrypting(Keyring.of(wrong))), 'noKeyFits'],
  [
    'the right key, another label',
    right,
    'datagram',
    seal(ping, encrypting(Keyring.of(right), 'lab')),
    'labelMismatch',
  ],
  [
    'the right key, the label taken off',
    right,
    'datagram',
    seal(ping, encrypting(Keyring.of(right), 'lab')).subarray(5),
    'noKeyFits',
  ],
  ['a label, and no key', null, 'datagram', seal(ping, labelled), 'labelMismatch'],
  ['nothing', null, 'datagram', new Uint8Array(), 'empty'],
  [
    'another key',
    right,
    'stream',
    sealStream(join, 'opened', encrypting(Keyring.of(wrong)), { compress: false }),
    'noKeyFits',
  ],
  [
    'no key',
    right,
    'stream',
    sealStream(join, 'opened', unprotected, { compress: false }),
    'notEncrypted',
  ],
  [
    'another label',
    null,
    'stream',
    sealStream(join, 'opened', labelled, { compress: false }),
    'labelMismatch',
  ],
  ['a frame of four gigabytes', right, 'stream', hex('0a ffffffff'), 'tooLarge'],
  [
    'a push/pull of two billion members',
    null,
    'stream',
    hex(`06 83 a5${text('Nodes')} ce7fffffff ac${text('UserStateLen')} 00 a4${text('Join')} c3`),
    'tooManyMembers',
  ],
  [
    'a push/pull with two gigabytes of Serf',
    null,
    'stream',
    hex(`06 83 a5${text('Nodes')} 00 ac${text('UserStateLen')} ce7fffffff a4${text('Join')} c3`),
    'tooLarge',
  ],
]

t.test(
  'what does not belong to the pool is dropped, counted, and logged once a minute',
  async (t) => {
    for (const key of [right, null]) {
      const besieged = await besiege(t, key)
      const sent = new Map<string, number>()
      const cases = dropped.filter(([, keyWanted]) => keyWanted === key)
      for (const [, , by, bytes, reason] of cases) {
        const times = by === 'datagram' ? 40 : 1
        const copies = Array.from({ length: times }, () => bytes)
        if (by === 'datagram') await send(besieged, copies)
        else await call(besieged, bytes)
        sent.set(refusals[reason], (sent.get(refusals[reason]) ?? 0) + times)
      }
      for (const [reason, times] of sent) t.equal(besieged.counts.get(reason), times, reason)
      t.strictSame(besieged.lines, [{ dropped: { [[...sent.keys()][0] ?? '']: 1 } }])

      besieged.passTime(60_000)
      await send(besieged, [new Uint8Array()])
      await send(besieged, [new Uint8Array()])
      t.equal(besieged.lines.length, 2, 'a minute later one line tells of all that came since')
      t.strictSame(
        besieged.gossip.serf.members().map(({ Name }) => Name),
        ['a'],
      )
    }
  },
)

t.test('what was true of an earlier start is believed no more when it is sent again', async (t) => {
  const besieged = await besiege(t, right)
  const { gossip, protection, counts } = besieged
  const { port } = besieged.stranger.address()
  const tagged = (incarnation: number, life: string): Uint8Array =>
    seal(aliveOf('b', port, { incarnation, meta: encodeTags({ life }) }), protection)
  const replayed = [
    tagged(1, 'first'),
    seal({ kind: 'suspect', incarnation: 1, node: 'b', from: 'c' }, protection),
    seal({ kind: 'dead', incarnation: 1, node: 'b', from: 'c' }, protection),
    seal({ kind: 'dead', incarnation: 1, node: 'b', from: 'b' }, protection),
  ]
  await send(besieged, [tagged(1, 'first'), tagged(5, 'second')])
  await send(besieged, replayed)
  t.match(gossip.serf.member('b'), { Status: 1, Tags: { life: 'second' } })
  t.equal(counts.get('memberlist.msg.old'), 4)
  t.equal(counts.get('memberlist.msg.alive'), 2)

  const event = (time: number): Uint8Array => {
    const heard = { kind: 'userEvent', time, name: 'go', payload: new Uint8Array() } as const
    const body = encodeSerfMessage({ ...heard, coalesce: false })
    return seal({ kind: 'user', body }, protection)
  }
  await send(besieged, [event(1), event(2000)])
  await send(besieged, [event(1), event(2000)])
  t.equal(counts.get('serf.events.go'), 2, 'an event is delivered once, however often it comes')
  t.equal(counts.get('serf.msgs.old'), 1)
  t.strictSame(besieged.lines, [], 'and nobody is bothered with it')
})
