import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

import fc from 'fast-check'
import t from 'tap'

import { readPlain, type Repeated } from '../../../api/plain/head.ts'

const fresh = (): Repeated => ({ lines: '', headers: {}, bodyBytes: 0 })
const read = (text: string): ReturnType<typeof readPlain> =>
  readPlain(Buffer.from(text, 'latin1'), fresh())
const get = (...lines: readonly string[]): string =>
  ['GET /v1/kv/a HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n')

t.test('a plain request is read to where its body ends', async (t) => {
  const text = 'PUT /v1/kv/a?cas=0 HTTP/1.1\r\nHost: x:8500\r\nContent-Length: 3\r\n\r\nabcGET /v1'
  t.same(read(text), {
    method: 'PUT',
    url: '/v1/kv/a?cas=0',
    headers: { host: 'x:8500', 'content-length': '3' },
    bodyStart: text.indexOf('abc'),
    bodyEnd: text.indexOf('GET'),
  })
})

t.test('header lines that come again are not read again, and others are', async (t) => {
  const repeated = fresh()
  const ask = (text: string): ReturnType<typeof readPlain> =>
    readPlain(Buffer.from(text, 'latin1'), repeated)
  const first = ask(get('X-Consul-Token: one'))
  t.equal(ask(get('X-Consul-Token: one'))?.headers, first?.headers)
  t.same(ask(get('X-Consul-Token: two'))?.headers, { host: 'x', 'x-consul-token': 'two' })
  t.equal(ask(get('Upgrade: h2c')), undefined)
  t.same(ask(get('X-Consul-Token: two'))?.headers, { host: 'x', 'x-consul-token': 'two' })
})

const others: readonly (readonly [string, string])[] = [
  ['an incomplete head', 'GET /v1/kv/a HTTP/1.1\r\nHost: x\r\n'],
  ['an incomplete body', 'PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na'],
  ['HTTP/1.0', 'GET /v1/kv/a HTTP/1.0\r\nHost: x\r\n\r\n'],
  ['a method without a route', 'PATCH /v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HEAD, whose answer has no body', 'HEAD /v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a page', 'GET /ui/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an absolute URL', 'GET http://x/v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a fragment', 'GET /v1/kv/a#b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['two spaces', 'GET  /v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a space in the URL', 'GET /v1/kv/a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['bytes beyond ASCII in the URL', 'GET /v1/kv/\xe4 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['bare line feeds', 'GET /v1/kv/a HTTP/1.1\nHost: x\n\r\n\r\n'],
  ['no host', 'GET /v1/kv/a HTTP/1.1\r\nAccept: */*\r\n\r\n'],
  ['no header at all', 'GET /v1/kv/a HTTP/1.1\r\n\r\n'],
  ['a header twice', get('X-A: 1', 'x-a: 2')],
  ['two lengths', get('Content-Length: 0', 'Content-Length: 1')],
  ['a length that is none', get('Content-Length: +1')],
  ['a length in hexadecimal', get('Content-Length: 0x1')],
  ['a chunked body', get('Transfer-Encoding: chunked')],
  ['a folded line', get('X-A: 1', ' 2')],
  ['a space before the colon', get('X-A : 1')],
  ['a line without a colon', get('X-A')],
  ['a nameless line', get(': 1')],
  ['a control character', get('X-A: \x01')],
  ['a carriage return within a value', get('X-A: 1\r2')],
  ['a value beyond ASCII', get('X-A: \xe4')],
  ['a connection that is to be closed', get('Connection: close')],
  ['an upgrade', get('Connection: Upgrade', 'Upgrade: websocket')],
  ['an expectation', get('Expect: 100-continue')],
  ['a very long head', get(`X-A: ${'a'.repeat(20_000)}`)],
  ['a property of objects', get('__proto__: 1')],
]
t.test('everything else is left to node:http', async (t) => {
  for (const [name, text] of others) t.equal(read(text), undefined, name)
})

t.test('what is read here is what node:http reads', async (t) => {
  const server = createServer((request, response) => {
    const body: Buffer[] = []
    request.on('data', (chunk: Buffer) => body.push(chunk))
    request.on('end', () => {
      const { headers, method, url } = request
      response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(body).toString() }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo

  /** What node:http makes of it, or undefined for a refusal. */
  const judge = async (text: string): Promise<unknown> => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk))
    // The second request makes it end.
    socket.write(`${text}GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1')
    await once(socket, 'close')
    const json = /^HTTP\/1\.1 200[^]*?\r\n\r\n(\{.*?\})(?=HTTP\/1\.1)/.exec(answer)?.[1]
    return json === undefined ? undefined : JSON.parse(json)
  }

  const odd = fc.constantFrom(' ', '\t', '\r', '\n', '\0', ':', '"', '\x7f', '\xe4', ',', ';', 'a')
  const value = fc.oneof(
    fc.string({ unit: odd, maxLength: 4 }),
    fc.constantFrom('keep-alive', 'close', 'chunked', '0', '2', 'a b', '100-continue', 'x'),
  )
  const name = fc.oneof(
    fc.constantFrom('Content-Length', 'Connection', 'Transfer-Encoding', 'Accept', 'X-A', 'Host'),
    fc.string({ unit: odd, minLength: 1, maxLength: 3 }),
  )
  const line = fc
    .tuple(name, fc.constantFrom(':', ': ', ':\t', ' :', ''), value)
    .map((parts) => parts.join(''))
  const request = fc.record({
    method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'get'),
    url: fc.oneof(
      fc.constant('/v1/kv/a?b=c'),
      fc.string({ unit: odd, maxLength: 3 }).map((end) => `/v1/${end}`),
    ),
    lines: fc.array(line, { maxLength: 3 }),
    body: fc.constantFrom('', 'ab'),
  })
  let plain = 0
  await fc.assert(
    fc.asyncProperty(request, async ({ body, lines, method, url }) => {
      const length = body === '' ? [] : [`Content-Length: ${body.length}`]
      const text = [`${method} ${url} HTTP/1.1`, 'Host: x', ...length, ...lines, '', body].join(
        '\r\n',
      )
      const ours = read(text)
      if (ours === undefined) return
      plain += 1
      const { bodyEnd, bodyStart, ...head } = ours
      if (bodyEnd !== text.length) return
      t.same(
        await judge(text),
        { ...head, body: text.slice(bodyStart, bodyEnd) },
        JSON.stringify(text),
      )
    }),
    { numRuns: 1500 },
  )
  t.ok(plain > 100, `${plain} of them were plain`)
})
