import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import t from 'tap'

import { createDns } from '../../dns/server.ts'
import type { Dns } from '../../dns/server.ts'
import { defaultDnsSettings } from '../../dns/settings.ts'
import { Catalog } from './catalog.ts'
import { ask, portsOn, tell } from './wire.ts'

const instances = Array.from({ length: 10 }, (_, at) => ({
  node: `w${at}`,
  address: `10.0.0.${at}`,
  service: 'web',
  port: 80,
}))

/** A port that was free a moment ago, for UDP and TCP alike. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function start(catalog: Catalog): Promise<{ dns: Dns; port: number }> {
  const dns = createDns(portsOn(catalog), defaultDnsSettings)
  const port = await freePort()
  await dns.listen('127.0.0.1', port)
  return { dns, port }
}

async function askUdp(port: number, message: Buffer, host = '127.0.0.1'): Promise<Buffer> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const answered = once(socket, 'message')
  socket.send(message, port, host)
  const [answer] = (await answered) as [Buffer]
  socket.close()
  return answer
}

function framed(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => [Buffer.of(message.length >> 8, message.length & 0xff), message]),
  )
}

/** So many answers, by their ids: they may come in any order. */
async function readAnswers(socket: Socket, count: number): Promise<Map<number, Buffer>> {
  const answers = new Map<number, Buffer>()
  let unread = Buffer.alloc(0)
  for await (const chunk of socket) {
    unread = Buffer.concat([unread, chunk as Buffer])
    while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      const end = 2 + unread.readUInt16BE(0)
      answers.set(unread.readUInt16BE(2), unread.subarray(2, end))
      unread = unread.subarray(end)
    }
    if (answers.size === count) break
  }
  return answers
}

t.test('one port answers over UDP and TCP', async (t) => {
  const { dns, port } = await start(new Catalog(instances))
  t.equal(tell(await askUdp(port, ask('web.service.consul')))?.answers.length, 3)
  t.equal(tell(await askUdp(port, ask('web.service.consul')))?.answers.length, 3)
  t.equal(tell(await askUdp(port, ask('web.service.consul', { edns: 1232 })))?.answers.length, 10)
  const socket = connect(port, '127.0.0.1')
  socket.write(framed(ask('web.service.consul')))
  const answers = await readAnswers(socket, 1)
  t.equal(tell(answers.get(0x1234))?.answers.length, 10)
  await dns.close()
})

t.test('questions on one connection come in pieces and in crowds', async (t) => {
  const { dns, port } = await start(new Catalog(instances))
  const questions = Array.from({ length: 500 }, (_, id) => ask('web.service.consul', { id }))
  const bytes = framed(...questions)
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  for (let at = 0; at < 60; at += 7) {
    socket.write(bytes.subarray(at, Math.min(at + 7, 60)))
    await new Promise((resolve) => setImmediate(resolve))
  }
  // The asker says it has no more to ask: it still gets every answer.
  socket.end(bytes.subarray(60))
  const answers = await readAnswers(socket, 500)
  t.equal(answers.size, 500)
  await dns.close()
})

t.test('no more questions of a connection wait than may', async (t) => {
  const catalog = new Catalog(instances)
  const waiting: (() => void)[] = []
  const held = {
    read: (...args: Parameters<Catalog['read']>) =>
      new Promise<void>((resolve) => waiting.push(resolve)).then(() => catalog.read(...args)),
  }
  const dns = createDns({ ...portsOn(catalog), rpc: held as Catalog }, defaultDnsSettings)
  const port = await freePort()
  await dns.listen('127.0.0.1', port)
  const socket = connect(port, '127.0.0.1')
  socket.write(framed(...Array.from({ length: 200 }, (_, id) => ask('web.service.consul', { id }))))
  const reading = readAnswers(socket, 200)
  let mostWaiting = 0
  const finished = new AbortController()
  void reading.then(() => finished.abort())
  while (!finished.signal.aborted) {
    await new Promise((resolve) => setImmediate(resolve))
    mostWaiting = Math.max(mostWaiting, waiting.length)
    // Only when all that may wait do wait is one let go.
    if (waiting.length >= 64 || mostWaiting === 64) waiting.shift()?.()
  }
  t.equal(mostWaiting, 64)
  t.equal((await reading).size, 200)
  await dns.close()
})

t.test('a connection that speaks no DNS is closed', async (t) => {
  const { dns, port } = await start(new Catalog(instances))
  for (const bytes of [
    Buffer.alloc(2),
    framed(Buffer.from('12')),
    framed(ask('consul', { flags: 0x8000 })),
  ]) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(bytes)
    await once(socket, 'close')
  }
  t.pass()
  await dns.close()
})

t.test('new settings count from the next question on', async (t) => {
  const { dns, port } = await start(new Catalog(instances))
  t.equal(tell(await askUdp(port, ask('web.service.consul')))?.answers.length, 3)
  dns.configure({ ...defaultDnsSettings, udpAnswerLimit: 5, enableTruncate: true })
  const told = tell(await askUdp(port, ask('web.service.consul')))
  t.equal(told?.answers.length, 5)
  t.equal(told?.flags, '8700')
  t.strictSame(tell(await askUdp(port, ask('web.service.consul')))?.flags, '8700', 'when kept too')
  await dns.close()
})

t.test('a port in use is an error, and what listened already stops on close', async (t) => {
  const { dns, port } = await start(new Catalog(instances))
  const other = createDns(portsOn(new Catalog([])), defaultDnsSettings)
  await t.rejects(other.listen('127.0.0.1', port), { code: 'EADDRINUSE' })
  await other.close()
  await dns.close()
  await other.listen('127.0.0.1', port)
  t.equal(tell(await askUdp(port, ask('web.service.consul')))?.flags, '8503')
  await other.close()
})

t.test('a UDP port is given back when the TCP port is taken', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const dns = createDns(portsOn(new Catalog([])), defaultDnsSettings)
  await t.rejects(dns.listen('127.0.0.1', port), { code: 'EADDRINUSE' })
  await dns.close()
  const free = createSocket('udp4')
  free.bind(port, '127.0.0.1')
  await once(free, 'listening')
  t.pass()
  free.close()
  taken.close()
})
