import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'

import t from 'tap'

import { systemFiles } from '../../../../agent/config/host.ts'
import type { RaftMessage } from '../../../../server/raft/core/messages.ts'
import { connectionType } from '../../../../server/rpc/connection-type.ts'
import type { Log } from '../../../../server/runtime/log.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import type { Metrics } from '../../../../server/runtime/metrics.ts'
import { Tls } from '../../../../server/tls/tls.ts'
import { VirtualClock } from '../../../support/clock.ts'
import { appendOf, openWire, timeoutNow, until, type Wire } from '../../../support/raft-wire.ts'
import { TcpProxy } from '../../../support/tcp-proxy.ts'
import { noTls } from '../../../support/tls.ts'

/** Both know each other, and are connected. */
async function acquaint(a: Wire, b: Wire): Promise<void> {
  a.transport.setPeers({ a: a.address, b: b.address })
  b.transport.setPeers({ a: a.address, b: b.address })
  await until(() => isConnected(a, 'b') && isConnected(b, 'a'))
}

function isConnected(wire: Wire, to: string): boolean {
  return wire.transport.stats()[to]?.connected === true
}

function terms(wire: Wire): number[] {
  return wire.received.map(({ message }) => message.term)
}

/** A log that keeps its warnings. */
function keeping(): { readonly log: Log; readonly warnings: string[] } {
  const warnings: string[] = []
  const warn = (fields: object, message = ''): void =>
    void warnings.push(`${message} ${JSON.stringify(fields)}`)
  return { log: { ...noLog, warn }, warnings }
}

t.test('messages come in as they were sent, in order', async (t) => {
  await using a = await openWire({ id: 'a' })
  await using b = await openWire({ id: 'b' })
  await acquaint(a, b)
  const many = Array.from({ length: 500 }, (_, term) => timeoutNow('b', term))
  a.transport.send(many.slice(0, 3))
  a.transport.send(many.slice(3))
  await until(() => b.received.length === 500)
  t.same(
    b.received,
    many.map(({ message }) => ({ from: 'a', message })),
  )
  b.transport.send([timeoutNow('a', 7), timeoutNow('nobody', 8)])
  await until(() => a.received.length === 1)
  t.same(a.received, [{ from: 'b', message: { kind: 'timeoutNow', term: 7 } }])
  t.match(a.transport.stats(), { b: { dropped: 0, connected: true } })
  t.ok((a.transport.stats()['b']?.bytesOut ?? 0) > 500 * 13)
})

t.test('what is sent while a connection is being made waits for it', async (t) => {
  await using a = await openWire({ id: 'a' })
  await using b = await openWire({ id: 'b' })
  a.transport.setPeers({ b: b.address })
  a.transport.send([timeoutNow('b', 1), appendOf('b', 2, 10)])
  await until(() => b.received.length === 2)
  t.same(new Set(terms(b)), new Set([1, 2]))
  t.same(a.unreachable, [])
})

t.test('a megabyte of entries or of a snapshot does not hold up what is urgent', async (t) => {
  await using a = await openWire({ id: 'a' })
  await using b = await openWire({ id: 'b' })
  await acquaint(a, b)
  const large = [1, 2, 3, 4, 5, 6].map((term) => appendOf('b', term, 1 << 20))
  const chunk: RaftMessage = {
    kind: 'snapshotChunk',
    term: 8,
    snapshot: {
      term: 1,
      index: 1,
      membership: {
        voters: ['a'],
        outgoing: [],
        learners: [],
        learnersNext: [],
        addresses: { a: '' },
      },
    },
    offsetBytes: 2 ** 33,
    data: new Uint8Array(1 << 20).fill(3),
    last: true,
  }
  a.transport.send([...large, { to: 'b', message: chunk }, timeoutNow('b', 9)])
  await until(() => b.received.length === 8)
  t.ok(terms(b).indexOf(9) < 7, 'the small one was not the last to come')
  t.same(
    terms(b).filter((term) => term !== 9),
    [1, 2, 3, 4, 5, 6, 8],
  )
  t.same(b.received.find(({ message }) => message.kind === 'snapshotChunk')?.message, chunk)
})

