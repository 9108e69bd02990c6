import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'

import t from 'tap'
import type { Test } from 'tap'

import { must } from '../../../server/model/assert.ts'
import { Admission } from '../../../server/rpc/admission.ts'
import type { CallHandler } from '../../../server/rpc/answerer.ts'
import { connectionType } from '../../../server/rpc/connection-type.ts'
import type { Listener } from '../../../server/rpc/listener.ts'
import { Pool } from '../../../server/rpc/pool.ts'
import type { Target } from '../../../server/rpc/pool.ts'
import { openServerPort } from '../../../server/rpc/server-port.ts'
import type { ServerPortConfig } from '../../../server/rpc/server-port.ts'
import { YamuxConnection } from '../../../server/rpc/yamux/connection.ts'
import { frameType } from '../../../server/rpc/yamux/frame.ts'
import { windowSizeBytes } from '../../../server/rpc/yamux/session.ts'
import type { YamuxStream } from '../../../server/rpc/yamux/stream.ts'
import { noLog } from '../../../server/runtime/log.ts'
import { noMetrics } from '../../../server/runtime/metrics.ts'
import { VirtualClock, settle } from '../../support/clock.ts'

const echo: CallHandler = async ({ method, body }) => ({ method, body })
const soon = { timeoutMs: 10_000 }

interface Port {
  readonly listener: Listener
  readonly clock: VirtualClock
  dial(): Socket
  target(speaks: Target['speaks']): Target
}

async function opened(t: Test, more: Partial<ServerPortConfig> = {}): Promise<Port> {
  const clock = new VirtualClock()
  const listener = await openServerPort(
    { port: 0, handle: echo, ...more },
    { clock, log: noLog, metrics: noMetrics },
  )
  t.teardown(() => listener[Symbol.asyncDispose]())
  const { port } = listener.address
  return {
    listener,
    clock,
    dial: () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined),
    target: (speaks) => ({ address: `127.0.0.1:${port}`, speaks }),
  }
}

function pooled(t: Test): { readonly pool: Pool; readonly clock: VirtualClock } {
  const clock = new VirtualClock()
  const pool = new Pool({ clock, log: noLog })
  t.teardown(() => pool[Symbol.asyncDispose]())
  return { pool, clock }
}

t.test('the port is on loopback unless told otherwise', async (t) => {
  const { listener } = await opened(t)
  t.equal(listener.address.host, '127.0.0.1')
})

t.test('a port that is taken is an error', async (t) => {
  const { listener } = await opened(t)
  const { port } = listener.address
  const world = { clock: new VirtualClock(), log: noLog, metrics: noMetrics }
  await t.rejects(openServerPort({ port, handle: echo }, world), { message: /EADDRINUSE/ })
})

t.test('the first byte says whose the connection is, and the rest is all there', async (t) => {
  const taken: Promise<string>[] = []
  const port = await opened(t, {
    handlers: { [connectionType.praetorRaft]: (socket) => void taken.push(text(socket)) },
  })
  const together = port.dial()
  together.end(Buffer.from('Phello'))
  await once(together.resume(), 'close')
  const apart = port.dial()
  apart.write('P')
  while (taken.length < 2) await settle()
  apart.end('world')
  await once(apart.resume(), 'close')
  t.strictSame(await Promise.all(taken), ['hello', 'world'])
})

t.test('a byte that is nobody’s ends the connection', async (t) => {
  const port = await opened(t)
  for (const byte of [connectionType.raft, connectionType.tls, 0x47, 0xff]) {
    const socket = port.dial()
    socket.write(Buffer.of(byte))
    t.equal((await buffer(socket).catch(() => Buffer.alloc(0))).length, 0)
  }
})

t.test('who says nothing is sent away when the time is over', async (t) => {
  const port = await opened(t, { handshakeMs: 5_000 })
  const closed = once(port.dial().resume(), 'close')
  while (port.listener.connections === 0) await settle()
  await port.clock.advance(4_999)
  t.equal(port.listener.connections, 1)
  await port.clock.advance(1)
  await closed
  while (port.listener.connections > 0) await settle()
  t.equal(port.clock.timers, 0)
})

