import { once } from 'node:events'
import { connect } from 'node:net'

import t from 'tap'
import type { Test } from 'tap'

import { DropLog } from '../../../../server/gossip/driver/drop-log.ts'
import { kernelDrops } from '../../../../server/gossip/driver/kernel-drops.ts'
import { openTcp } from '../../../../server/gossip/driver/tcp.ts'
import type { Tcp, TcpOptions } from '../../../../server/gossip/driver/tcp.ts'
import { Turns } from '../../../../server/gossip/driver/turns.ts'
import { openUdp } from '../../../../server/gossip/driver/udp.ts'
import type { Udp } from '../../../../server/gossip/driver/udp.ts'
import { Keyring } from '../../../../server/gossip/wire/keyring.ts'
import type { StreamMessage } from '../../../../server/gossip/wire/messages.ts'
import { Nonces } from '../../../../server/gossip/wire/nonces.ts'
import { unprotected } from '../../../../server/gossip/wire/protection.ts'
import type { Protection } from '../../../../server/gossip/wire/protection.ts'
import { must } from '../../../../server/model/assert.ts'
import { systemChance } from '../../../../server/runtime/chance.ts'
import { systemClock } from '../../../../server/runtime/clock.ts'
import { noLog } from '../../../../server/runtime/log.ts'
import type { Log } from '../../../../server/runtime/log.ts'
import { noMetrics } from '../../../../server/runtime/metrics.ts'
import { VirtualClock } from '../../../support/clock.ts'

function dropLog(clock = new VirtualClock()): { drops: DropLog; lines: object[] } {
  const lines: object[] = []
  const log: Log = { ...noLog, warn: (fields) => void lines.push(fields) }
  return { drops: new DropLog({ clock, log, metrics: noMetrics }), lines }
}

async function udp(
  t: Test,
  onDatagram: Parameters<typeof openUdp>[0]['onDatagram'],
  bindAddress = '127.0.0.1',
): Promise<Udp> {
  const { drops } = dropLog()
  const opened = await openUdp({
    bindAddress,
    port: 0,
    log: noLog,
    metrics: noMetrics,
    drops,
    onDatagram,
  })
  t.teardown(() => opened[Symbol.asyncDispose]())
  return opened
}

t.test('a burst of datagrams arrives whole, the urgent ones first', async (t) => {
  const got: string[] = []
  const all = Promise.withResolvers<void>()
  const receiver = await udp(t, (datagram) => {
    got.push(Buffer.from(datagram).toString())
    if (got.length === 101) all.resolve()
  })
  const sender = await udp(t, () => undefined)
  const to = { host: '127.0.0.1', port: receiver.port }
  for (let at = 0; at < 100; at += 1)
    sender.send(to, Buffer.from(`gossip ${at}`), { droppable: true })
  sender.send(to, Buffer.from('ack'), { droppable: false })
  await all.promise
  t.equal(got.indexOf('ack'), 16, 'it waits for what this turn has sent, and for nothing else')
})

t.test('a socket for both families calls an IPv4 host by its own name', async (t) => {
  const both = Promise.withResolvers<string>()
  const four = Promise.withResolvers<string>()
  const b = await udp(t, (_, from) => both.resolve(from.host), '::')
  const a = await udp(t, (_, from) => four.resolve(from.host))
  a.send({ host: '127.0.0.1', port: b.port }, Buffer.from('x'), { droppable: false })
  t.equal(await both.promise, '127.0.0.1')
  b.send({ host: '127.0.0.1', port: a.port }, Buffer.from('x'), { droppable: false })
  t.equal(await four.promise, '127.0.0.1')
})

t.test('a taken port is an error of the system', async (t) => {
  const taken = await udp(t, () => undefined)
  const { drops } = dropLog()
  const again = openUdp({
    bindAddress: '127.0.0.1',
    port: taken.port,
    log: noLog,
    metrics: noMetrics,
    drops,
    onDatagram() {},
  })
  await t.rejects(again, { code: 'EADDRINUSE' })
})

t.test('what is dropped is logged at once, and then once a minute with its number', async (t) => {
  const clock = new VirtualClock()
  const { drops, lines } = dropLog(clock)
  drops.note('a')
  drops.note('a')
  drops.note('b', 3)
  t.strictSame(lines, [{ dropped: { a: 1 } }])
  await clock.advance(60_000)
  drops.note('b')
  t.strictSame(lines[1], { dropped: { a: 1, b: 4 } })
})

t.test('the kernel says how many datagrams of a port it threw away', (t) => {
  const table = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    ' 2609: 0100007F:206D 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1848021 2 0000000032c94479 17',
    ' 2611: 0100007F:908B 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1848016 2 000000005b44a2e8 4',
  ].join('\n')
  t.equal(kernelDrops(table, 8301), 17)
  t.equal(kernelDrops(table, 1), 0)
  t.end()
})