t.test('a server that was just invited answers on the connection it was called on', async (t) => {
  await using leader = await openWire({ id: 'a' })
  await using invited = await openWire({ id: 'b' })
  leader.transport.setPeers({ a: leader.address, b: invited.address })
  await until(() => isConnected(leader, 'b') && isConnected(invited, 'a'))
  invited.transport.send([timeoutNow('a', 3)])
  await until(() => leader.received.length === 1)
  t.same(leader.received, [{ from: 'b', message: { kind: 'timeoutNow', term: 3 } }])
})

t.test('a broken connection is told of and made again', async (t) => {
  await using a = await openWire({ id: 'a' })
  await using b = await openWire({ id: 'b' })
  await using way = new TcpProxy(() => b.port)
  a.transport.setPeers({ b: await way.listen() })
  await until(() => isConnected(a, 'b'))
  way.close()
  await until(() => a.unreachable.includes('b') && !isConnected(a, 'b'))
  const lost = a.unreachable.length
  for (let term = 0; a.unreachable.length === lost; term += 1) {
    a.transport.send([appendOf('b', term, 10)])
    await until(() => true)
  }
  t.ok((a.transport.stats()['b']?.dropped ?? 0) > 0, 'what could not be sent was lost')
  way.open()
  await until(() => isConnected(a, 'b'))
  a.transport.send([appendOf('b', 1000, 10)])
  await until(() => terms(b).includes(1000))
})

t.test('connections of strangers are refused, and why is said once a minute', async (t) => {
  const ours = keeping()
  const theirs = keeping()
  const clock = new VirtualClock()
  await using b = await openWire({ id: 'b', log: ours.log, clock })
  await using other = await openWire({ id: 'x', clusterId: 'dc2', log: theirs.log, clock })
  await using mistaken = await openWire({ id: 'y', log: theirs.log, clock })
  await using twin = await openWire({ id: 'b', log: theirs.log, clock })
  other.transport.setPeers({ b: b.address })
  mistaken.transport.setPeers({ c: b.address })
  twin.transport.setPeers({ c: b.address })
  const attempts = (): number => theirs.warnings.length
  for (let turn = 0; attempts() < 3 || ours.warnings.length < 3; turn += 1) {
    t.ok(turn < 1000, 'all are told')
    await clock.advance(0)
    await until(() => true)
  }
  t.match(ours.warnings.toSorted(), [
    /b, and this|looks for c, and this is b/,
    /"reason":"it is of cluster 'dc2', and this one of 'dc1'"/,
    /"reason":"it looks for c, and this is b"/,
  ])
  t.match(theirs.warnings.toSorted()[0], /refused: it is of cluster 'dc2'/)
  for (let each = 0; each < 40; each += 1) {
    await clock.advance(500)
    await until(() => true)
  }
  t.equal(ours.warnings.length, 3, 'for twenty seconds nothing more was said')
  t.same(b.transport.stats(), {})
})

t.test('what is no greeting, and what is no frame, ends the connection', async (t) => {
  const { log, warnings } = keeping()
  const clock = new VirtualClock()
  await using b = await openWire({ id: 'b', log, clock })
  const end = async (hex: string): Promise<void> => {
    const socket = connect(b.port, '127.0.0.1')
    socket.write(Buffer.from(`50${hex}`, 'hex'))
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('close', resolve))
  }
  await end('ffffffff01')
  t.match(warnings, [/it sent a frame of 4294967295 bytes/])
  await clock.advance(61_000)
  await end('09000000 1a 0100000000000000'.replaceAll(' ', ''))
  t.match(warnings[1], /it did not greet/)
  await clock.advance(61_000)
  const silent = connect(b.port, '127.0.0.1')
  silent.write(Uint8Array.of(connectionType.praetorRaft))
  const closed = new Promise((resolve) => silent.once('close', resolve))
  silent.resume()
  for (let turn = 0; warnings.length < 3; turn += 1) await clock.advance(100)
  await closed
  t.match(warnings[2], /it did not greet in time/)
})