t.test('a limit of no time is none', async (t) => {
  const port = await opened(t, { handshakeMs: 0 })
  const socket = port.dial()
  while (port.listener.connections === 0) await settle()
  t.equal(port.clock.timers, 0)
  socket.destroy()
  while (port.listener.connections > 0) await settle()
})

t.test('who leaves without a word is let go', async (t) => {
  const port = await opened(t)
  const sockets = [port.dial(), port.dial()]
  while (port.listener.connections < 2) await settle()
  sockets[0]?.end()
  sockets[1]?.destroy()
  while (port.listener.connections > 0) await settle()
  t.equal(port.clock.timers, 0)
})

t.test('one client has so many connections and no more', async (t) => {
  const port = await opened(t, { limits: { connectionsMax: 10, connectionsPerClientMax: 2 } })
  const kept = [port.dial(), port.dial()]
  while (port.listener.connections < 2) await settle()
  const refused = port.dial().resume()
  await once(refused, 'close')
  t.equal(port.listener.connections, 2)
  kept[0]?.destroy()
  while (port.listener.connections > 1) await settle()
  const next = port.dial()
  while (port.listener.connections < 2) await settle()
  t.notOk(next.destroyed)
})

t.test('limits count clients apart, and all together', async (t) => {
  const admission = new Admission({ connectionsMax: 3, connectionsPerClientMax: 2 })
  t.strictSame(
    ['a', 'a', 'a', 'b', 'b'].map((client) => admission.enter(client)),
    [undefined, undefined, 'client', undefined, 'total'],
  )
  admission.leave('a')
  admission.leave('unknown')
  t.equal(admission.total, 2)
  t.equal(admission.enter('b'), undefined)
  admission.change({ connectionsMax: 10, connectionsPerClientMax: 0 })
  t.equal(admission.enter('b'), undefined, 'no limit')
  admission.change({ connectionsPerClientMax: 1 })
  t.equal(admission.enter('a'), 'client', 'who is in stays in, and nobody else comes')
})

for (const speaks of ['praetor', 'consul'] as const) {
  t.test(`calls to a ${speaks} share a connection`, async (t) => {
    const port = await opened(t)
    const { pool } = pooled(t)
    const answers = Array.from({ length: 50 }, (_, n) =>
      pool.call(port.target(speaks), 'Echo', { n }, soon),
    )
    t.strictSame(
      await Promise.all(answers),
      Array.from({ length: 50 }, (_, n) => ({ method: 'Echo', body: { n } })),
    )
    t.equal(port.listener.connections, 1)
    const large = Buffer.alloc(3_000_000, 0xfe)
    const answer = await pool.call(port.target(speaks), 'Echo', { large }, soon)
    t.ok(large.equals((answer as { body: { large: Uint8Array } }).body.large))
  })

  t.test(`a broken connection to a ${speaks} is made anew`, async (t) => {
    const first = await opened(t)
    const { pool } = pooled(t)
    const target = first.target(speaks)
    await pool.call(target, 'Echo', {}, soon)
    const { port } = first.listener.address
    await first.listener[Symbol.asyncDispose]()
    await t.rejects(pool.call(target, 'Echo', {}, soon))
    await t.rejects(pool.call(target, 'Echo', {}, soon), {
      message: `rpc error getting client: failed to get conn: dial tcp <nil>->127.0.0.1:${port}: connect: connection refused`,
      sent: false,
    })
    t.equal(pool.size, 0)
    await opened(t, { port })
    t.match(await pool.call(target, 'Echo', {}, soon), { method: 'Echo' })
  })

  t.test(`calls to a ${speaks} that is known to be gone fail at once`, async (t) => {
    const port = await opened(t, { handle: () => new Promise(() => undefined) })
    const { pool } = pooled(t)
    const waiting = pool.call(port.target(speaks), 'Wait', {}, soon)
    while (port.listener.connections === 0) await settle()
    await settle()
    pool.drop(port.target(speaks).address)
    await t.rejects(waiting, { message: 'rpc error making call: the server is gone', sent: true })
  })

  t.test(`a connection to a ${speaks} that nobody uses is closed`, async (t) => {
    const port = await opened(t)
    const { pool, clock } = pooled(t)
    await pool.call(port.target(speaks), 'Echo', {}, soon)
    await clock.advance(2 * 127_000)
    while (port.listener.connections > 0) await settle()
    t.equal(pool.size, 0)
  })
}

