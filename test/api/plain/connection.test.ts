import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'

import t, { type Test } from 'tap'

import { listen } from '../../../api/listen.ts'
import { PlainRequest } from '../../../api/plain/exchange.ts'
import { endWith } from '../../../api/plugins/answer.ts'
import { readBody } from '../../../api/plugins/body.ts'
import { systemClock } from '../../../server/runtime/clock.ts'

/** Answers with who took the request, its URL and its body's length. */
const say: RequestListener = (request, response) => {
  void readBody(request, { sizeMaxBytes: 1 << 20, describe: () => '' }).then((body) => {
    const who = (request as unknown) instanceof PlainRequest ? 'plain' : 'node'
    const text = `${who} ${request.url} ${body.length}\n`
    endWith(response, 200, ['Content-Length', text.length], text, 'latin1')
  })
}

async function serve(t: Test, handle: RequestListener = say): Promise<Socket> {
  const listener = await listen({ host: '127.0.0.1', port: 0 }, handle, {
    connectionsPerClientMax: 10,
    clock: systemClock,
    isStreamed: (url) => url === '/v1/streamed',
    onTrouble() {},
  })
  t.teardown(() => listener.close())
  const port = 'port' in listener.address ? listener.address.port : 0
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.setEncoding('latin1')
  return socket
}

/** The bodies of the next answers. */
async function answers(socket: Socket, count: number): Promise<string[]> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk
    const bodies = text.match(/(?:plain|node) .*\n/g) ?? []
    if (bodies.length >= count) return bodies.map((body) => body.trim())
  }
  return [text]
}

const get = (url: string, ...lines: readonly string[]): string =>
  [`GET ${url} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
const put = (url: string, body: string): string =>
  `PUT ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`

t.test('requests that come together are answered in order', async (t) => {
  const socket = await serve(t)
  socket.write(get('/v1/a') + put('/v1/b', 'xyz') + get('/v1/c'))
  t.same(await answers(socket, 3), ['plain /v1/a 0', 'plain /v1/b 3', 'plain /v1/c 0'])
})

t.test(
  'the first that is not plain takes the connection to node:http, and what follows it',
  async (t) => {
    const socket = await serve(t)
    socket.write(get('/v1/a') + get('/v1/streamed') + get('/v1/c'))
    t.same(await answers(socket, 3), ['plain /v1/a 0', 'node /v1/streamed 0', 'node /v1/c 0'])
    socket.write(get('/v1/d'))
    t.same(await answers(socket, 1), ['node /v1/d 0'], 'for the rest of its life')
  },
)

t.test('a request in pieces is put together by node:http', async (t) => {
  const socket = await serve(t)
  const text = put('/v1/a', 'b'.repeat(300_000))
  socket.setNoDelay(true)
  socket.write(get('/v1/first'))
  t.same(await answers(socket, 1), ['plain /v1/first 0'])
  for (let at = 0; at < text.length; at += 50_000) {
    socket.write(text.slice(at, at + 50_000))
    await new Promise(setImmediate)
  }
  t.same(await answers(socket, 1), ['node /v1/a 300000'])
})

t.test('what is no HTTP is refused as ever', async (t) => {
  const socket = await serve(t)
  socket.write('hello\r\n\r\n')
  t.match((await answers(socket, 1))[0], /^HTTP\/1\.1 400 Bad Request\r\n/)
})

t.test('who waits for an answer and leaves is noticed', async (t) => {
  const arrived = Promise.withResolvers<void>()
  const left = Promise.withResolvers<boolean>()
  const socket = await serve(t, (request, response) => {
    request.on('close', () => left.resolve(response.destroyed))
    arrived.resolve()
  })
  socket.write(get('/v1/a'))
  await arrived.promise
  socket.destroy()
  t.ok(await left.promise, 'the request was closed, and nobody is to be answered')
})

t.test('a client that does not read is not read from', async (t) => {
  let count = 0
  const first = Promise.withResolvers<void>()
  const body = 'x'.repeat(1 << 20)
  const socket = await serve(t, (_request, response) => {
    count += 1
    first.resolve()
    endWith(response, 200, ['Content-Length', body.length], body, 'latin1')
  })
  socket.pause()
  const asked = 200
  for (let each = 0; each < asked; each += 1) socket.write(get('/v1/a'))
  await first.promise
  t.ok(count < asked, 'no buffers hold so much')
  let sizeBytes = 0
  for await (const chunk of socket) {
    sizeBytes += (chunk as string).length
    if (sizeBytes > asked * body.length) break
  }
  t.equal(count, asked, 'all of them when it reads')
})

t.test('an answer that says so is the last', async (t) => {
  const socket = await serve(t, (_request, response) =>
    endWith(response, 413, ['Content-Length', 0, 'Connection', 'close'], ''),
  )
  socket.write(get('/v1/a') + get('/v1/b'))
  let text = ''
  socket.on('data', (chunk: string) => (text += chunk))
  await once(socket, 'close')
  t.match(
    text,
    /^HTTP\/1\.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\nDate: .*\r\n\r\n$/,
  )
})

t.test('a header that would be two is no header', async (t) => {
  const failed = Promise.withResolvers<unknown>()
  const socket = await serve(t, (_request, response) => {
    try {
      endWith(response, 200, ['Location', 'a\r\nSet-Cookie: b'], '')
    } catch (error) {
      failed.resolve(error)
      response.socket?.destroy()
    }
  })
  socket.write(get('/v1/a'))
  t.match(await failed.promise, { message: /the header Location/ })
})