t.test('a peer that is silent is given up, and not because this process stood still', async (t) => {
  const clock = new VirtualClock()
  const { log, warnings } = keeping()
  await using a = await openWire({ id: 'a', clock, log })
  await using b = await openWire({ id: 'b' })
  await using way = new TcpProxy(() => b.port)
  a.transport.setPeers({ b: await way.listen() })
  await until(() => isConnected(a, 'b'))
  const nowMs = clock.monotonicMs.bind(clock)
  clock.monotonicMs = () => nowMs() + 60_000
  await clock.advance(500)
  t.ok(isConnected(a, 'b'), 'a minute went by in which nobody here could have heard anything')
  way.silence()
  for (let beat = 0; beat < 7; beat += 1) await clock.advance(500)
  t.notOk(isConnected(a, 'b'))
  t.match(warnings, [/nothing was heard for 3000 ms/])
  t.same(a.unreachable, ['b'])
})

t.test('pings say how far away a peer is', async (t) => {
  await using a = await openWire({ id: 'a' })
  await using b = await openWire({ id: 'b' })
  await acquaint(a, b)
  await until(() => typeof a.transport.stats()['b']?.rttMs === 'number')
  t.ok((a.transport.stats()['b']?.rttMs ?? -1) >= 0)
})

t.test('a peer that takes nothing costs a known amount of memory', async (t) => {
  await using a = await openWire({ id: 'a' })
  const welcome = Buffer.from('0a000000 02 01 0100000000000000'.replaceAll(' ', ''), 'hex')
  const taken: Socket[] = []
  const slow = createServer((socket) => {
    taken.push(socket)
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(welcome)
  })
  await new Promise<void>((resolve) => {
    slow.listen(0, '127.0.0.1', resolve)
  })
  a.transport.setPeers({ b: `127.0.0.1:${(slow.address() as AddressInfo).port}` })
  await until(() => isConnected(a, 'b'))
  for (let term = 0; term < 60; term += 1) a.transport.send([appendOf('b', term, 1 << 20)])
  const { dropped = 0 } = a.transport.stats()['b'] ?? {}
  t.ok(dropped >= 60 - 16 - 12 && dropped < 60, `${dropped} of 60 megabytes were dropped`)
  t.equal(a.unreachable.length, dropped, 'each time it was told')
  for (const socket of taken) socket.destroy()
  await new Promise((resolve) => slow.close(resolve))
})

t.test('a peer that was started anew takes the place of its earlier life', async (t) => {
  await using a = await openWire({ id: 'a' })
  await using b = await openWire({ id: 'b' })
  await using again = await openWire({ id: 'b', bootEpoch: 2 })
  await acquaint(a, b)
  again.transport.setPeers({ a: a.address })
  await until(() => isConnected(again, 'a'))
  await until(() => a.unreachable.length > 0)
  t.same(a.unreachable[0], 'b', 'the connections to the earlier one were ended')
  again.transport.send([timeoutNow('a', 5)])
  await until(() => terms(a).includes(5))
})

t.test('who is no member any more hears for a while why, and then nothing', async (t) => {
  const clock = new VirtualClock()
  await using a = await openWire({ id: 'a', clock })
  await using b = await openWire({ id: 'b', clock })
  a.transport.setPeers({ b: b.address })
  await until(() => isConnected(a, 'b'))
  a.transport.setPeers({})
  a.transport.send([timeoutNow('b', 1)])
  await until(() => b.received.length === 1)
  for (let beat = 0; beat < 12; beat += 1) await clock.advance(500)
  t.same(a.transport.stats(), {})
})