t.test('a server that accepts nothing is given up', async (t) => {
  // A listener whose backlog nobody empties would do; one that isn't there and whose clock runs is quicker.
  const { pool, clock } = pooled(t)
  const calling = pool.call({ address: '192.0.2.1:8300', speaks: 'praetor' }, 'Echo', {}, soon)
  const failing = t.rejects(calling, /rpc error getting client: failed to get conn/)
  await clock.advance(10_000)
  await failing
})

t.test('a leader that is not reached before another leads is not waited for', async (t) => {
  const { pool } = pooled(t)
  const target: Target = { address: '192.0.2.1:8300', speaks: 'praetor' }
  const calling = pool.call(target, 'Echo', {}, { ...soon, toLeader: true })
  pool.depose('192.0.2.2:8300')
  pool.depose(target.address)
  await t.rejects(calling, { message: /operation was canceled/, sent: false })
  t.equal(pool.size, 0)
  const port = await opened(t, { handle: () => new Promise(() => undefined) })
  const waiting = pool.call(port.target('praetor'), 'Wait', {}, { ...soon, toLeader: true })
  while (port.listener.connections === 0) await settle()
  await settle()
  pool.depose(port.target('praetor').address)
  await t.rejects(waiting, { message: 'rpc error making call: another server leads', sent: true })
  t.equal(pool.size, 1)
})

t.test('whoever gives up while the connection is made waits no longer', async (t) => {
  const { pool } = pooled(t)
  const giving = new AbortController()
  const target: Target = { address: '192.0.2.1:8300', speaks: 'praetor' }
  const calling = pool.call(target, 'Echo', {}, { ...soon, signal: giving.signal })
  giving.abort(new Error('gone'))
  await t.rejects(calling, { message: 'gone' })
})

