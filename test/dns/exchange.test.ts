import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

import t from 'tap'

import { createExchange } from '../../dns/exchange.ts'
import { systemClock } from '../../server/runtime/clock.ts'
import { ask } from './wire.ts'

const message = ask('www.example.com', { id: 0x1234 })
const answer = withFlags(message, 0x8180)
const udp = { transport: 'udp', sizeMaxBytes: 512, timeoutMs: 60_000 } as const
const tcp = { ...udp, transport: 'tcp' } as const

function withFlags(question: Buffer, flags: number, id = question.readUInt16BE(0)): Buffer {
  const copy = Buffer.from(question)
  copy.writeUInt16BE(id, 0)
  copy.writeUInt16BE(flags, 2)
  return copy
}

interface Server extends AsyncDisposable {
  readonly recursor: { readonly host: string; readonly port: number }
}

/** A server that sends all this for each message. */
async function overUdp(...replies: readonly Buffer[]): Promise<Server> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.on('message', (_, from) => {
    for (const reply of replies) socket.send(reply, from.port, from.address)
  })
  return {
    recursor: { host: '127.0.0.1', port: socket.address().port },
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

/** The same over TCP, which closes the connection after the last piece. */
async function overTcp(...pieces: readonly Buffer[]): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece)
      socket.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    recursor: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

function framed(body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(body.length >> 8, body.length & 0xff), body])
}

t.test('over UDP only an answer with the id that was sent is one', async (t) => {
  const forged = [withFlags(message, 0x8180, 1), message, Buffer.of(0x12, 0x34, 0x81)]
  await using server = await overUdp(...forged, answer)
  const exchange = createExchange(systemClock, new AbortController().signal)
  t.strictSame(await exchange(message, server.recursor, udp), answer)
})

t.test('over TCP an answer may come in pieces', async (t) => {
  const whole = framed(answer)
  await using server = await overTcp(whole.subarray(0, 1), whole.subarray(1, 9), whole.subarray(9))
  const exchange = createExchange(systemClock, new AbortController().signal)
  t.strictSame(await exchange(message, server.recursor, tcp), answer)
})

t.test('what is no answer is told of', async (t) => {
  const stop = new AbortController()
  const exchange = createExchange(systemClock, stop.signal)
  await using large = await overUdp(Buffer.concat([answer, Buffer.alloc(512)]))
  await using strange = await overTcp(framed(withFlags(message, 0x8180, 1)))
  await using cut = await overTcp(framed(answer).subarray(0, 20))
  await using silent = await overUdp()
  const gone = await overUdp()
  await gone[Symbol.asyncDispose]()
  await t.rejects(exchange(message, large.recursor, udp), /larger/)
  await t.rejects(exchange(message, strange.recursor, tcp), /id mismatch/)
  await t.rejects(exchange(message, cut.recursor, tcp), /closed/)
  await t.rejects(exchange(message, gone.recursor, udp), /ECONNREFUSED/)
  await t.rejects(exchange(message, gone.recursor, tcp), /ECONNREFUSED/)
  await t.rejects(exchange(message, silent.recursor, { ...udp, timeoutMs: 1 }), /timeout/)

  const waiting = Array.from({ length: 1024 }, () => exchange(message, silent.recursor, udp))
  const ended = Promise.allSettled(waiting)
  await t.rejects(exchange(message, silent.recursor, udp), /too many/)
  stop.abort()
  for (const { status } of await ended) t.equal(status, 'rejected')
  await t.rejects(exchange(message, silent.recursor, udp))
})