t.test('an address that is none is tried again like any other', async (t) => {
  const { log, warnings } = keeping()
  await using a = await openWire({ id: 'a', log })
  await using b = await openWire({ id: 'b' })
  a.transport.setPeers({ b: 'nowhere' })
  await until(() => warnings.length > 0)
  t.match(warnings[0], /'nowhere' is no address/)
  a.transport.setPeers({ b: b.address })
  await until(() => isConnected(a, 'b'))
})

t.test('addresses are dialed through the map that was given', async (t) => {
  await using b = await openWire({ id: 'b' })
  await using a = await openWire({
    id: 'a',
    dial: (address) => (address === 'far:8300' ? b.address : address),
  })
  a.transport.setPeers({ b: 'far:8300' })
  await until(() => isConnected(a, 'b'))
  t.match(a.transport.stats(), { b: { connected: true } })
})

t.test('replication is measured', async (t) => {
  const names = new Map<string, number>()
  const note = (name: string, value = 1): void =>
    void names.set(name, (names.get(name) ?? 0) + value)
  const metrics: Metrics = { gauge() {}, count: note, sample: (name) => note(name) }
  await using a = await openWire({ id: 'a', metrics })
  await using b = await openWire({ id: 'b' })
  await acquaint(a, b)
  a.transport.send([appendOf('b', 4, 10), appendOf('b', 5, 10)])
  const hint = { term: 0, index: 0 }
  b.transport.send([
    { to: 'a', message: { kind: 'appendResponse', term: 4, accepted: true, index: 6, hint } },
    { to: 'a', message: { kind: 'heartbeatResponse', term: 4, round: 0, sentAtMs: 0 } },
  ])
  await until(() => a.received.length === 2)
  t.same(Object.fromEntries(names), {
    'raft.replication.appendEntries.logs.b': 2,
    'raft.replication.appendEntries.rpc.b': 1,
    'raft.replication.heartbeat.b': 1,
  })
})

/** TLS as it is with the certificates of one authority, the server's name demanded where a data centre is given. */
function tlsOf(who: 'ours' | 'theirs', datacenter?: string): Tls {
  const file = (name: string): string => join(import.meta.dirname, 'fixtures', `${who}-${name}.pem`)
  return new Tls(
    {
      ...noTls,
      caFile: file('authority'),
      certFile: file('certificate'),
      keyFile: file('key'),
      verifyIncomingRpc: true,
      verifyOutgoing: true,
      verifyServerHostname: datacenter !== undefined,
    },
    { nodeName: 'n1', datacenter: datacenter ?? '' },
    systemFiles,
  )
}

t.test('with certificates both sides prove who they are', async (t) => {
  const { log, warnings } = keeping()
  const tls = tlsOf('ours', 'dc1')
  await using a = await openWire({ id: 'a', tls })
  await using b = await openWire({ id: 'b', tls, log })
  await acquaint(a, b)
  a.transport.send([timeoutNow('b', 1), appendOf('b', 2, 1 << 20)])
  await until(() => b.received.length === 2)
  t.same(new Set(terms(b)), new Set([1, 2]))
  t.same(warnings, [])
})

t.test('without the right certificate nobody gets in', async (t) => {
  const wrong: readonly [string, Tls | undefined, RegExp][] = [
    ['of another authority', tlsOf('theirs'), /certificate|alert/i],
    ['none at all', undefined, /./],
    ['of another name', tlsOf('ours', 'dc9'), /server\.dc9\.consul/],
  ]
  for (const [what, tls, reason] of wrong) {
    const { log, warnings } = keeping()
    await using b = await openWire({ id: 'b', tls: tlsOf('ours') })
    await using a = await openWire({ id: 'a', log, ...(tls === undefined ? {} : { tls }) })
    a.transport.setPeers({ b: b.address })
    await until(() => warnings.length > 0)
    t.match(warnings[0], reason, what)
    t.same(b.transport.stats(), {})
  }
})