t.test('calls come from the address that the agent is bound to, and errors name it', async (t) => {
  const seen: (string | undefined)[] = []
  const server = createServer((socket) => {
    seen.push(socket.remoteAddress)
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const world = { clock: new VirtualClock(), log: noLog }
  for (const bindAddress of ['127.0.0.9', '0.0.0.0', '']) {
    await using pool = new Pool({ ...world, bindAddress })
    const target: Target = { address: `127.0.0.1:${port}`, speaks: 'praetor' }
    await t.rejects(pool.call(target, 'Echo', {}, soon))
  }
  t.strictSame(seen, ['127.0.0.9', '127.0.0.1', '127.0.0.1'])
  server.close()
  await once(server, 'close')
  await using pool = new Pool({ ...world, bindAddress: '127.0.0.9' })
  await t.rejects(pool.call({ address: `127.0.0.1:${port}`, speaks: 'consul' }, 'Echo', {}, soon), {
    message: `rpc error getting client: failed to get conn: dial tcp 127.0.0.9:0->127.0.0.1:${port}: connect: connection refused`,
  })
})

t.test('a pool that is closed calls nobody', async (t) => {
  const port = await opened(t)
  const { pool } = pooled(t)
  await pool.call(port.target('consul'), 'Echo', {}, soon)
  await pool[Symbol.asyncDispose]()
  await t.rejects(pool.call(port.target('consul'), 'Echo', {}, soon), { message: 'shutting down' })
})

/** Two yamux connections, and the streams that the server was given. */
function multiplexed(): {
  readonly client: YamuxConnection
  readonly server: YamuxConnection
  readonly accepted: YamuxStream[]
  readonly clock: VirtualClock
  readonly near: Duplex
} {
  const [near, far] = duplexPair()
  const clock = new VirtualClock()
  const accepted: YamuxStream[] = []
  return {
    client: new YamuxConnection(near, { role: 'client', clock, onStream: (s) => s.destroy() }),
    server: new YamuxConnection(far, { role: 'server', clock, onStream: (s) => accepted.push(s) }),
    accepted,
    clock,
    near,
  }
}

/** What comes until the other side ends: unlike the consumers of Node, it leaves the way back open. */
async function untilEnd(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(stream, 'end')
  return Buffer.concat(chunks).toString()
}

t.test('a stream carries bytes both ways, and ends when both have ended it', async (t) => {
  const { client, server, accepted } = multiplexed()
  const stream = must(client.open(), 'a stream')
  stream.end('question')
  await settle()
  const other = must(accepted[0], 'a stream there')
  t.equal(await untilEnd(other), 'question')
  const answered = untilEnd(stream)
  other.end('answer')
  t.equal(await answered, 'answer')
  await settle()
  t.strictSame([client.streams, server.streams], [0, 0])
})

t.test('a reader that waits makes the writer wait', async (t) => {
  const { client, accepted } = multiplexed()
  const stream = must(client.open(), 'a stream')
  const sizeBytes = 3 * windowSizeBytes
  let written = false
  stream.write(Buffer.alloc(sizeBytes, 7), () => (written = true))
  for (let turn = 0; turn < 50; turn += 1) await settle()
  t.notOk(written)
  const other = must(accepted[0], 'a stream there')
  t.ok(other.readableLength <= windowSizeBytes)
  stream.end()
  t.equal((await buffer(other)).length, sizeBytes)
  t.ok(written)
})

t.test('a stream that one side destroys is gone on the other', async (t) => {
  const { client, server, accepted } = multiplexed()
  const stream = client.open()
  await settle()
  stream?.destroy()
  await settle()
  t.ok(accepted[0]?.destroyed)
  t.strictSame([client.streams, server.streams], [0, 0])
})

t.test('all streams end with their connection', async (t) => {
  const { client, accepted, near } = multiplexed()
  const stream = client.open()
  await settle()
  near.destroy()
  await settle()
  t.ok(stream?.destroyed)
  t.notOk(client.isOpen)
  t.equal(client.open(), undefined)
  t.equal(accepted.length, 1)
})

t.test('who goes away takes no new streams, and finishes the old', async (t) => {
  const { client, server, accepted } = multiplexed()
  const stream = client.open()
  await settle()
  server.goAway()
  await settle()
  t.notOk(client.isOpen)
  t.equal(client.open(), undefined)
  stream?.end('still')
  t.equal(accepted[0] && (await text(accepted[0])), 'still')
})

t.test(
  'a silent connection is asked whether it lives, and closed when it does not say so',
  async (t) => {
    const { client, server, clock, near } = multiplexed()
    await clock.advance(100_000)
    t.ok(client.isOpen && server.isOpen, 'both answer')
    const [alone, dead] = duplexPair()
    const heard: number[] = []
    dead.on('data', (chunk: Buffer) => heard.push(chunk[1] ?? 0))
    const lone = new YamuxConnection(alone, { role: 'client', clock, onStream: () => undefined })
    await clock.advance(30_000)
    t.strictSame(heard, [frameType.ping])
    t.ok(lone.isOpen)
    await clock.advance(10_000)
    t.notOk(lone.isOpen)
    near.destroy()
    await settle()
    t.equal(clock.timers, 0)
  },
)

t.test('a port that speaks something else is an error, not a wait', async (t) => {
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const { pool } = pooled(t)
  for (const speaks of ['praetor', 'consul'] as const)
    await t.rejects(pool.call({ address, speaks }, 'Echo', {}, soon), /rpc error making call|EOF/)
})