t.test(
  'nothing is judged while datagrams may wait to be read, whatever the timers say',
  async (t) => {
    const clock = new VirtualClock()
    const readWhenJudged: number[] = []
    let read = 0
    const done = Promise.withResolvers<void>()
    const turns = new Turns({
      clock,
      dueMs: () => Infinity,
      judge() {
        readWhenJudged.push(read)
        done.resolve()
      },
    })
    const receiver = await udp(t, () => {
      read += 1
      turns.datagramRead()
    })
    const sender = await udp(t, () => undefined)
    const to = { host: '127.0.0.1', port: receiver.port }
    for (let at = 0; at < 100; at += 1) sender.send(to, Buffer.from('x'), { droppable: false })
    // All of them were sent, and the receiver's loop (it is ours) has stood still meanwhile.
    const timer = Promise.withResolvers<void>()
    setTimeout(() => {
      turns.wake()
      timer.resolve()
    }, 0)
    await timer.promise
    await done.promise
    // How many more came after the first judgement is the kernel's affair.
    t.ok(
      must(readWhenJudged[0], 'a judgement') > 0,
      'something was read before anything was judged',
    )
    turns[Symbol.dispose]()
  },
)

t.test('what comes of a turn asks for no other', async (t) => {
  const clock = new VirtualClock()
  let judged = 0
  const turns = new Turns({
    clock,
    dueMs: () => 100,
    judge() {
      judged += 1
      turns.wake()
    },
  })
  turns.wake()
  for (let loops = 0; loops < 10; loops += 1) await clock.advance(1)
  t.equal(judged, 1, 'an idle member lets the processor rest')
  turns[Symbol.dispose]()
})

t.test('a turn comes when it is due, and at once when something came', async (t) => {
  const clock = new VirtualClock()
  const judgedMs: number[] = []
  let dueMs = 100
  const turns = new Turns({
    clock,
    dueMs: () => dueMs,
    judge() {
      judgedMs.push(clock.monotonicMs())
      if (clock.monotonicMs() >= dueMs) dueMs += 100
    },
  })
  turns.wake()
  await clock.advance(0)
  await clock.advance(100)
  await clock.advance(40)
  turns.wake()
  await clock.advance(0)
  await clock.advance(60)
  t.strictSame(judgedMs, [0, 100, 140, 200])
  turns[Symbol.dispose]()
  t.equal(clock.timers, 0)
})

interface Heard {
  readonly tcp: Tcp
  readonly heard: StreamMessage[]
}

async function tcp(t: Test, more: Partial<TcpOptions> = {}): Promise<Heard> {
  const { drops } = dropLog()
  const heard: StreamMessage[] = []
  const opened: Tcp = await openTcp({
    bindAddress: '127.0.0.1',
    port: 0,
    clock: systemClock,
    drops,
    protection: () => unprotected,
    timeoutMs: 10_000,
    onCalled(caller, _from, message) {
      heard.push(message)
      if (message.kind === 'ping')
        opened.answer(caller, { kind: 'ack', sequence: message.sequence, payload: Buffer.alloc(0) })
      else opened.hangUp(caller)
    },
    ...more,
  })
  t.teardown(() => opened[Symbol.asyncDispose]())
  return { tcp: opened, heard }
}

function ask(from: Tcp, port: number, message: StreamMessage, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    from.call({
      to: { host: '127.0.0.1', port },
      message,
      timeoutMs,
      onAnswer: (answer) => resolve(answer.kind),
      onFailure: resolve,
    })
  })
}

const ping = { kind: 'ping', sequence: 7, node: 'b' } as const

t.test('a question over a stream is answered', async (t) => {
  const a = await tcp(t)
  const b = await tcp(t)
  t.equal(await ask(a.tcp, b.tcp.port, ping), 'ack')
  t.match(b.heard, [{ kind: 'ping', sequence: 7 }])
})

t.test(
  'a question under a key is answered under it, and not understood under another',
  async (t) => {
    const under = (fill: number): Protection => ({
      label: '',
      encryption: {
        keyring: Keyring.of(new Uint8Array(16).fill(fill)),
        nonces: new Nonces((sizeBytes) => systemChance.bytes(sizeBytes)),
        verifyIncoming: true,
        verifyOutgoing: true,
      },
    })
    const [one, two] = [under(1), under(2)]
    const a = await tcp(t, { protection: () => one })
    const b = await tcp(t, { protection: () => one })
    const c = await tcp(t, { protection: () => two })
    t.equal(await ask(a.tcp, b.tcp.port, ping), 'ack')
    t.equal(await ask(a.tcp, c.tcp.port, ping), 'reset')
  },
)

t.test('a call says why it failed', async (t) => {
  const a = await tcp(t)
  const silent = await tcp(t, { onCalled() {} })
  const gone = await tcp(t)
  const { port } = gone.tcp
  await gone.tcp[Symbol.asyncDispose]()
  t.equal(await ask(a.tcp, port, ping), 'refused')
  t.equal(await ask(a.tcp, silent.tcp.port, ping, 50), 'timeout')
  t.equal(await ask(a.tcp, silent.tcp.port, { kind: 'error', text: 'no' }, 50), 'timeout')
})

t.test('who opens a stream and says nothing, or nonsense, is shown out', async (t) => {
  const b = await tcp(t, { timeoutMs: 50 })
  const silent = connect(b.tcp.port, '127.0.0.1')
  await once(silent, 'close')
  const babbling = connect(b.tcp.port, '127.0.0.1')
  babbling.write('GET / HTTP/1.1\r\n\r\n')
  babbling.on('error', () => undefined)
  await once(babbling, 'close')
  t.strictSame(b.heard, [])
})
